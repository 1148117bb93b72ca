import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

import { z } from 'zod';

import { RULES } from '../policy/finding.ts';
import { compileRunbookTemplate, type RunbookTemplate, type RunbookTemplates } from '../runbook/template.ts';
import { TemplateError } from '../text/template.ts';
import { ConfigError, type ConfigProblem } from './document.ts';
import { nearest } from './nearest.ts';

export interface RunbooksConfig {
  /** The folder of the templates. */
  readonly dir?: string;
  readonly templates: RunbookTemplates;
}

/** The part of a config that templates depend on. */
interface Named {
  readonly file: string;
  readonly runbooks: RunbooksConfig;
  readonly sources: readonly { readonly name: string }[];
}

const MAX_FILES = 1_000;
const MAX_BYTES = 256 * 1024;
const ENDING = '.md';
/** What people put into any folder. */
const BYSTANDER = 'README.md';

export const runbooksSchema = z
  .strictObject({
    dir: z
      .string()
      .min(1)
      .describe('A folder with templates: RULE.md or SOURCE.md, Markdown with {{name}}; see docs/guides/runbooks.md.'),
  })
  .describe('Runbooks in your own words.');

/** Reads the templates of a config: those of its folder, for its sources. Throws ConfigError with everything that is wrong in them. */
export async function readTemplates({ file, runbooks, sources }: Named): Promise<RunbooksConfig> {
  const { dir } = runbooks;
  if (dir === undefined) return runbooks;
  const names = await listed(file, dir);
  const known = [...RULES, ...sources.map(({ name }) => name)];
  const problems: ConfigProblem[] = [];
  const templates = new Map<string, RunbookTemplate>();
  for (const entry of names) {
    const template = path.join(dir, entry);
    const name = entry.slice(0, -ENDING.length);
    const report = (message: string, line = 1, column = 1): void => {
      problems.push({ file: template, line, column, key: '', message });
    };
    if (!known.includes(name)) report(strangerText(name, known));
    else {
      const text = await contentOf(template).catch((error: unknown) => {
        report(error instanceof Error ? error.message : String(error));
        return '';
      });
      try {
        templates.set(name, compileRunbookTemplate(text));
      } catch (error) {
        if (!(error instanceof TemplateError)) throw error;
        report(error.fault, error.position?.line, error.position?.column);
      }
    }
  }
  if (problems.length > 0) throw new ConfigError(file, problems);
  return { dir, templates };
}

async function listed(file: string, dir: string): Promise<readonly string[]> {
  const fail = (message: string): never => {
    throw new ConfigError(file, [{ line: 1, column: 1, key: 'runbooks.dir', message }]);
  };
  try {
    const names = (await readdir(dir)).filter((name) => name.endsWith(ENDING) && name !== BYSTANDER).toSorted();
    return names.length > MAX_FILES ? fail(`${dir} holds more than ${MAX_FILES} templates`) : names;
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    return fail(
      code === 'ENOENT' ? `there is no folder ${dir}` : `the folder ${dir} cannot be read (${code ?? String(error)})`,
    );
  }
}

async function contentOf(file: string): Promise<string> {
  const bytes = await readFile(file);
  if (bytes.length > MAX_BYTES) throw new Error(`the template is larger than ${MAX_BYTES} bytes`);
  return bytes.toString('utf8');
}

function strangerText(name: string, known: readonly string[]): string {
  const meant = nearest(name, known);
  const hint = meant === undefined ? '' : `; did you mean "${meant}"?`;
  return `there is no rule and no source called "${name}"${hint}`;
}
