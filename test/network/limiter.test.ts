import { describe, expect, test } from 'vitest';

import { createLimiters, type LimiterTime } from '../../src/network/limiter.ts';

const never = new AbortController().signal;

/** Time that moves only when it is told to. */
class FakeTime implements LimiterTime {
  private current = 0;
  private sleepers: { readonly at: number; readonly wake: () => void }[] = [];

  now(): number {
    return this.current;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((wake) => {
      this.sleepers.push({ at: this.current + ms, wake });
    });
  }

  async pass(ms: number): Promise<void> {
    const end = this.current + ms;
    for (;;) {
      await settled();
      const next = this.sleepers.filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.sleepers = this.sleepers.filter((sleeper) => sleeper !== next);
      this.current = Math.max(this.current, next.at);
      next.wake();
    }
    this.current = end;
  }
}

/** Every promise that can go on has gone on. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

describe('a limiter', () => {
  test('starts no more than the rate allows, in order', async () => {
    const time = new FakeTime();
    const limiter = createLimiters(time)('acm', { perSecond: 2, concurrency: 10 });
    const starts: [number, number][] = [];
    const work = [0, 1, 2, 3, 4, 5].map((index) =>
      limiter.run(async () => {
        starts.push([index, time.now()]);
      }, never),
    );
    await time.pass(5_000);
    await Promise.all(work);
    expect(starts).toEqual([
      [0, 0],
      [1, 0],
      [2, 500],
      [3, 1000],
      [4, 1500],
      [5, 2000],
    ]);
  });

  test('saves up at most one second of starts in a pause', async () => {
    const time = new FakeTime();
    const limiter = createLimiters(time)('acm', { perSecond: 3, concurrency: 100 });
    await time.pass(60_000);
    let started = 0;
    const work = Array.from({ length: 9 }, () => limiter.run(async () => void started++, never));
    await settled();
    expect(started).toBe(3);
    await time.pass(2_000);
    await Promise.all(work);
    expect(started).toBe(9);
  });

  test('runs no more at once than the width, also after failures', async () => {
    const limiter = createLimiters(new FakeTime())('acm', { perSecond: 1000, concurrency: 3 });
    let running = 0;
    let widest = 0;
    const results = await Promise.allSettled(
      Array.from({ length: 50 }, (_value, index) =>
        limiter.run(async () => {
          widest = Math.max(widest, ++running);
          await settled();
          running -= 1;
          if (index % 5 === 0) throw new Error('failed');
          return index;
        }, never),
      ),
    );
    expect(widest).toBe(3);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(40);
  });

  test('leaves the queue when the signal aborts, and runs the others', async () => {
    const limiter = createLimiters(new FakeTime())('acm', { perSecond: 1000, concurrency: 1 });
    const gate = Promise.withResolvers<void>();
    const controller = new AbortController();
    const ran: string[] = [];
    const first = limiter.run(() => gate.promise, never);
    const second = limiter.run(async () => void ran.push('second'), controller.signal);
    const third = limiter.run(async () => void ran.push('third'), never);
    const stop = new Error('stopping');
    controller.abort(stop);
    await expect(second).rejects.toBe(stop);
    gate.resolve();
    await Promise.all([first, third]);
    expect(ran).toEqual(['third']);
  });

  test('is shared by everyone who names the same key, at the rate of the first', async () => {
    const limit = createLimiters(new FakeTime());
    const gate = Promise.withResolvers<void>();
    const ran: string[] = [];
    const first = limit('a', { perSecond: 1000, concurrency: 1 }).run(() => gate.promise, never);
    const second = limit('a', { perSecond: 1000, concurrency: 9 }).run(async () => void ran.push('a'), never);
    await limit('b', { perSecond: 1000, concurrency: 1 }).run(async () => void ran.push('b'), never);
    expect(ran).toEqual(['b']);
    gate.resolve();
    await Promise.all([first, second]);
    expect(ran).toEqual(['b', 'a']);
  });

  test('forgets, when there are many, none that is under way or has used up its starts', async () => {
    const time = new FakeTime();
    const limit = createLimiters(time);
    const rate = { perSecond: 1, concurrency: 1 };
    const useMany = (prefix: string): Promise<unknown> =>
      Promise.all(
        Array.from({ length: 5_000 }, (_value, index) => limit(`${prefix} ${index}`, rate).run(async () => {}, never)),
      );
    const gate = Promise.withResolvers<void>();
    const ran: string[] = [];
    const busy = limit('busy', rate).run(() => gate.promise, never);
    await useMany('a');
    await time.pass(5_000);
    await limit('spent', rate).run(async () => {}, never);
    // Long enough a list that those of before are looked through and forgotten.
    await useMany('b');

    const next = ['busy', 'spent', 'a 0'].map((key) => limit(key, rate).run(async () => void ran.push(key), never));
    await settled();
    expect(ran).toEqual(['a 0']);
    gate.resolve();
    await time.pass(1_000);
    await Promise.all([busy, ...next]);
    expect(ran.toSorted()).toEqual(['a 0', 'busy', 'spent']);
  });

  test.each([
    { perSecond: 0, concurrency: 1 },
    { perSecond: Number.NaN, concurrency: 1 },
    { perSecond: 1, concurrency: 0 },
  ])('refuses the senseless rate %j', (rate) => {
    expect(() => createLimiters(new FakeTime())('a', rate)).toThrow(RangeError);
  });
});
