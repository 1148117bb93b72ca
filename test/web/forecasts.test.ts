import { expect, test } from 'vitest';

import type { Forecast } from '../../src/policy/forecast.ts';
import { createForecasts } from '../../src/web/forecasts.ts';

function stage() {
  const clock = { at: 0 };
  const forecasts = createForecasts(() => clock.at);
  const making: { readonly untilAt: number; readonly done: PromiseWithResolvers<Forecast> }[] = [];
  let atOnce = 0;
  return {
    clock,
    making,
    atOnce: () => atOnce,
    ask: (until: string, untilAt = Number(until)) =>
      forecasts.get({ until }, async () => {
        atOnce += 1;
        const done = Promise.withResolvers<Forecast>();
        making.push({ untilAt, done });
        return done.promise.finally(() => (atOnce -= 1));
      }),
    async finish() {
      await new Promise(setImmediate);
      const one = making.shift();
      one?.done.resolve({ fromAt: 0, untilAt: one.untilAt, outlooks: [], cut: [] });
      await new Promise(setImmediate);
    },
  };
}

test('who asks for the same gets the same for a minute, then a new one', async () => {
  const { ask, finish, clock, making } = stage();
  const both = Promise.all([ask('1'), ask('1')]);
  await finish();
  const [first, second] = await both;
  expect(second).toBe(first);
  clock.at += 59_999;
  expect(await ask('1')).toBe(first);
  clock.at += 1;
  const third = ask('1');
  await finish();
  expect(await third).not.toBe(first);
  expect(making).toEqual([]);
});

test('different ones are made one after the other, and who asks for too many is sent away', async () => {
  const { ask, finish, atOnce } = stage();
  const asked = ['1', '2', '3', '4'].map((until) => ask(until));
  expect(await ask('5')).toBe('busy');
  for (const [index, one] of asked.entries()) {
    await new Promise(setImmediate);
    expect(atOnce()).toBe(1);
    await finish();
    expect(await one).toMatchObject({ untilAt: index + 1 });
  }
  const again = ask('5');
  await finish();
  expect(await again).toMatchObject({ untilAt: 5 });
});

test('one that failed is tried again', async () => {
  const forecasts = createForecasts(() => 0);
  const asked = { until: '1' };
  await expect(forecasts.get(asked, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  const whole = { fromAt: 0, untilAt: 1, outlooks: [], cut: [] };
  expect(await forecasts.get(asked, async () => whole)).toBe(whole);
});
