import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

import { Client } from 'pg';

import { startDaemonProcess, type DaemonProcess } from './daemon-process.ts';
import { eventually } from './eventually.ts';
import {
  firstEndMs,
  idOf,
  judged,
  newsIn,
  renewSome,
  seededRandom,
  startFleet,
  windows,
  type Host,
} from './kill-run.ts';
import type { PostgresServer } from './postgres-server.ts';
import { startHook } from './receivers.ts';
import { createStage } from './scenarios.ts';

const NODES = ['one', 'two', 'three'] as const;
type NodeName = (typeof NODES)[number];

const FAULTS = ['kill', 'pause', 'restart the database', 'crash the database', 'drop connections'] as const;
type Fault = (typeof FAULTS)[number];

/** A node is paused for at most so long: longer than any lease. */
const LONGEST_PAUSE_MS = 18_000;
/** On a busy machine several start at once. */
const START_DEADLINE_MS = 60_000;
/** What ends before it is over would be told in one digest. */
const FIRST_ROUND_MS = 150_000;
/** Between two faults. */
const LONGEST_CALM_MS = 1_500;
/** How often the age of the looks is read from the store. */
const SAMPLE_MS = 500;

export interface ClusterPlan {
  readonly folder: string;
  readonly seed: number;
  readonly faults: number;
  readonly certificates: number;
  /** Time from the first end to the last. */
  readonly spreadMs: number;
  /** How often each target is looked at, seconds. */
  readonly everyS: number;
  /** How long everything may take to be told when nothing is broken any more. */
  readonly patienceMs: number;
}

export interface ClusterResult {
  readonly faults: ReadonlyMap<Fault, number>;
  readonly certificates: number;
  readonly posts: number;
  /** Certificates of whose end nobody was told, and renewals that were not resolved. */
  readonly lost: readonly string[];
  /** The same news under another id. */
  readonly toldAnew: readonly string[];
  /** An end that was told and had not happened. */
  readonly wrong: readonly string[];
  /** Messages that came again with their id and no fault between: how long after. */
  readonly doubled: readonly number[];
  /** Messages that came again with their id because of a fault between send and commit. */
  readonly repeated: number;
  /** The longest that a target was not looked at, milliseconds. */
  readonly longestGapMs: number;
}

/**
 * Three real daemons on one PostgreSQL, while real servers' certificates end and some are renewed: nodes are killed and
 * paused, the database is restarted, crashes and drops connections. Then everything is left alone until all is told, and
 * what the receiver wrote down is held against what was so.
 */
export async function runCluster(plan: ClusterPlan, server: PostgresServer): Promise<ClusterResult> {
  mkdirSync(plan.folder, { recursive: true });
  const next = seededRandom(plan.seed);
  const stage = createStage(plan.folder);
  const startedAt = Date.now();
  const { hosts, close } = await startFleet(stage, plan, startedAt, next);
  const hook = await startHook(() => {});
  const database = `run_${plan.seed}`;
  await query(server.url('postgres'), `create database ${database}`);
  const rootFile = path.join(plan.folder, 'root.pem');
  writeFileSync(rootFile, stage.root.certificate.pem);
  const config = writeConfig(plan, hosts, { hookUrl: hook.url, store: server.url(database), rootFile });
  const nodes = new Map<NodeName, DaemonProcess>();
  const start = async (name: NodeName): Promise<void> => {
    nodes.set(
      name,
      await startDaemonProcess(config, {
        cwd: plan.folder,
        arguments: ['--node', name],
        deadlineMs: START_DEADLINE_MS,
      }),
    );
  };
  const told = newsIn(hook);
  const faultsAt: number[] = [];
  const counts = new Map<Fault, number>();
  const ages = sampleAges(server.url(database));
  try {
    await Promise.all(NODES.map(start));
    await eventually(
      'the first round is complete',
      async () => (await query(server.url(database), 'select 1 from sources where baseline_at is not null')).length > 0,
      FIRST_ROUND_MS,
    );
    ages.begin();
    for (let fault = 0; fault < plan.faults; fault += 1) {
      await wait(next() * LONGEST_CALM_MS);
      const kind = FAULTS[Math.floor(next() * FAULTS.length)] ?? 'kill';
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
      faultsAt.push(Date.now());
      await strike(kind, { nodes, start, server, database, next });
      faultsAt.push(Date.now());
      renewSome(hosts, told(), next);
    }
    await wait(Math.max(0, startedAt + firstEndMs(plan) + plan.spreadMs - Date.now()));
    const deadline = Date.now() + plan.patienceMs;
    while (judged(hosts, told()).lost.length > 0 && Date.now() < deadline) await wait(250);
    // What is under way ends in peace.
    await Promise.all([...nodes.values()].map((node) => node.stop()));
    const posts = hook.received.map(({ at, ...post }) => ({ at, id: idOf({ at, ...post }) }));
    const repeats = windows(posts, faultsAt);
    return {
      faults: counts,
      certificates: hosts.length,
      posts: posts.length,
      ...judged(hosts, told()),
      doubled: repeats.filter((ms) => ms === Infinity),
      repeated: repeats.filter((ms) => ms !== Infinity).length,
      longestGapMs: ages.longestMs(),
    };
  } finally {
    await ages.end();
    await Promise.all([...nodes.values()].map((node) => node.kill()));
    await close();
    await hook.close();
  }
}

/** One line for people. */
export function clusterText(result: ClusterResult): string {
  const faults = [...result.faults].map(([kind, count]) => `${count} x ${kind}`).join(', ');
  return (
    `${faults}; ${result.certificates} certificates ended: lost ${result.lost.length}, told anew ${result.toldAnew.length}, ` +
    `wrong ${result.wrong.length}, doubled ${result.doubled.length} of ${result.posts} messages ` +
    `(and ${result.repeated} with the same id because of a fault between send and commit); ` +
    `no target was without a look for more than ${(result.longestGapMs / 1000).toFixed(1)} s`
  );
}

interface Scene {
  readonly nodes: Map<NodeName, DaemonProcess>;
  start(name: NodeName): Promise<void>;
  readonly server: PostgresServer;
  readonly database: string;
  next(): number;
}

async function strike(kind: Fault, { nodes, start, server, database, next }: Scene): Promise<void> {
  const name = NODES[Math.floor(next() * NODES.length)] ?? 'one';
  const node = nodes.get(name);
  switch (kind) {
    case 'kill':
      await node?.kill();
      await wait(next() * LONGEST_CALM_MS);
      await start(name);
      return;
    case 'pause':
      node?.child.kill('SIGSTOP');
      await wait(next() * LONGEST_PAUSE_MS);
      node?.child.kill('SIGCONT');
      return;
    case 'restart the database':
      await server.restart('fast');
      return;
    case 'crash the database':
      await server.restart('immediate');
      return;
    case 'drop connections':
      await query(
        server.url('postgres'),
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${database}' and pid <> pg_backend_pid()`,
      );
  }
}

function writeConfig(
  plan: ClusterPlan,
  hosts: readonly Host[],
  { hookUrl, store, rootFile }: Readonly<Record<'hookUrl' | 'store' | 'rootFile', string>>,
): string {
  const file = path.join(plan.folder, 'notafter.yaml');
  writeFileSync(
    file,
    `sources:
  - {name: servers, type: endpoint, every: ${plan.everyS}s, timeout: 5s, targets: [${hosts.map(({ target }) => `"${target}"`).join(', ')}]}
channels:
  - {name: hook, type: webhook, url: "${hookUrl}/told"}
notifications: {storm_after: 0}
trust: {ca_files: [${rootFile}]}
web: {listen: "127.0.0.1:0"}
log: {level: warn}
store: "${store}"
`,
  );
  return file;
}

/** Reads again and again how long ago the target was looked at that was looked at longest ago. */
function sampleAges(url: string): { begin(): void; longestMs(): number; end(): Promise<void> } {
  let longest = 0;
  let isOver = false;
  let sampling = Promise.resolve();
  async function sample(): Promise<void> {
    while (!isOver) {
      await wait(SAMPLE_MS);
      try {
        const [row] = await query(
          url,
          'select extract(epoch from clock_timestamp()) * 1000 - min(last_look_at) as age from targets where withdrawn_at is null',
        );
        longest = Math.max(longest, Number(row?.['age'] ?? 0));
      } catch {
        // The database is away: the age goes on, and shows when it is back.
      }
    }
  }
  return {
    begin() {
      sampling = sample();
    },
    longestMs: () => longest,
    async end() {
      isOver = true;
      await sampling;
    },
  };
}

async function query(url: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end().catch(() => {});
  }
}
