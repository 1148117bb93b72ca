import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { killText, runKills, type KillResult } from '../helpers/kill-run.ts';
import type { SoakOptions } from './run.ts';

const COUNT = 1_000;
/** Kills of one round; each has a store and 200 certificates of its own. */
const ROUND = 100;
const CERTIFICATES = 200;

interface Progress {
  readonly rounds: KillResult[];
}

/**
 * The real daemon is killed, by default 1 000 times, while certificates that live 60 to 300 seconds cross their thresholds
 * and end before real receivers. It goes on with the round at which it was interrupted, and stops at the first that is wrong.
 */
export async function soakAlerts({ count = COUNT, seed = 1 }: SoakOptions): Promise<void> {
  const folder = path.join(tmpdir(), 'notafter-soak', `alerts-${seed}-${count}`);
  const file = path.join(folder, 'progress.json');
  mkdirSync(folder, { recursive: true });
  const { rounds } = load(file);
  const all = Math.ceil(count / ROUND);
  if (rounds.length > 0) console.log(`going on at round ${rounds.length + 1} of ${all} (${file})`);
  for (let round = rounds.length; round < all; round += 1) {
    const place = path.join(folder, `round-${round}`);
    rmSync(place, { recursive: true, force: true });
    const result = await runKills({
      folder: place,
      seed: seed * 1_000 + round,
      kills: Math.min(ROUND, count - round * ROUND),
      certificates: CERTIFICATES,
      spreadMs: 240_000,
      patienceMs: 900_000,
    });
    console.log(`round ${round + 1} of ${all}: ${killText(result)}`);
    const faults = [...result.lost, ...result.toldAnew, ...result.wrong, ...result.missing];
    if (faults.length > 0) {
      throw new Error(`round ${round + 1} went wrong, its logs are in ${place}:\n${faults.join('\n')}`);
    }
    rmSync(place, { recursive: true, force: true });
    rounds.push(result);
    writeFileSync(file, JSON.stringify({ rounds }));
  }
  console.log(`all together: ${killText(joined(rounds))}`);
  rmSync(folder, { recursive: true, force: true });
}

function joined(rounds: readonly KillResult[]): KillResult {
  const sum = (count: (round: KillResult) => number): number => {
    let total = 0;
    for (const round of rounds) total += count(round);
    return total;
  };
  return {
    kills: sum(({ kills }) => kills),
    certificates: sum(({ certificates }) => certificates),
    posts: sum(({ posts }) => posts),
    mails: sum(({ mails }) => mails),
    lost: rounds.flatMap(({ lost }) => lost),
    toldAnew: rounds.flatMap(({ toldAnew }) => toldAnew),
    wrong: rounds.flatMap(({ wrong }) => wrong),
    missing: rounds.flatMap(({ missing }) => missing),
    repeatedPosts: rounds.flatMap(({ repeatedPosts }) => repeatedPosts),
    repeatedMails: rounds.flatMap(({ repeatedMails }) => repeatedMails),
  };
}

function load(file: string): Progress {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Progress;
  } catch {
    return { rounds: [] };
  }
}
