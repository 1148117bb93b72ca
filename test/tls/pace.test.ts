import { describe, expect, test } from 'vitest';

import { createPace } from '../../src/tls/pace.ts';

const never = new AbortController().signal;

describe('a pace', () => {
  test('lets a burst begin at once, and the rest one after the other', async () => {
    let time = 1_000;
    const waits: number[] = [];
    const pace = createPace(
      () => time,
      100,
      async (ms) => waits.push(ms),
    );
    for (let turn = 0; turn < 30; turn++) await pace(never);
    expect(waits).toEqual([10, 20, 30, 40]);

    // Half a second without work leaves no more than a quarter of a second to catch up with.
    time = 1_540;
    for (let turn = 0; turn < 27; turn++) await pace(never);
    expect(waits.slice(4)).toEqual([10]);
  });

  test('lets go of who is told to stop', async () => {
    const pace = createPace(() => 0, 1);
    const stop = new AbortController();
    await pace(stop.signal);
    const waiting = pace(stop.signal);
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });
});
