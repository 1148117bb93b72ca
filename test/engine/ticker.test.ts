import { getTasks } from 'node-cron';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { cronTicker } from '../../src/engine/ticker.ts';

const START = Date.UTC(2026, 5, 1, 12, 0, 0, 250);
const YEAR = 365 * 86_400_000;

describe('the tick of node-cron', () => {
  let ticks: number[];
  let stop: () => void;
  beforeEach(() => {
    vi.useFakeTimers({ now: START });
    ticks = [];
    stop = cronTicker({ warn: unexpected, error: unexpected })(() => ticks.push(Date.now()));
  });
  afterEach(() => {
    stop();
    vi.useRealTimers();
  });

  function unexpected(fields: object, message: string): never {
    throw new Error(`${message}: ${JSON.stringify(fields)}`);
  }

  it('comes once a second, over midnight and a leap day too', async () => {
    await vi.advanceTimersByTimeAsync(10_000);
    expect(ticks).toHaveLength(10);
    vi.setSystemTime(Date.UTC(2028, 1, 28, 23, 59, 55));
    await vi.advanceTimersByTimeAsync(5_000);
    ticks = [];
    await vi.advanceTimersByTimeAsync(10_000);
    expect(ticks).toHaveLength(10);
  });

  it.each([
    { title: 'back by a year', leap: -YEAR },
    { title: 'back by a minute', leap: -60_000 },
    { title: 'forward by a minute', leap: 60_000 },
    { title: 'forward by 56 years', leap: 56 * YEAR },
  ])('goes on within seconds when the clock is set $title', async ({ leap }) => {
    await vi.advanceTimersByTimeAsync(2_000);
    vi.setSystemTime(Date.now() + leap);
    const begun = performance.now();
    ticks = [];
    await vi.advanceTimersByTimeAsync(10_000);
    expect(ticks.length).toBeGreaterThanOrEqual(7);
    expect(ticks.length).toBeLessThanOrEqual(11);
    expect(performance.now() - begun).toBeLessThan(60_000);
  });

  it('does not come again after it was stopped, and leaves no timer and no task behind', async () => {
    await vi.advanceTimersByTimeAsync(2_000);
    stop();
    expect(vi.getTimerCount()).toBe(0);
    expect(getTasks().size).toBe(0);
    const count = ticks.length;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(ticks).toHaveLength(count);
  });
});
