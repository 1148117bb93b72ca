import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';

import { createWatching, type Watching, type WatchingParts } from '../../src/look/watching.ts';
import type { Target } from '../../src/plugin/collector.ts';
import { eventually } from '../helpers/eventually.ts';

const target: Target = { key: 'disk', data: null };
const instance = { async *discover() {}, async *observe() {} };

let watching: Watching | undefined;
afterEach(() => watching?.close());

interface Host extends Partial<WatchingParts> {
  readonly watch: NonNullable<WatchingParts['instance']['watch']>;
}

/** What happens, in order: looks, waits and warnings. */
function start({ watch, ...overrides }: Host): readonly string[] {
  const events: string[] = [];
  watching = createWatching({
    source: 'files',
    instance: { ...instance, watch },
    log: { debug() {}, info() {}, warn: (_, message) => void events.push(message), error() {} },
    async wait(ms) {
      events.push(`wait ${ms}`);
      await turn();
    },
    async look({ key }) {
      events.push(`look ${key}`);
      return true;
    },
    lastLookMs: () => 10,
    ...overrides,
  });
  return events;
}

async function* times(count: number): AsyncIterable<void> {
  for (let index = 0; index < count; index++) yield;
}

/** Never yields again, and ends when it is told to. */
async function untilStopped(signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
}

test('every change leads to a look, and what changes all the time is not looked at all the time', async () => {
  const events = start({ watch: () => times(2) });
  watching?.keep([target]);
  await eventually('two looks', () => events.length >= 4);
  expect(events).toEqual(['look disk', 'wait 2000', 'look disk', 'wait 2000']);
});

test('long looks are far between', async () => {
  const events = start({ watch: () => times(1), lastLookMs: () => 1_500 });
  watching?.keep([target]);
  await eventually('a look', () => events.length >= 2);
  expect(events).toEqual(['look disk', 'wait 30000']);
});

test('a change during a look is looked at after it', async () => {
  let refusals = 2;
  const tried: boolean[] = [];
  start({
    watch: () => times(1),
    async look() {
      tried.push(refusals === 0);
      return refusals-- === 0;
    },
  });
  watching?.keep([target]);
  await eventually('the look', () => tried.includes(true));
  expect(tried).toEqual([false, false, true]);
});

test('a watch that fails is said, and begun anew with the next round', async () => {
  let begun = 0;
  const events = start({
    watch() {
      begun += 1;
      throw new Error('no more watches');
    },
  });
  watching?.keep([target]);
  await eventually('the warning', () => events.length === 1);
  expect(events).toEqual(['changes are not watched for: they are seen at the next look by schedule']);
  await eventually('the next round', () => {
    watching?.keep([target]);
    return begun >= 2;
  });
});

test('targets that are gone, and all at the end, are no longer watched', async () => {
  const begun: string[] = [];
  const ended: string[] = [];
  start({
    async *watch({ key }, signal) {
      begun.push(key);
      try {
        yield;
        await untilStopped(signal);
      } finally {
        ended.push(key);
      }
    },
  });
  const other: Target = { key: 'other', data: null };
  watching?.keep([target, other]);
  watching?.keep([target, other]);
  await eventually('both begin', () => begun.length === 2);
  watching?.keep([other]);
  await eventually('the first end', () => ended.length === 1);
  expect(ended).toEqual(['disk']);
  await watching?.close();
  await eventually('the second end', () => ended.length === 2);
});

test('a collector that does not watch has no watching', () => {
  const { look, lastLookMs } = { look: async () => true, lastLookMs: () => 0 };
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  expect(createWatching({ source: 'files', instance, log, wait: async () => {}, look, lastLookMs })).toBeUndefined();
});
