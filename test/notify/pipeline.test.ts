import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { alertId } from '../../src/notify/identity.ts';
import type { AssessedLocation } from '../../src/notify/transition.ts';
import { createScenario, DAY, finding, HOUR, looked, START, type Scenario } from '../helpers/notify-scenario.ts';

const expiring = finding();
const criticalExpiring = finding({ severity: 'critical' });
const expired = finding({ rule: 'expired', severity: 'critical' });
const info = finding({ severity: 'info' });

interface Step {
  readonly after?: number;
  readonly assessed: readonly AssessedLocation[];
  readonly news: readonly string[];
}

const HOURLY = HOUR;

const stories: Readonly<Record<string, readonly Step[]>> = {
  'a finding is told once, and not again at the next scan': [
    { assessed: [looked(1, 'good', [expiring])], news: ['mail first'] },
    { assessed: [looked(1, 'good', [expiring])], news: [] },
    { assessed: [looked(1, 'failed', [expiring])], news: [] },
    { assessed: [looked(1, 'none', [expiring])], news: [] },
  ],
  'a severity that rises is worse; one that falls is not told': [
    { assessed: [looked(1, 'good', [expiring])], news: ['mail first'] },
    { assessed: [looked(1, 'none', [criticalExpiring])], news: ['mail worse'] },
    { assessed: [looked(1, 'good', [expiring])], news: [] },
    { assessed: [looked(1, 'good', [criticalExpiring])], news: [] },
  ],
  'critical before and expired now is worse': [
    { assessed: [looked(1, 'good', [criticalExpiring])], news: ['mail first'] },
    { assessed: [looked(1, 'none', [expired])], news: ['mail worse'] },
    { assessed: [looked(1, 'none', [criticalExpiring])], news: [] },
    { assessed: [looked(1, 'none', [expired])], news: [] },
  ],
  'a milder rule that joins is not worse': [
    { assessed: [looked(1, 'good', [criticalExpiring])], news: ['mail first'] },
    { assessed: [looked(1, 'good', [criticalExpiring, finding({ rule: 'crl-expiring' })])], news: [] },
  ],
  'below the minimum severity nobody is told until it rises': [
    { assessed: [looked(1, 'good', [info])], news: [] },
    { assessed: [looked(1, 'good', [expiring])], news: ['mail first'] },
    { assessed: [looked(1, 'good', [info])], news: [] },
    { assessed: [looked(1, 'good')], news: [] },
    { assessed: [looked(1, 'good')], news: [] },
    { assessed: [looked(1, 'good')], news: ['mail resolved'] },
  ],
  'what was never told is not resolved either': [
    { assessed: [looked(1, 'good', [info])], news: [] },
    { assessed: [looked(1, 'good')], news: [] },
    { assessed: [looked(1, 'good')], news: [] },
    { assessed: [looked(1, 'good')], news: [] },
  ],
  'three good looks in a row resolve, and only once': [
    { assessed: [looked(1, 'good', [expiring])], news: ['mail first'] },
    { assessed: [looked(1, 'good')], news: [] },
    { assessed: [looked(1, 'good')], news: [] },
    { assessed: [looked(1, 'good')], news: ['mail resolved'] },
    { assessed: [looked(1, 'good')], news: [] },
  ],
  'a flap begins the count again and is not news': [
    { assessed: [looked(1, 'good', [expiring])], news: ['mail first'] },
    { assessed: [looked(1, 'good')], news: [] },
    { assessed: [looked(1, 'good')], news: [] },
    { assessed: [looked(1, 'good', [expiring])], news: [] },
    { assessed: [looked(1, 'good')], news: [] },
    { assessed: [looked(1, 'good')], news: [] },
    { assessed: [looked(1, 'good')], news: ['mail resolved'] },
  ],
  'looks that fail and time that passes never resolve': [
    { assessed: [looked(1, 'good', [expiring])], news: ['mail first'] },
    ...Array.from({ length: 10 }, (_, index) => ({
      assessed: [looked(1, index % 2 === 0 ? 'failed' : 'none')],
      news: [],
    })),
    { assessed: [looked(1, 'good')], news: [] },
    { assessed: [looked(1, 'failed')], news: [] },
    { assessed: [looked(1, 'good')], news: [] },
    { assessed: [looked(1, 'good')], news: ['mail resolved'] },
  ],
  'it resolves when every place has': [
    { assessed: [looked(1, 'good', [expiring]), looked(2, 'good', [expiring])], news: ['mail first'] },
    { assessed: [looked(1, 'good'), looked(2, 'good', [expiring])], news: [] },
    { assessed: [looked(1, 'good'), looked(2, 'good')], news: [] },
    { assessed: [looked(1, 'good'), looked(2, 'good')], news: [] },
    { assessed: [looked(1, 'good'), looked(2, 'good')], news: ['mail resolved'] },
  ],
  'a place that joins is no news by itself': [
    { assessed: [looked(1, 'good', [expiring])], news: ['mail first'] },
    { assessed: [looked(2, 'good', [expiring])], news: [] },
  ],
  'a place that is gone is withdrawn, not resolved': [
    { assessed: [looked(1, 'good', [expiring])], news: ['mail first'] },
    { assessed: [looked(1, 'gone')], news: ['mail withdrawn'] },
  ],
  'findings of a place that is gone count for nothing': [
    { assessed: [looked(1, 'good', [expiring])], news: ['mail first'] },
    { assessed: [looked(1, 'gone', [expiring])], news: ['mail withdrawn'] },
  ],
  'a place that stood in for a target is resolved by the good look that took its place': [
    { assessed: [looked(1, 'failed', [expiring])], news: ['mail first'] },
    { assessed: [looked(2, 'good'), looked(1, 'superseded', [expiring])], news: ['mail resolved'] },
    { assessed: [looked(2, 'good')], news: [] },
  ],
  'what gave way to a place that is affected too is not over': [
    { assessed: [looked(1, 'failed', [expiring])], news: ['mail first'] },
    { assessed: [looked(2, 'failed', [expiring]), looked(1, 'superseded')], news: [] },
    { assessed: [looked(2, 'gone')], news: ['mail resolved'] },
  ],
  'one place fixed and the other gone is resolved': [
    { assessed: [looked(1, 'good', [expiring]), looked(2, 'good', [expiring])], news: ['mail first'] },
    { assessed: [looked(1, 'gone'), looked(2, 'good')], news: [] },
    { assessed: [looked(2, 'good'), looked(1, 'good')], news: [] },
    { assessed: [looked(2, 'good')], news: ['mail resolved'] },
  ],
  'what comes back after it was closed is told anew, with a resolve of its own': [
    { assessed: [looked(1, 'good', [expiring])], news: ['mail first'] },
    { assessed: [looked(1, 'gone')], news: ['mail withdrawn'] },
    { assessed: [looked(1, 'good', [expiring])], news: ['mail first'] },
    { assessed: [looked(1, 'gone')], news: ['mail withdrawn'] },
  ],
  'two looks at one location in one batch count in order': [
    { assessed: [looked(1, 'good', [expiring]), looked(1, 'good')], news: ['mail first'] },
    { assessed: [looked(1, 'good'), looked(1, 'good')], news: ['mail resolved'] },
  ],
};

describe('transition', () => {
  test.each(Object.entries(stories))('%s', async (_name, steps) => {
    const scenario = createScenario();
    for (const [index, step] of steps.entries()) {
      await scenario.after(step.after ?? HOURLY, ...step.assessed);
      expect([index, ...scenario.news()]).toEqual([index, ...step.news]);
    }
  });

  test('the id of an alert is made of family and cause alone', async () => {
    const scenario = createScenario();
    await scenario.after(0, looked(1, 'good', [expiring]));
    const before = await scenario.alert();
    await scenario.after(HOUR, looked(1, 'good', [expired]));
    const after = await scenario.alert();

    expect(before.id).toMatch(/^[0-9a-f]{16}$/);
    expect(after.id).toBe(before.id);
    expect(alertId('expiry', 'x')).not.toBe(alertId('coverage', 'x'));
    expect(alertId('expiry', 'x')).not.toBe(alertId('expiry', 'y'));
  });

  test('500 leaves under one intermediate are one alert and one message that counts 500 places', async () => {
    const scenario = createScenario();
    await scenario.after(0, ...Array.from({ length: 500 }, (_, index) => looked(index + 1, 'good', [expiring])));

    expect(scenario.news()).toEqual(['mail first']);
    expect(scenario.store.posted[0]?.notification.alerts[0]).toMatchObject({ placeCount: 500 });
    expect(scenario.store.posted[0]?.notification.alerts[0]?.places).toHaveLength(20);
  });

  test('findings of different families or causes are alerts of their own, told worst first', async () => {
    const scenario = createScenario();
    const unreachable = finding({ rule: 'unreachable', family: 'coverage', cause: 'target:partners/host-1:443' });
    await scenario.after(
      0,
      looked(1, 'failed', [unreachable, expired]),
      looked(2, 'good', [finding({ cause: 'other' })]),
    );

    expect(scenario.store.posted.map(({ notification }) => notification.severity)).toEqual([
      'critical',
      'warning',
      'warning',
    ]);
  });

  test('an alert that stays as it is is not written at each look, but its last sighting is kept to the hour', async () => {
    const scenario = createScenario();
    await scenario.after(0, looked(1, 'good', [expiring]));
    const written = scenario.store.saved;
    for (let minute = 1; minute < 60; minute += 1) await scenario.after(60_000, looked(1, 'good', [expiring]));
    expect(scenario.store.saved).toBe(written);

    await scenario.after(60_000, looked(1, 'good', [expiring]));
    expect((await scenario.alert()).places[0]).toMatchObject({ firstAt: START, lastAt: START + HOUR });
  });

  test('a new life begins with new places, a new generation and nothing told', async () => {
    const scenario = createScenario();
    await scenario.after(0, looked(1, 'good', [expiring]), looked(2, 'good', [expiring]));
    await scenario.after(HOUR, looked(1, 'gone'), looked(2, 'gone'));
    expect(await scenario.alert()).toMatchObject({ state: 'withdrawn', closedAt: START + HOUR, generation: 1 });

    await scenario.after(HOUR, looked(2, 'good', [expiring]));
    const alert = await scenario.alert();
    expect(alert).toMatchObject({ state: 'open', generation: 2, openedAt: START + 2 * HOUR });
    expect(alert).not.toHaveProperty('closedAt');
    expect(alert.places.map((place) => place.locationId)).toEqual([2]);
    expect(alert.told.map((told) => told.reason)).toEqual(['first']);
  });

  test('a transition that runs again after a rollback says nothing twice', async () => {
    const scenario = createScenario();
    const empty = scenario.store.snapshot();
    await scenario.after(0, looked(1, 'good', [expiring]));
    scenario.store.restore(empty);
    await scenario.after(0, looked(1, 'good', [expiring]));
    expect(scenario.news()).toEqual(['mail first']);

    const told = scenario.store.snapshot();
    await scenario.after(HOUR, looked(1, 'good', [expired]));
    scenario.store.restore(told);
    await scenario.after(0, looked(1, 'good', [expired]));
    expect(scenario.news()).toEqual(['mail worse']);
  });

  test('two worsenings in one instant are two messages', async () => {
    const scenario = createScenario({ minimumSeverity: 'info' });
    await scenario.after(0, looked(1, 'good', [info]));
    await scenario.after(0, looked(1, 'good', [expiring]));
    await scenario.after(0, looked(1, 'good', [expired]));
    expect(scenario.news()).toEqual(['mail first', 'mail worse', 'mail worse']);
  });

  test('says of a worsening which severity was told before', async () => {
    const scenario = createScenario();
    for (const now of [expiring, criticalExpiring, expired]) await scenario.after(HOUR, looked(1, 'good', [now]));
    expect(
      scenario.store.posted.map(({ notification }) => [notification.reason, notification.previousSeverity]),
    ).toEqual([
      ['first', undefined],
      ['worse', 'warning'],
      ['worse', 'critical'],
    ]);
  });

  test('a channel that reaches nobody is not counted as told', async () => {
    const scenario = createScenario({ recipients: () => [] });
    await scenario.after(0, looked(1, 'good', [expiring]));
    expect(scenario.news()).toEqual([]);

    scenario.options = { ...scenario.options, recipients: () => ['someone'] };
    await scenario.after(HOUR, looked(1, 'good', [expiring]));
    expect(scenario.news()).toEqual(['mail first']);
  });

  test('a channel that was told hears the end, also when the routes lead elsewhere by then', async () => {
    const scenario = createScenario({ channels: ['mail', 'pager'] });
    await scenario.after(0, looked(1, 'good', [expiring]));
    expect(scenario.news()).toEqual(['mail first', 'pager first']);

    scenario.options = { ...scenario.options, routes: [{ matchers: [], channels: ['mail'] }] };
    await scenario.after(HOUR, looked(1, 'good', [expired]));
    expect(scenario.news()).toEqual(['mail worse']);
    await scenario.after(HOUR, looked(1, 'gone'));
    expect(scenario.news()).toEqual(['mail withdrawn', 'pager withdrawn']);
  });
});

describe('repeats', () => {
  /** Lets time pass in steps and tells when, counted from the start, something was said. */
  async function repeatsOf(scenario: Scenario, from: number, to: number, stepMs: number): Promise<number[]> {
    const at: number[] = [];
    for (scenario.now = from; scenario.now <= to; scenario.now += stepMs) {
      await scenario.repeats();
      for (const news of scenario.news()) {
        expect(news).toBe('mail repeat');
        at.push(scenario.now - START);
      }
    }
    return at;
  }

  test('an alert without an end is repeated weekly', async () => {
    const scenario = createScenario();
    const { endsAt: _, ...endless } = finding({ family: 'coverage', rule: 'unreachable' });
    await scenario.after(0, looked(1, 'failed', [endless]));
    scenario.news();
    expect(await repeatsOf(scenario, START, START + 22 * DAY, HOUR)).toEqual([7 * DAY, 14 * DAY, 21 * DAY]);
  });

  test('repeats grow daily in the last week', async () => {
    const scenario = createScenario();
    await scenario.after(0, looked(1, 'good', [expiring]));
    scenario.news();
    const days = (await repeatsOf(scenario, START, START + 16 * DAY, HOUR)).map((ms) => ms / DAY);
    expect(days).toEqual([7, 13, 14, 15, 16]);
  });

  test('a reminder that is due comes with any look', async () => {
    const scenario = createScenario();
    await scenario.after(0, looked(1, 'good', [expiring]));
    await scenario.after(7 * DAY, looked(1, 'good', [expiring]));
    expect(scenario.news()).toEqual(['mail first', 'mail repeat']);
  });

  test('an alert that fell below the minimum is not repeated, and is again when it is back', async () => {
    const scenario = createScenario();
    await scenario.after(0, looked(1, 'good', [expiring]));
    await scenario.after(HOUR, looked(1, 'good', [info]));
    scenario.news();
    expect(await repeatsOf(scenario, START, START + 8 * DAY, HOUR)).toEqual([]);
    expect(await scenario.store.alertsDue(scenario.now)).toEqual([]);

    await scenario.after(0, looked(1, 'good', [expiring]));
    expect(scenario.news()).toEqual([]);
    expect(await repeatsOf(scenario, scenario.now, START + 13 * DAY, HOUR)).toEqual([13 * DAY]);
  });
});

describe('any history', () => {
  const severities = fc.constantFrom('info' as const, 'warning' as const, 'critical' as const);
  const rules = fc.constantFrom('expiring' as const, 'expired' as const);
  const look = fc.record({
    location: fc.integer({ min: 1, max: 3 }),
    look: fc.constantFrom('good' as const, 'failed' as const, 'gone' as const, 'superseded' as const, 'none' as const),
    findings: fc.array(fc.record({ severity: severities, rule: rules, cause: fc.constantFrom('a', 'b') }), {
      maxLength: 2,
    }),
    afterMs: fc.integer({ min: 0, max: 2 * DAY }),
    digest: fc.boolean(),
    isNew: fc.boolean(),
  });

  test('nobody hears an end without a beginning, two beginnings of one life, or one message twice', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(look, { maxLength: 40 }), async (history) => {
        let isNew = false;
        const scenario = createScenario({ channels: ['mail', 'chat'], isNew: () => isNew });
        const openIn = new Map<string, 'told' | 'silent'>();
        let seen = 0;
        for (const step of history) {
          isNew = step.isNew;
          await scenario.after(step.afterMs, looked(step.location, step.look, step.findings.map(finding)));
          await scenario.repeats();
          if (step.digest) await scenario.digest();
          for (const { channel, notification } of scenario.store.posted.slice(seen)) {
            for (const notice of notification.alerts) {
              const key = `${channel} ${notice.id}`;
              const told = openIn.get(key) === 'told';
              expect(told).toBe(notification.reason !== 'first');
              openIn.set(key, ['resolved', 'withdrawn'].includes(notification.reason) ? 'silent' : 'told');
            }
          }
          seen = scenario.store.posted.length;
        }
        const ids = scenario.store.posted.map(({ notification }) => notification.id);
        expect(new Set(ids).size).toBe(ids.length);
        for (const alert of await scenario.store.alerts()) {
          const isOpen = alert.places.some((place) => place.state === 'open');
          expect(alert.state === 'open').toBe(isOpen);
          const leftTold = ['mail', 'chat'].filter((channel) => openIn.get(`${channel} ${alert.id}`) === 'told');
          expect(isOpen ? [] : leftTold).toEqual([]);
        }
      }),
      { numRuns: 400 },
    );
  });
});
