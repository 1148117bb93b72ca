import { sql } from 'kysely';

import type { TargetState } from '../inventory/model.ts';
import type { InventoryWriter } from '../inventory/port.ts';
import type { Access } from './access.ts';
import { chunks, valueRows } from './bulk.ts';
import { forgetTextsAt } from './item-texts.ts';
import { toJson } from './json.ts';
import { createInventoryReader } from './inventory.ts';
import { TARGET_COLUMNS, toTarget } from './inventory-rows.ts';
import { saveLocations, touchLocations } from './location-writer.ts';
import type { Connection } from './schema.ts';

export function createInventoryWriter(access: Access): InventoryWriter {
  return {
    ...createInventoryReader(access),

    saveSource: (state) =>
      access.write(async (db) => {
        const values = {
          type: state.type,
          interval_ms: state.intervalMs,
          definition: state.definition ?? null,
          baseline_at: state.baselineAt ?? null,
          first_seen_at: state.firstSeenAt,
          withdrawn_at: null,
        };
        await db
          .insertInto('sources')
          .values({ name: state.name, ...values })
          .onConflict((conflict) => conflict.column('name').doUpdateSet(values))
          .execute();
      }),

    saveTarget: (target, now) =>
      access.write(async (db) => {
        const values = {
          labels_json: toJson(target.labels),
          data_json: toJson(target.data),
          withdrawn_at: null,
        };
        await db
          .insertInto('targets')
          .values({ source: target.source, key: target.key, ...values, first_seen_at: now })
          .onConflict((conflict) => conflict.columns(['source', 'key']).doUpdateSet(values))
          .execute();
      }),

    // A target that was withdrawn meanwhile gives no right either: a late look would bring its locations back.
    fence: (source, target, fence) =>
      access.write(async (db) => {
        const result = await db
          .updateTable('targets')
          .set({ fence })
          .where('source', '=', source)
          .where('key', '=', target)
          .where('withdrawn_at', 'is', null)
          .where((eb) => eb.or([eb('fence', 'is', null), eb('fence', '<=', fence)]))
          .executeTakeFirst();
        return result.numUpdatedRows === 1n;
      }),

    fenceAll: (source, targets, fence) =>
      access.write(async (db) => {
        const got: TargetState[] = [];
        for (const some of chunks(targets)) {
          const rows = await db
            .updateTable('targets')
            .set({ fence })
            .where('source', '=', source)
            .where('key', 'in', some)
            .where('withdrawn_at', 'is', null)
            .where((eb) => eb.or([eb('fence', 'is', null), eb('fence', '<=', fence)]))
            .returning(TARGET_COLUMNS)
            .execute();
          for (const row of rows) got.push(toTarget(row));
        }
        return got;
      }),

    noteLooks: (source, targets, now) =>
      access.write(async (db) => {
        for (const some of chunks(targets)) {
          await db
            .updateTable('targets')
            .set({ last_look_at: now })
            .where('source', '=', source)
            .where('key', 'in', some)
            .execute();
        }
      }),

    noteDiscovery: (source, now) =>
      access.write(async (db) => {
        await db
          .updateTable('sources')
          .set({ discovered_at: now })
          .where('name', '=', source)
          .where('discovered_at', 'is', null)
          .execute();
      }),

    setCheckpoint: (source, target, checkpoint, now) =>
      access.write(async (db) => {
        await db
          .updateTable('targets')
          .set({
            last_look_at: now,
            ...(checkpoint === undefined ? {} : { checkpoint_json: toJson(checkpoint) }),
          })
          .where('source', '=', source)
          .where('key', '=', target)
          .execute();
      }),

    saveLocations: (writes) => access.write((db) => saveLocations(db, writes)),

    touch: (ids, now) => access.write((db) => touchLocations(db, ids, now)),

    withdrawLocations: (ids, now) =>
      access.write(async (db) => {
        for (const some of chunks(ids)) await withdraw(db, sql<boolean>`id in (${sql.join(some)})`, now);
      }),

    withdrawTarget: (source, target, now) =>
      access.write(async (db) => {
        await withdraw(db, sql<boolean>`source = ${source} and target = ${target}`, now);
        await db
          .updateTable('targets')
          .set({ withdrawn_at: now })
          .where('source', '=', source)
          .where('key', '=', target)
          .where('withdrawn_at', 'is', null)
          .execute();
      }),

    withdrawSource: (name, now) =>
      access.write(async (db) => {
        await withdraw(db, sql<boolean>`source = ${name}`, now);
        await db
          .updateTable('targets')
          .set({ withdrawn_at: now })
          .where('source', '=', name)
          .where('withdrawn_at', 'is', null)
          .execute();
        // Should it come back it is new: its first round is not over before it was looked at again, and what was read up
        // to a checkpoint is told nowhere any more.
        await db
          .updateTable('targets')
          .set({ last_look_at: null, checkpoint_json: null })
          .where('source', '=', name)
          .execute();
        await db
          .updateTable('sources')
          .set({ withdrawn_at: now, discovered_at: null })
          .where('name', '=', name)
          .where('withdrawn_at', 'is', null)
          .execute();
      }),

    scheduleAssessments: (times) =>
      access.write(async (db) => {
        for (const some of chunks([...times])) {
          const rows = some.map(([id, at]) => [id, at ?? null]);
          await db
            .updateTable('locations')
            .from(valueRows<{ column1: number; column2: number | null }>(['bigint', 'bigint'], rows))
            .set((eb) => ({ assess_at: eb.ref('v.column2') }))
            .whereRef('locations.id', '=', 'v.column1')
            // Most stand as they are: nothing is written then.
            .whereRef('locations.assess_at', 'is distinct from', 'v.column2')
            .execute();
        }
      }),

    assessBy: (ids, at) =>
      access.write(async (db) => {
        for (const some of chunks(ids)) {
          await db
            .updateTable('locations')
            .set({ assess_at: at })
            .where('id', 'in', some)
            .where('withdrawn_at', 'is', null)
            .where((eb) => eb.or([eb('assess_at', 'is', null), eb('assess_at', '>', at)]))
            .execute();
        }
      }),
  };
}

/** Ends the current sightings of locations, then the locations; those that were withdrawn before keep their time. */
async function withdraw(db: Connection, which: ReturnType<typeof sql<boolean>>, now: number): Promise<void> {
  await db
    .updateTable('sightings')
    .set({ ended_at: now })
    .where('ended_at', 'is', null)
    .where('location_id', 'in', (eb) => eb.selectFrom('locations').select('id').where(which))
    .execute();
  await forgetTextsAt(db, which, now);
  await db
    .updateTable('locations')
    .set({ withdrawn_at: now, assess_at: null })
    .where('withdrawn_at', 'is', null)
    .where(which)
    .execute();
}
