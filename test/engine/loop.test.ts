import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { startLoop, type Loop } from '../../src/engine/loop.ts';

const AT_MOST = 5_000;

let loops: Loop[];
let runs: number[];
let errors: unknown[];

beforeEach(() => {
  vi.useFakeTimers();
  loops = [];
  runs = [];
  errors = [];
});

afterEach(async () => {
  await Promise.all(loops.map((loop) => loop.stop()));
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

/** A loop whose runs are noted by the time since the start. */
function start(run: (signal: AbortSignal) => Promise<number | undefined> = async () => undefined): Loop {
  const startedAt = Date.now();
  const loop = startLoop(
    (signal) => {
      runs.push(Date.now() - startedAt);
      return run(signal);
    },
    { now: Date.now, atMostMs: AT_MOST, onError: (error) => void errors.push(error) },
  );
  loops.push(loop);
  return loop;
}

describe('a loop', () => {
  test('runs at once, and then at least every so often', async () => {
    start();
    await vi.advanceTimersByTimeAsync(2 * AT_MOST);
    expect(runs).toEqual([0, AT_MOST, 2 * AT_MOST]);
  });

  test.each([
    ['the time it asked for', 700, 700],
    ['a time far away', 60_000, AT_MOST],
    ['a time that never comes', Number.POSITIVE_INFINITY, AT_MOST],
    ['now', 0, 50],
    ['the past', -1_000, 50],
  ])('runs again at %s, never sooner than is good and never later than at most', async (_name, wish, next) => {
    start(async () => (runs.length === 1 ? Date.now() + wish : undefined));
    await vi.advanceTimersByTimeAsync(next - 1);
    expect(runs).toEqual([0]);
    await vi.advanceTimersByTimeAsync(1);
    expect(runs).toEqual([0, next]);
  });

  test('that is woken in its pause runs soon', async () => {
    const loop = start();
    await vi.advanceTimersByTimeAsync(1_000);
    loop.wake();
    loop.wake();
    await vi.advanceTimersByTimeAsync(100);
    expect(runs).toEqual([0, 1_000]);
  });

  test('that is woken during a run runs once more soon after it', async () => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const loop = start(() => (runs.length === 1 ? promise : Promise.resolve(undefined)));
    await vi.advanceTimersByTimeAsync(1_000);
    loop.wake();
    loop.wake();
    expect(runs).toEqual([0]);
    resolve(undefined);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(runs).toEqual([0, 1_050]);
  });

  test('that is woken by each of its own runs does not spin', async () => {
    const loop = start(async () => {
      loop.wake();
      return undefined;
    });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(runs).toHaveLength(21);
  });

  test('tells of errors and goes on, soon after the first and later after more in a row', async () => {
    const failure = new Error('the database is away');
    start(async () => {
      if (runs.length !== 4) throw failure;
      return undefined;
    });
    await vi.advanceTimersByTimeAsync(1_750 + AT_MOST + 10_000);
    expect(errors[0]).toBe(failure);
    const again = 1_750 + AT_MOST;
    const after = [again, again + 250, again + 750, again + 1_750, again + 3_750, again + 7_750];
    expect(runs).toEqual([0, 250, 750, 1_750, ...after]);
  });

  test('that is stopped in its pause ends at once and runs no more', async () => {
    const loop = start();
    await vi.advanceTimersByTimeAsync(1_000);
    await loop.stop();
    await loop.stop();
    loop.wake();
    await vi.advanceTimersByTimeAsync(10 * AT_MOST);
    expect(runs).toEqual([0]);
  });

  test('that is stopped during a run aborts it and waits for it; the error of that is none', async () => {
    const loop = start(
      (signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        }),
    );
    await vi.advanceTimersByTimeAsync(0);
    let isStopped = false;
    const stopping = loop.stop().then(() => (isStopped = true));
    expect(isStopped).toBe(false);
    await stopping;
    expect(errors).toEqual([]);
    expect(runs).toEqual([0]);
  });

  test('waits for a run that does not heed its signal', async () => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const loop = start(() => promise);
    await vi.advanceTimersByTimeAsync(0);
    let isStopped = false;
    const stopping = loop.stop().then(() => (isStopped = true));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(isStopped).toBe(false);
    resolve(undefined);
    await stopping;
  });
});
