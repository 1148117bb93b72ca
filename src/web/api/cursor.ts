import { Refusal } from './endpoint.ts';

type Part = string | number;
type PartType = 'string' | 'number' | 'either';

/** What a list is ordered by: parts of the same types at the same positions, compared one after the other. No two rows share one. */
export type Key = readonly Part[];

/** Where a page ended, as a text that a client hands back. */
export function encodeCursor(parts: Key): string {
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}

/** Throws Refusal for what was never given out. */
export function decodeCursor(text: string, types: readonly PartType[]): Key {
  const value = parsed(Buffer.from(text, 'base64url').toString());
  const isCursor =
    Array.isArray(value) &&
    value.length === types.length &&
    value.every((part, index) => isOf(part, types[index] ?? 'either'));
  if (!isCursor) throw new Refusal(400, 'after: is not the next of an earlier answer; begin without it');
  return value as Key;
}

export interface Paging {
  /** The `next` of the page before. */
  readonly after?: string | undefined;
  readonly limit: number;
}

/**
 * One page of rows that are at hand, put in the order of their keys. What comes or goes between two pages makes no other row
 * come twice, and none be left out. Throws Refusal.
 */
export function pageOf<Row>(
  rows: readonly Row[],
  { after, limit }: Paging,
  types: readonly PartType[],
  keyOf: (row: Row) => Key,
): { readonly rows: readonly Row[]; readonly next: string | null } {
  const from = after === undefined || after === '' ? undefined : decodeCursor(after, types);
  const keyed = rows.map((row) => ({ row, key: keyOf(row) }));
  const behind = from === undefined ? keyed : keyed.filter(({ key }) => compareKeys(key, from) > 0);
  const page = behind.toSorted((a, b) => compareKeys(a.key, b.key)).slice(0, limit);
  const last = page.at(-1);
  return {
    rows: page.map(({ row }) => row),
    next: last === undefined || behind.length <= limit ? null : encodeCursor(last.key),
  };
}

/** Text by code unit: the same on every machine. */
function compareKeys(a: Key, b: Key): number {
  for (const [index, part] of a.entries()) {
    const other = b[index];
    if (other === undefined || part === other) continue;
    return part < other ? -1 : 1;
  }
  return 0;
}

function isOf(part: unknown, type: PartType): boolean {
  const isText = typeof part === 'string' && type !== 'number';
  return isText || (typeof part === 'number' && Number.isFinite(part) && type !== 'string');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
