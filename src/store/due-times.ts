import type { DueTimes } from '../engine/due-times.ts';
import type { Access } from './access.ts';
import type { Connection } from './schema.ts';

export function createDueTimes(access: Access): DueTimes {
  return {
    next: (name) =>
      access.read(async (db) => {
        const row = await db.selectFrom('due_times').select('due_at').where('name', '=', name).executeTakeFirst();
        return row?.due_at;
      }),

    init: (name, due) =>
      access.write(async (db) => {
        await db
          .insertInto('due_times')
          .values({ name, due_at: due })
          .onConflict((conflict) => conflict.column('name').doNothing())
          .execute();
      }),

    claim: (name, due, following) => access.write((db) => move(db, name, due, following)),

    forget: (name) =>
      access.write(async (db) => {
        await db.deleteFrom('due_times').where('name', '=', name).execute();
      }),
  };
}

/** The condition makes it exclusive: of two who saw the same due time, one finds it moved. */
async function move(db: Connection, name: string, due: number, following: number): Promise<boolean> {
  const result = await db
    .updateTable('due_times')
    .set({ due_at: following })
    .where('name', '=', name)
    .where('due_at', '=', due)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}
