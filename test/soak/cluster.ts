import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { clusterText, runCluster, type ClusterResult } from '../helpers/cluster-run.ts';
import { startPostgresServer } from '../helpers/postgres-server.ts';
import type { SoakOptions } from './run.ts';

const COUNT = 500;
/** Faults of one round; each has a database, three nodes and certificates of its own. */
const ROUND = 50;
const CERTIFICATES = 2_000;

type Round = Omit<ClusterResult, 'faults'>;

/**
 * Three real daemons share a real PostgreSQL; nodes are killed and paused, the database is restarted, crashes and drops
 * connections, by default 500 times. It goes on with the round at which it was interrupted, and stops at the first that is
 * wrong.
 */
export async function soakCluster({ count = COUNT, seed = 1 }: SoakOptions): Promise<void> {
  const folder = path.join(tmpdir(), 'notafter-soak', `cluster-${seed}-${count}`);
  const file = path.join(folder, 'progress.json');
  mkdirSync(folder, { recursive: true });
  const rounds = load(file);
  const all = Math.ceil(count / ROUND);
  if (rounds.length > 0) console.log(`going on at round ${rounds.length + 1} of ${all} (${file})`);
  for (let round = rounds.length; round < all; round += 1) {
    const place = path.join(folder, `round-${round}`);
    rmSync(place, { recursive: true, force: true });
    const server = await startPostgresServer();
    let result: ClusterResult;
    try {
      result = await runCluster(
        {
          folder: place,
          seed: seed * 1_000 + round,
          faults: Math.min(ROUND, count - round * ROUND),
          certificates: CERTIFICATES,
          spreadMs: 240_000,
          everyS: 30,
          patienceMs: 1_200_000,
        },
        server,
      );
    } finally {
      await server.stop();
    }
    console.log(`round ${round + 1} of ${all}, seed ${seed * 1_000 + round}: ${clusterText(result)}`);
    const wrong = [...result.lost, ...result.toldAnew, ...result.wrong, ...result.doubled.map((ms) => `doubled ${ms}`)];
    if (wrong.length > 0) {
      throw new Error(`round ${round + 1} went wrong, its logs are in ${place}:\n${wrong.join('\n')}`);
    }
    rmSync(place, { recursive: true, force: true });
    rounds.push(result);
    writeFileSync(file, JSON.stringify(rounds));
  }
  const posts = rounds.reduce((sum, result) => sum + result.posts, 0);
  const repeated = rounds.reduce((sum, result) => sum + result.repeated, 0);
  const gap = Math.max(...rounds.map((result) => result.longestGapMs));
  console.log(
    `all together: ${count} faults, ${rounds.length * CERTIFICATES} certificates, ${posts} messages: 0 lost, 0 doubled, ` +
      `${repeated} repeated between send and commit; no target was without a look for more than ${(gap / 1000).toFixed(1)} s`,
  );
  rmSync(folder, { recursive: true, force: true });
}

function load(file: string): Round[] {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Round[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
