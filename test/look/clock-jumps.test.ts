import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { Observation } from '../../src/plugin/observation.ts';
import {
  createLookScenario,
  DAY,
  endingIn,
  HOUR,
  saw,
  scripted,
  sourceOf,
  START,
  type LookScenario,
} from '../helpers/look-scenario.ts';

const source = sourceOf(scripted([]));
const TARGET = 'api.example.com';
const healthy = endingIn(60);
const ending = endingIn(10);

let scenario: LookScenario;
let fence = 0n;

beforeEach(async () => {
  scenario = await createLookScenario();
  scenario.intervalMs = () => HOUR;
});

afterEach(async () => {
  await scenario.store.close();
});

async function look(observations: readonly Observation[]): Promise<void> {
  await scenario.store.transaction((tx) =>
    tx.inventory.saveTarget({ source: source.name, key: TARGET, labels: {}, data: null }, scenario.clock.at),
  );
  const recording = await scenario.recorder.begin(source, { key: TARGET, data: null }, ++fence);
  await recording.add(observations);
  await recording.finish();
}

/** The clock of the machine is set, and what is due then is judged, with looks on time. */
async function setClock(at: number, observations: readonly Observation[]): Promise<void> {
  scenario.clock.at = at;
  await scenario.recorder.assessDue(new AbortController().signal);
  await look(observations);
  await scenario.recorder.assessDue(new AbortController().signal);
}

const JUMPS = [
  ['an hour forward', START + HOUR],
  ['an hour back', START - HOUR],
  ['to 1970', 0],
  ['400 days forward', START + 400 * DAY],
] as const;

describe.each(JUMPS)('a clock that jumps %s and comes back', (_, jump) => {
  test('leaves no alert behind where nothing is wrong', async () => {
    const seen = [saw('a', [healthy])];
    await look(seen);
    await setClock(jump, seen);
    for (let count = 0; count < 4; count++) await setClock(START + count * HOUR, seen);
    const open = (await scenario.store.alerts.alerts()).filter(({ state }) => state === 'open');
    expect(open).toEqual([]);
  });

  test('neither ends nor doubles the alert about what ends', async () => {
    const seen = [saw('a', [ending])];
    await look(seen);
    expect(await scenario.news()).toEqual(['first expiring']);
    await setClock(jump, seen);
    for (let count = 0; count < 4; count++) await setClock(START + count * HOUR, seen);
    const told = (await scenario.news()).filter((line) => line.includes('expir'));
    expect(told).not.toContain('first expiring');
    expect(await scenario.alert('expiring')).toMatchObject({ state: 'open', generation: 1 });
  });
});
