import { expect, test } from 'vitest';

import { createLatest } from '../../src/web/latest.ts';

/** A value that takes so long to make, as a clock sees it; `held`: it is made when the test says so. */
function slow(tookMs: number, isHeld = false) {
  const clock = { at: 0, now: () => clock.at };
  const errors: unknown[] = [];
  const held: PromiseWithResolvers<void>[] = [];
  let [begun, fails] = [0, false];
  let tellPart: (part: string) => void = () => undefined;
  const latest = createLatest<string>({
    async make(tell) {
      tellPart = tell;
      const number = ++begun;
      if (isHeld) {
        const gate = Promise.withResolvers<void>();
        held.push(gate);
        await gate.promise;
      }
      clock.at += tookMs;
      if (fails) throw new Error('no');
      return `whole ${number}`;
    },
    nothing: () => 'nothing',
    clock,
    onError: (error) => errors.push(error),
    // The patience of who asks ends at once where the test decides when it is made.
    wait: () => new Promise((resolve) => void (isHeld && setImmediate(resolve))),
  });
  return {
    clock,
    errors,
    latest,
    begun: () => begun,
    fail: (now: boolean) => (fails = now),
    tell: (part: string) => tellPart(part),
    async finish() {
      held.shift()?.resolve();
      await new Promise(setImmediate);
    },
  };
}

test('what is cheap is made for everybody who asks', async () => {
  const { latest } = slow(10);
  expect([await latest.get(), await latest.get()]).toEqual([{ value: 'whole 1' }, { value: 'whole 2' }]);
});

test('what is expensive is given as it is, and made anew behind it when it is old', async () => {
  const { latest, clock } = slow(1_000);
  expect(await Promise.all([latest.get(), latest.get()])).toEqual([{ value: 'whole 1' }, { value: 'whole 1' }]);
  clock.at += 50_000;
  expect(await latest.get()).toEqual({ value: 'whole 1' });
  clock.at += 1;
  expect(await latest.get()).toEqual({ value: 'whole 1' });
  await new Promise(setImmediate);
  expect(await latest.get()).toEqual({ value: 'whole 2' });
});

test('nobody waits for the first: there is nothing, then a part of it, then all', async () => {
  const { latest, tell, finish, begun } = slow(1_000, true);
  expect(await latest.get()).toEqual({ value: 'nothing', making: 'nothing' });
  tell('a part');
  expect(await latest.get()).toEqual({ value: 'a part', making: 'a part' });
  await finish();
  expect(await latest.get()).toEqual({ value: 'whole 1' });
  expect(begun()).toBe(1);
});

test('what is not true any more is given as such while a new one is made, also when one is just being made', async () => {
  const { latest, tell, finish, begun } = slow(1_000, true);
  await latest.get();
  latest.expire();
  await finish();
  expect(await latest.get()).toEqual({ value: 'whole 1', making: 'nothing' });
  tell('a part');
  expect(await latest.get()).toEqual({ value: 'whole 1', making: 'a part' });
  await finish();
  expect(await latest.get()).toEqual({ value: 'whole 2' });
  latest.expire();
  expect(await latest.get()).toEqual({ value: 'whole 2', making: 'nothing' });
  await finish();
  expect(await latest.get()).toEqual({ value: 'whole 3' });
  expect(begun()).toBe(3);
});

test('what is not expensive is made anew as soon as it is not true any more', async () => {
  const { latest, begun } = slow(900);
  await latest.get();
  latest.expire();
  await new Promise(setImmediate);
  expect(begun()).toBe(2);
  expect(await latest.get()).toEqual({ value: 'whole 2' });
});

test('a part that tells more than what was there before is given instead of it', async () => {
  const first = Promise.withResolvers<void>();
  const values = [1, 100];
  let tell: (part: number) => void = () => undefined;
  const latest = createLatest<number>({
    async make(tellPart) {
      tell = tellPart;
      const value = values.shift() ?? 0;
      if (value === 100) await first.promise;
      return value;
    },
    nothing: () => 0,
    isMore: (part, old) => part > old,
    clock: { now: () => 0 },
    onError: () => undefined,
    wait: () => new Promise((resolve) => void setImmediate(resolve)),
  });
  expect(await latest.get()).toEqual({ value: 1 });
  latest.expire();
  expect(await latest.get()).toEqual({ value: 1, making: 0 });
  tell(50);
  expect(await latest.get()).toEqual({ value: 50, making: 50 });
  first.resolve();
  await new Promise(setImmediate);
  expect((await latest.get()).making).toBeUndefined();
});

test('a failure leaves what was there, and is told', async () => {
  const { latest, clock, errors, fail } = slow(1_000);
  fail(true);
  expect(await latest.get()).toEqual({ value: 'nothing', making: 'nothing' });
  fail(false);
  expect(await latest.get()).toEqual({ value: 'whole 2' });
  clock.at += 60_000;
  fail(true);
  expect(await latest.get()).toEqual({ value: 'whole 2' });
  await new Promise(setImmediate);
  expect(errors).toHaveLength(2);
  fail(false);
  latest.expire();
  expect(await latest.get()).toEqual({ value: 'whole 4' });
});
