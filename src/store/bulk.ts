import { setImmediate } from 'node:timers/promises';

import { sql, type AliasedRawBuilder } from 'kysely';

/** Rows in one statement: far from the parameter limits (SQLite 32 766, PostgreSQL 65 535) for every table here. */
export const CHUNK = 500;

/** Cuts a list into runs of at most `size`. */
export function* chunks<T>(list: readonly T[], size = CHUNK): Generator<readonly T[]> {
  for (let start = 0; start < list.length; start += size) yield list.slice(start, start + size);
}

/** Lets timers and sockets have their turn between two chunks of long work: an embedded database never waits itself. */
export async function breathe(): Promise<void> {
  await setImmediate();
}

/**
 * Many rows of new values for one `update … from`. Both databases name the columns column1, column2, …; the casts in
 * the first row tell PostgreSQL the types of all.
 */
export function valueRows<Row>(
  types: readonly ('bigint' | 'text')[],
  rows: readonly (readonly (string | number | null)[])[],
): AliasedRawBuilder<Row, 'v'> {
  const list = rows.map((row, line) => {
    const cells = row.map((value, column) =>
      line === 0 ? sql`cast(${value} as ${sql.raw(types[column] ?? 'text')})` : sql`${value}`,
    );
    return sql`(${sql.join(cells)})`;
  });
  return sql<Row>`(values ${sql.join(list)})`.as('v');
}
