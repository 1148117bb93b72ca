import { PgBoss } from 'pg-boss';

import type { EngineLog } from './log.ts';

/** Connections for the queues of one node, beside those of its store. */
const CONNECTIONS = 3;
/** How often some node looks for work whose node has gone silent, seconds. */
const SUPERVISE_S = 4;
/** pg-boss has schedules of its own, which know minutes; ours lie in the store. */
const MAINTENANCE_S = 60;

/** The queues of a cluster, in PostgreSQL. Not started: `start()` makes its tables, under a lock, or brings them up to date. */
export function createBoss(url: string, log: EngineLog): PgBoss {
  const boss = new PgBoss({
    connectionString: url,
    max: CONNECTIONS,
    application_name: 'notafter-queues',
    schedule: false,
    superviseIntervalSeconds: SUPERVISE_S,
    monitorIntervalSeconds: SUPERVISE_S,
    maintenanceIntervalSeconds: MAINTENANCE_S,
    registerInstance: false,
  });
  boss.on('error', (error) => log.warn({ error: error.message }, 'the queues met an error of the database'));
  return boss;
}
