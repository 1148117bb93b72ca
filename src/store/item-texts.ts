import { sql, type RawBuilder } from 'kysely';

import { chunks } from './bulk.ts';
import type { Connection } from './schema.ts';

/** Keeps what a search looks in, for items that are somewhere now. */
export async function saveTexts(
  db: Connection,
  texts: readonly { readonly item_id: number; readonly text: string }[],
): Promise<void> {
  await db
    .insertInto('item_texts')
    .values([...texts])
    .onConflict((conflict) =>
      conflict
        .column('item_id')
        .doUpdateSet((eb) => ({ text: eb.ref('excluded.text') }))
        .whereRef('item_texts.text', '<>', 'excluded.text'),
    )
    .execute();
}

/** Of these items, forgets those that are nowhere any more. */
export async function forgetTexts(db: Connection, itemIds: readonly number[]): Promise<void> {
  for (const some of chunks([...new Set(itemIds)])) await forgetWhere(db, sql<boolean>`item_id in (${sql.join(some)})`);
}

/** Of what was just withdrawn with some locations. */
export async function forgetTextsAt(db: Connection, which: RawBuilder<boolean>, now: number): Promise<void> {
  await forgetWhere(
    db,
    sql<boolean>`item_id in (select item_id from sightings where ended_at = ${now} and location_id in (select id from locations where ${which}))`,
  );
}

async function forgetWhere(db: Connection, which: RawBuilder<boolean>): Promise<void> {
  await db
    .deleteFrom('item_texts')
    .where(which)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('sightings')
            .select('sightings.id')
            .whereRef('sightings.item_id', '=', 'item_texts.item_id')
            .where('sightings.ended_at', 'is', null),
        ),
      ),
    )
    .execute();
}
