import { readFile } from 'node:fs/promises';

import { RULES } from '../policy/finding.ts';

/** Beside the source, and beside what was built from it. */
const RUNBOOKS = new URL(
  import.meta.url.includes('/dist/src/') ? '../../../docs/runbooks/' : '../../docs/runbooks/',
  import.meta.url,
);

/** The page of a rule; only names of rules reach the file system. */
export async function readRunbook(rule: string): Promise<string | undefined> {
  const known = RULES.find((id) => id === rule);
  return known === undefined ? undefined : readFile(new URL(`${known}.md`, RUNBOOKS), 'utf8');
}

/** The pages of some rules, by rule; each file is read once. */
export async function readRunbookPages(rules: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const pages = await Promise.all(rules.map(async (rule) => [rule, await readRunbook(rule)] as const));
  return new Map(pages.flatMap(([rule, page]) => (page === undefined ? [] : [[rule, page] as const])));
}
