import type { KnownNode, NodeRole, Nodes } from '../engine/nodes.ts';
import type { Access } from './access.ts';
import type { Connection } from './schema.ts';

/** A node that has said nothing for so long is not counted any more. */
const SILENT_MS = 20_000;
/** One that has been gone for so long is forgotten. */
const FORGOTTEN_MS = 7 * 86_400_000;

export interface NodesParts {
  /** Names this process. */
  readonly node: string;
  now(db: Connection): Promise<number>;
}

export function createNodes(access: Access, { node: process, now }: NodesParts): Nodes {
  return {
    report: ({ name, role, zone, config, startedAt }) =>
      access.write(async (db) => {
        const at = await now(db);
        const others = await db
          .selectFrom('nodes')
          .selectAll()
          .where('seen_at', '>', at - SILENT_MS)
          .orderBy('name')
          .execute();
        const values = { role, zone: zone ?? null, config, started_at: startedAt, seen_at: at, process };
        await db
          .insertInto('nodes')
          .values({ name, ...values })
          .onConflict((conflict) => conflict.column('name').doUpdateSet(values))
          .execute();
        await db
          .deleteFrom('nodes')
          .where('seen_at', '<', at - FORGOTTEN_MS)
          .execute();
        const alive = others
          .filter((row) => row.process !== process)
          .map((row): KnownNode => ({
            name: row.name,
            role: row.role as NodeRole,
            ...(row.zone === null ? {} : { zone: row.zone }),
            config: row.config,
            startedAt: row.started_at,
            isThis: false,
          }));
        const self = { name, role, ...(zone === undefined ? {} : { zone }), config, startedAt, isThis: true };
        return { now: at, alive: [self, ...alive] };
      }),

    leave: (name) =>
      access.write(async (db) => {
        await db.deleteFrom('nodes').where('name', '=', name).where('process', '=', process).execute();
      }),
  };
}
