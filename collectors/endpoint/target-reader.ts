import type { Context } from '../../src/plugin/context.ts';
import { CollectError } from '../../src/plugin/error.ts';
import {
  targetsOf,
  targetsOfLines,
  type DocumentFault,
  type DocumentResult,
  type ListedTarget,
} from './target-document.ts';

/** YAML is read a hundred times slower than JSON; beyond this a fault in JSON is told without its line. */
const MAX_YAML_LENGTH = 1024 * 1024;
const LIMITS = { timeMs: 10_000, memoryMb: 512 };

/**
 * The targets in a document, which is called `name` in messages: `lines` of one target each, or a `document` of JSON or
 * YAML. Throws CollectError `malformed` with name, line and column.
 */
export async function targetsIn(
  text: string,
  format: 'lines' | 'document',
  name: string,
  context: Pick<Context, 'isolate'>,
): Promise<readonly ListedTarget[]> {
  const result = format === 'lines' ? targetsOfLines(text) : await readDocument(text, context);
  if (result.kind === 'targets') return result.targets;
  throw new CollectError('malformed', `${placeOf(name, result)}: ${result.message}; what it named before is kept`);
}

async function readDocument(text: string, context: Pick<Context, 'isolate'>): Promise<DocumentResult> {
  const looksLikeJson = /^\uFEFF?\s*[[{]/.test(text);
  const fault = looksLikeJson ? readJson(text) : undefined;
  if (fault?.kind === 'targets') return fault;
  if (text.length <= MAX_YAML_LENGTH) {
    // JSON is YAML, and read as such a fault in it has a line.
    return context.isolate<DocumentResult>(new URL('./target-yaml.ts', import.meta.url), text, LIMITS);
  }
  return (
    fault ?? { kind: 'fault', message: `YAML of more than ${MAX_YAML_LENGTH} characters is not read; write it as JSON` }
  );
}

function readJson(text: string): DocumentResult {
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    // What the engine says repeats a part of the text.
    return { kind: 'fault', message: 'this is not JSON' };
  }
  const found = targetsOf(value);
  if (!('path' in found)) return { kind: 'targets', targets: found };
  const [index, ...rest] = found.path;
  const where = index === undefined ? '' : `at [${index}]${rest.map((part) => `.${part}`).join('')}: `;
  return { kind: 'fault', message: where + found.message };
}

function placeOf(name: string, { line, column }: DocumentFault): string {
  return [name, line, column].filter((part) => part !== undefined).join(':');
}
