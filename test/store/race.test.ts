import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, expect, it } from 'vitest';

const RACES = 100;
const RACERS = 3;

let folder: string;
let racers: ChildProcess[];

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'notafter-race-'));
  racers = Array.from({ length: RACERS }, () => fork(path.join(import.meta.dirname, 'racer.ts')));
  await tell();
}, 60_000);
afterEach(async () => {
  await Promise.all(
    racers.map(async (racer) => {
      racer.kill('SIGKILL');
      await once(racer, 'exit');
    }),
  );
  rmSync(folder, { recursive: true });
});

/** Tells all of them the same, in one moment (nothing: they speak first); gives what each has said. */
async function tell(what?: string): Promise<readonly string[]> {
  const said = racers.map(async (racer) => String((await once(racer, 'message'))[0]));
  if (what !== undefined) for (const racer of racers) racer.send(what);
  return Promise.all(said);
}

it(
  `of ${RACERS} processes that open one store at once, ${RACES} times, exactly one may have it`,
  { timeout: 120_000 },
  async () => {
    const wrong: string[] = [];
    const winners = new Set<number>();
    for (let race = 0; race < RACES; race += 1) {
      // Some of the stores are new.
      const said = await tell(path.join(folder, `${Math.floor(race / 10)}.db`));
      const isRight =
        said.filter((one) => one === 'won').length === 1 &&
        said.filter((one) => one === 'refused').length === RACERS - 1;
      if (!isRight) wrong.push(`race ${race}: ${said.join(', ')}`);
      winners.add(said.indexOf('won'));
      await tell('');
    }
    expect(wrong).toEqual([]);
    // It was a race: not always the same was first.
    expect(winners.size).toBeGreaterThan(1);
  },
);
