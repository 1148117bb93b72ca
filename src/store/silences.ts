import type { Silence } from '../notify/model.ts';
import { fromJson, toJson } from './json.ts';
import type { Connection, SilenceTable } from './schema.ts';

/** As it lies in the table. */
type SilenceRow = Readonly<Omit<SilenceTable, 'matchers_json'> & { matchers_json: string }>;

/** Silences that are listed: those that hold longest come first, so that none that holds is left out. */
const LISTED = 1_000;

export async function listSilences(db: Connection): Promise<readonly Silence[]> {
  const rows = await db
    .selectFrom('silences')
    .selectAll()
    .orderBy('until', 'desc')
    .orderBy('id')
    .limit(LISTED)
    .execute();
  return rows.map((row) => ({
    id: row.id,
    matchers: fromJson(row.matchers_json),
    createdAt: row.created_at,
    until: row.until,
    author: row.author,
    comment: row.comment,
  }));
}

export async function saveSilence(db: Connection, silence: Silence): Promise<void> {
  const row = silenceRow(silence);
  const { id: _, ...values } = row;
  await db
    .insertInto('silences')
    .values(row)
    .onConflict((conflict) => conflict.column('id').doUpdateSet(values))
    .execute();
}

export function silenceRow({ id, matchers, createdAt, until, author, comment }: Silence): SilenceRow {
  return { id, matchers_json: toJson(matchers), created_at: createdAt, until, author, comment };
}
