import { describe, expect, test } from 'vitest';

import type { Acknowledgement, Silence } from '../../src/notify/model.ts';
import { SETTLE_MS } from '../../src/notify/mute.ts';
import type { Route } from '../../src/notify/options.ts';
import { createScenario, DAY, finding, HOUR, looked, START, type Scenario } from '../helpers/notify-scenario.ts';

const expiring = finding();
const critical = finding({ severity: 'critical' });
const MINUTE = 60_000;

async function silence(scenario: Scenario, overrides: Partial<Silence> = {}): Promise<void> {
  await scenario.store.saveSilence({
    id: 'one',
    matchers: ['source="partners"'],
    createdAt: scenario.now,
    until: scenario.now + 2 * DAY,
    author: 'anna',
    comment: 'moving',
    ...overrides,
  });
}

async function acknowledge(scenario: Scenario): Promise<void> {
  const alert = await scenario.alert();
  const acknowledgement: Acknowledgement = {
    author: 'anna',
    comment: '',
    at: scenario.now,
    severity: 'warning',
    rules: ['expiring'],
  };
  await scenario.store.saveAlerts([{ ...alert, acknowledgement }]);
}

describe('a silence', () => {
  test('keeps what it matches quiet, and what is still so is told when it ends', async () => {
    const scenario = createScenario();
    await silence(scenario);
    await scenario.after(0, looked(1, 'good', [expiring]));
    expect(scenario.news()).toEqual([]);
    expect(await scenario.alert()).toMatchObject({
      held: [{ channel: 'mail', why: 'silence', until: START + 2 * DAY }],
    });

    scenario.now = START + 2 * DAY - 1;
    await scenario.repeats();
    expect(scenario.news()).toEqual([]);
    scenario.now += 1;
    await scenario.repeats();
    expect(scenario.news()).toEqual(['mail first']);
    expect(await scenario.alert()).not.toHaveProperty('held');
  });

  test('that does not cover every place holds nothing back', async () => {
    const scenario = createScenario();
    await silence(scenario, { matchers: ['location=~"host-1:.*"'] });
    await scenario.after(0, looked(1, 'good', [expiring]));
    expect(scenario.news()).toEqual([]);
    await scenario.after(HOUR, looked(2, 'good', [expiring]));
    expect(scenario.news()).toEqual(['mail first']);
  });

  test('two silences may cover an alert together', async () => {
    const scenario = createScenario();
    await silence(scenario, { matchers: ['location=~"host-1:.*"'] });
    await silence(scenario, { id: 'two', matchers: ['location=~"host-2:.*"'], until: START + DAY });
    await scenario.after(0, looked(1, 'good', [expiring]), looked(2, 'good', [expiring]));
    expect(scenario.news()).toEqual([]);
    expect(await scenario.alert()).toMatchObject({ held: [{ until: START + DAY }] });
  });

  test('ends with the certificate, unless it was made after that', async () => {
    const scenario = createScenario();
    const end = START + DAY;
    await silence(scenario, { until: START + 30 * DAY });
    await scenario.after(0, looked(1, 'good', [finding({ endsAt: end, severity: 'critical' })]));
    expect(await scenario.alert()).toMatchObject({ held: [{ until: end }] });
    scenario.now = end;
    await scenario.repeats();
    expect(scenario.news()).toEqual(['mail first']);

    await silence(scenario, { id: 'after', until: START + 30 * DAY });
    await scenario.after(HOUR, looked(1, 'good', [finding({ endsAt: end, rule: 'expired', severity: 'critical' })]));
    expect(scenario.news()).toEqual([]);
  });

  test('does not hide the end of what was told before it', async () => {
    const scenario = createScenario();
    await scenario.after(0, looked(1, 'good', [expiring]));
    await silence(scenario);
    await scenario.after(HOUR, looked(1, 'gone'));
    expect(scenario.news()).toEqual(['mail first', 'mail withdrawn']);
  });

  test('puts a reminder off until it ends', async () => {
    const scenario = createScenario();
    await scenario.after(0, looked(1, 'good', [expiring]));
    scenario.now = START + 7 * DAY;
    await silence(scenario);
    await scenario.repeats();
    expect(await scenario.store.nextTellAt()).toBe(START + 9 * DAY);
    scenario.now = START + 9 * DAY;
    await scenario.repeats();
    expect(scenario.news()).toEqual(['mail first', 'mail repeat']);
  });

  test('keeps an alert out of the first-day digest until it is over', async () => {
    let isNew = true;
    const scenario = createScenario({ isNew: () => isNew });
    await silence(scenario);
    await scenario.after(0, looked(1, 'good', [expiring]));
    isNew = false;
    await scenario.digest();
    expect(scenario.news()).toEqual([]);
    scenario.now = START + 2 * DAY;
    await scenario.repeats();
    expect(scenario.news()).toEqual(['mail first']);
  });

  test('that somebody ends early lets everything go at once', async () => {
    const scenario = createScenario();
    await silence(scenario);
    await scenario.after(0, looked(1, 'good', [expiring]));
    scenario.now += HOUR;
    await silence(scenario, { createdAt: START, until: scenario.now });
    await scenario.store.wakeHeld(scenario.now);
    await scenario.repeats();
    expect(scenario.news()).toEqual(['mail first']);
  });
});

describe('an acknowledgement', () => {
  test('stops reminders until it gets worse, and is worn out then', async () => {
    const scenario = createScenario();
    await scenario.after(0, looked(1, 'good', [expiring]));
    await acknowledge(scenario);
    for (let day = 0; day < 8; day += 1) {
      await scenario.after(DAY, looked(1, 'good', [expiring]));
      await scenario.repeats();
    }
    expect(scenario.news()).toEqual(['mail first']);
    await scenario.after(DAY, looked(1, 'good', [critical]));
    expect(scenario.news()).toEqual(['mail worse']);
    expect(await scenario.alert()).not.toHaveProperty('acknowledgement');
  });

  test('of an expiring one is worn out when it has expired', async () => {
    const scenario = createScenario();
    await scenario.after(0, looked(1, 'good', [expiring]));
    await acknowledge(scenario);
    await scenario.after(HOUR, looked(1, 'good', [finding({ rule: 'expired' })]));
    expect(scenario.news()).toEqual(['mail first', 'mail worse']);
  });

  test('lets the end through, and a new life begins without it', async () => {
    const scenario = createScenario();
    await scenario.after(0, looked(1, 'good', [expiring]));
    await acknowledge(scenario);
    await scenario.after(HOUR, looked(1, 'gone'));
    await scenario.after(HOUR, looked(1, 'good', [expiring]));
    expect(scenario.news()).toEqual(['mail first', 'mail withdrawn', 'mail first']);
    expect(await scenario.alert()).not.toHaveProperty('acknowledgement');
  });
});

describe('quiet hours', () => {
  const quietHours = { fromMinute: 22 * 60, toMinute: 7 * 60, timezone: 'UTC' };

  test.each([
    ['of the route', { routes: [{ matchers: [], channels: ['mail'], quietHours } satisfies Route] }],
    ['of the channel', { quietHours: () => quietHours }],
  ])('%s put news off until the morning, and never what is critical', async (_whose, options) => {
    const scenario = createScenario(options);
    await scenario.after(
      0,
      looked(1, 'good', [expiring]),
      looked(2, 'good', [finding({ cause: 'b', severity: 'critical' })]),
    );
    expect(scenario.news()).toEqual(['mail first']);
    expect(await scenario.store.nextTellAt()).toBe(START + 7 * HOUR);
    scenario.now = START + 7 * HOUR;
    await scenario.repeats();
    expect(scenario.news()).toEqual(['mail first']);
  });
});

describe('what changes', () => {
  const at = (count: number): ReturnType<typeof looked>[] =>
    Array.from({ length: count }, (_, index) => looked(index + 1, 'good', [expiring]));

  test('considerably, by places that join, is told, at most once an hour', async () => {
    const scenario = createScenario();
    await scenario.after(0, ...at(10));
    await scenario.after(MINUTE, ...at(14));
    expect(scenario.news()).toEqual(['mail first']);
    await scenario.after(MINUTE, ...at(15));
    expect(scenario.news()).toEqual([]);
    expect(await scenario.alert()).toMatchObject({ held: [{ why: 'settling', until: START + SETTLE_MS }] });
    scenario.now = START + SETTLE_MS;
    await scenario.repeats();
    expect(scenario.news()).toEqual(['mail changed']);
    expect(scenario.store.posted.at(-1)?.notification.alerts[0]?.placeCount).toBe(15);
  });

  test('by places that are fixed is told too', async () => {
    const scenario = createScenario({ resolveAfterLooks: 1 });
    await scenario.after(0, ...at(10));
    await scenario.after(
      2 * HOUR,
      ...at(10).map((_, index) => looked(index + 1, index < 5 ? 'good' : 'none', index < 5 ? [] : [expiring])),
    );
    expect(scenario.news()).toEqual(['mail first', 'mail changed']);
  });

  test('by an end that moves is told', async () => {
    const scenario = createScenario();
    await scenario.after(0, looked(1, 'good', [expiring]));
    await scenario.after(2 * HOUR, looked(1, 'good', [finding({ endsAt: START + 19 * DAY })]));
    await scenario.after(2 * HOUR, looked(1, 'good', [finding({ endsAt: START + 19 * DAY + MINUTE })]));
    expect(scenario.news()).toEqual(['mail first', 'mail changed']);
  });
});
