import type { DueTimes } from '../engine/due-times.ts';
import type { Fences } from '../engine/fences.ts';
import type { Access } from './access.ts';
import type { Connection } from './schema.ts';

/** The name under which the last fence is kept, beside the schedules. */
const FENCE = 'engine:hand-outs';

export function createFences(access: Access): Fences {
  return {
    next: () =>
      access.single(async (db) => {
        const row = await db
          .insertInto('due_times')
          .values({ name: FENCE, due_at: 1 })
          .onConflict((conflict) =>
            conflict.column('name').doUpdateSet((eb) => ({ due_at: eb('due_times.due_at', '+', 1) })),
          )
          .returning('due_at')
          .executeTakeFirstOrThrow();
        return BigInt(row.due_at);
      }),
  };
}

export function createDueTimes(access: Access): DueTimes {
  return {
    next: (name) =>
      access.single(async (db) => {
        const row = await db.selectFrom('due_times').select('due_at').where('name', '=', name).executeTakeFirst();
        return row?.due_at;
      }),

    init: (name, due) =>
      access.single(async (db) => {
        await db
          .insertInto('due_times')
          .values({ name, due_at: due })
          .onConflict((conflict) => conflict.column('name').doNothing())
          .execute();
      }),

    claim: (name, due, following) => access.single((db) => move(db, name, due, following)),

    forget: (name) =>
      access.single(async (db) => {
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
