import { expect, test } from 'vitest';

import { createLatest } from '../../src/web/latest.ts';

/** A value that takes so long to make, as a clock sees it. */
function slow(tookMs: number) {
  const clock = { at: 0, now: () => clock.at };
  const errors: unknown[] = [];
  let [made, fails] = [0, false];
  const latest = createLatest(
    async () => {
      clock.at += tookMs;
      if (fails) throw new Error('no');
      return ++made;
    },
    clock,
    (error) => errors.push(error),
  );
  return { clock, errors, latest, fail: (now: boolean) => (fails = now) };
}

test('what is cheap is made for everybody who asks', async () => {
  const { latest } = slow(10);
  expect([await latest.get(), await latest.get()]).toEqual([1, 2]);
});

test('what is expensive is given as it is, and made anew behind it when it is old', async () => {
  const { latest, clock } = slow(1_000);
  expect(await Promise.all([latest.get(), latest.get()])).toEqual([1, 1]);
  clock.at += 50_000;
  expect(await latest.get()).toBe(1);
  clock.at += 1;
  expect(await latest.get()).toBe(1);
  await new Promise(setImmediate);
  expect(await latest.get()).toBe(2);
});

test('what is not true any more is waited for, also when it is just being made', async () => {
  const { latest } = slow(1_000);
  const before = latest.get();
  latest.expire();
  const after = latest.get();
  expect(await before).toBe(1);
  expect(await after).toBe(2);
  expect(await latest.get()).toBe(2);
});

test('a failure leaves what was there, and is told', async () => {
  const { latest, clock, errors, fail } = slow(1_000);
  await latest.get();
  clock.at += 60_000;
  fail(true);
  expect(await latest.get()).toBe(1);
  await new Promise(setImmediate);
  expect(errors).toHaveLength(1);
  fail(false);
  latest.expire();
  expect(await latest.get()).toBe(2);
});
