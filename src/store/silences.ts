import type { Silence } from '../notify/model.ts';
import { fromJson, toJson } from './json.ts';
import type { Connection } from './schema.ts';

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
  const values = {
    matchers_json: toJson(silence.matchers),
    created_at: silence.createdAt,
    until: silence.until,
    author: silence.author,
    comment: silence.comment,
  };
  await db
    .insertInto('silences')
    .values({ id: silence.id, ...values })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(values))
    .execute();
}
