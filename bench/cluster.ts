import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

import { Client } from 'pg';

import { startDaemonProcess, type DaemonProcess } from '../test/helpers/daemon-process.ts';
import { startPostgresServer, type PostgresServer } from '../test/helpers/postgres-server.ts';
import { rootFile, startTlsFarm, type TlsFarm } from './tls-farm.ts';

/** All due at once. Fewer for a quick look: NOTAFTER_BENCH_TARGETS. */
const TARGETS = Number(process.env['NOTAFTER_BENCH_TARGETS'] ?? 100_000);
const WORKERS = [1, 2, 4];
const STATEMENTS_TARGET = 0.1;
const TAKEOVER_TARGET_S = 30;
/** Rounds do not overlap, however slow the machine is. */
const EVERY_S = Math.max(60, Math.ceil(TARGETS / 150));
/** Of Linux. */
const TICKS_PER_SECOND = 100;
const START_DEADLINE_MS = 120_000;
const LOOK_MS = 200;
/** Shares that one node has in hand at most. */
const SHARES_AT_ONCE = 2;

interface Round {
  readonly workers: number;
  readonly wallS: number;
  readonly cpuUs: number;
  readonly statements: number;
  readonly takeoverS: number | undefined;
}

/** Real daemons on a real PostgreSQL: what a round of unchanged targets costs, and how soon a dead node's work is done by another. */
export async function benchCluster(): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-bench-'));
  try {
    using farm = await startTlsFarm(folder, 1, { host: '0.0.0.0', sendsRoot: false });
    const server = await startPostgresServer({ shared_preload_libraries: 'pg_stat_statements' });
    try {
      const rounds: Round[] = [];
      for (const workers of WORKERS) rounds.push(await run(server, folder, farm, workers));
      return report(rounds, farm.kind);
    } finally {
      await server.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function run(server: PostgresServer, folder: string, farm: TlsFarm, workers: number): Promise<Round> {
  const database = `bench_${workers}`;
  const admin = await connected(server.url('postgres'));
  await admin.query(`create database ${database}`);
  const config = writeConfig(folder, farm, server.url(database));
  const nodes: DaemonProcess[] = [];
  const db = await connected(server.url(database));
  try {
    for (let index = 0; index < workers; index += 1) {
      const seat = ['--node', `node-${index}`, '--role', 'worker'];
      nodes.push(await startDaemonProcess(config, { cwd: folder, arguments: seat, deadlineMs: START_DEADLINE_MS }));
    }
    await until(db, `select baseline_at is not null as yes from sources`);
    await until(
      db,
      `select count(*) = 0 as yes from pgboss.job where name = 'look' and state in ('created', 'active')`,
    );
    await until(
      db,
      `select count(*) > 0 as yes from pgboss.job where name = 'look' and state in ('created', 'active')`,
    );
    const [begun] = (await db.query<{ at: string }>(`select extract(epoch from clock_timestamp()) * 1000 as at`)).rows;
    const at = Number(begun?.at);
    await admin.query('create extension if not exists pg_stat_statements');
    await admin.query('select pg_stat_statements_reset()');
    const cpuBefore = nodes.map(cpuMs);
    await until(db, `select min(last_look_at) >= ${at - 2_000} as yes from targets where withdrawn_at is null`);
    const [end] = (await db.query<{ at: string }>('select max(last_look_at) as at from targets')).rows;
    const counted = await admin.query<{ calls: string }>(
      `select sum(calls) as calls from pg_stat_statements s join pg_database d on d.oid = s.dbid where datname = '${database}' and query not like '%from targets where withdrawn_at is null%'`,
    );
    const cpu = nodes.reduce((sum, node, index) => sum + cpuMs(node) - (cpuBefore[index] ?? 0), 0);
    return {
      workers,
      wallS: (Number(end?.at) - at) / 1000,
      cpuUs: (cpu * 1000) / TARGETS,
      statements: Number(counted.rows[0]?.calls) / TARGETS,
      takeoverS: workers === 1 ? undefined : await takeover(db, nodes),
    };
  } finally {
    await db.end();
    await admin.end();
    await Promise.all(nodes.map((node) => node.kill()));
  }
}

/** Kills a node in the middle of the next round, and waits until another has begun what it had. */
async function takeover(db: Client, nodes: readonly DaemonProcess[]): Promise<number> {
  // More than the others can have: so this one has some.
  const others = SHARES_AT_ONCE * (nodes.length - 1);
  await until(db, `select count(*) > ${others} as yes from pgboss.job where name = 'look' and state = 'active'`);
  const killedAt = performance.now();
  await nodes[0]?.kill();
  await until(
    db,
    `select count(*) > 0 as yes from pgboss.job where name = 'look' and retry_count > 0 and state <> 'retry'`,
  );
  return (performance.now() - killedAt) / 1000;
}

/** Every address of 127.0.0.0/8 leads to this machine: so many targets, none of them asked too often. */
function writeConfig(folder: string, farm: TlsFarm, store: string): string {
  const port = farm.port('EC', '1.3');
  const targets = Array.from(
    { length: TARGETS },
    (_, index) => `127.${1 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}:${port}`,
  );
  const file = path.join(folder, 'notafter.yaml');
  writeFileSync(
    file,
    JSON.stringify({
      sources: [{ name: 'farm', type: 'endpoint', every: `${EVERY_S}s`, server_name: farm.names[0], targets }],
      // Nothing is wrong with them: what is told of is looked at again and again.
      trust: { ca_files: [rootFile(folder, 'EC')] },
      web: { listen: '127.0.0.1:0' },
      log: { level: 'error' },
      notifications: { dry_run: true },
      store,
    }),
  );
  return file;
}

/** User and system time of a process, milliseconds. */
function cpuMs({ child }: DaemonProcess): number {
  const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND) * 1000;
}

async function until(db: Client, question: string): Promise<void> {
  for (;;) {
    const [row] = (await db.query<{ yes: boolean | null }>(question)).rows;
    if (row?.yes === true) return;
    await wait(LOOK_MS);
  }
}

async function connected(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  await client.connect();
  return client;
}

function report(rounds: readonly Round[], kind: string): string {
  const met = (good: boolean): string => (good ? 'met' : 'missed');
  const statements = Math.max(...rounds.map((round) => round.statements));
  const takeovers = rounds.flatMap(({ takeoverS }) => takeoverS ?? []);
  return [
    `cluster: ${TARGETS.toLocaleString('en')} unchanged targets due at once, served by ${kind}, on PostgreSQL 18`,
    ...rounds.map(
      ({ workers, wallS, cpuUs, statements: each, takeoverS }) =>
        `  ${workers} worker${workers === 1 ? ' ' : 's'}: ${wallS.toFixed(1)} s, ${Math.round(TARGETS / wallS)} probes/s, ${Math.round(cpuUs)} µs CPU and ${each.toFixed(3)} statements a probe${takeoverS === undefined ? '' : `, a killed worker's targets begun by another after ${takeoverS.toFixed(1)} s`}`,
    ),
    `  statements a probe: ${statements.toFixed(3)} at most (target under ${STATEMENTS_TARGET}: ${met(statements < STATEMENTS_TARGET)})`,
    `  takeover: ${Math.max(...takeovers).toFixed(1)} s at most (target under ${TAKEOVER_TARGET_S}: ${met(Math.max(...takeovers) < TAKEOVER_TARGET_S)})`,
  ].join('\n');
}
