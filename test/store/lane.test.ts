import { setImmediate } from 'node:timers/promises';

import { describe, expect, test } from 'vitest';

import { createLane } from '../../src/store/lane.ts';

describe('a lane', () => {
  test('does one thing at a time, in order, and what is urgent before all that waits', async () => {
    const lane = createLane();
    const done: string[] = [];
    let isBusy = false;
    const work = (name: string) => async (): Promise<string> => {
      expect(isBusy).toBe(false);
      isBusy = true;
      await setImmediate();
      isBusy = false;
      done.push(name);
      return name;
    };
    const all = [
      lane.run(work('a')),
      lane.run(work('b')),
      lane.run(work('c')),
      lane.run(work('settle'), 'urgent'),
      lane.run(work('settle too'), 'urgent'),
    ];
    expect(await Promise.all(all)).toEqual(['a', 'b', 'c', 'settle', 'settle too']);
    expect(done).toEqual(['a', 'settle', 'settle too', 'b', 'c']);
  });

  test('goes on after a failure', async () => {
    const lane = createLane();
    const failing = lane.run(() => Promise.reject(new Error('disk full')));
    const next = lane.run(async () => 'next');
    await expect(failing).rejects.toThrow('disk full');
    expect(await next).toBe('next');
    expect(await lane.run(async () => 'later')).toBe('later');
  });

  test('lets what arrives during long work have its turn before the next that waits', async () => {
    const lane = createLane();
    const done: string[] = [];
    const busy = async (name: string): Promise<void> => {
      const until = performance.now() + 15;
      while (performance.now() < until);
      done.push(name);
    };
    const both = [lane.run(() => busy('first')), lane.run(() => busy('second'))];
    const arrival = setImmediate().then(() => lane.run(async () => void done.push('settle'), 'urgent'));
    await Promise.all([...both, arrival]);
    expect(done).toEqual(['first', 'settle', 'second']);
  });
});
