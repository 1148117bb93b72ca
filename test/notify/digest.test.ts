import { describe, expect, test } from 'vitest';

import type { OutboxEntry } from '../../src/notify/model.ts';
import type { Finding } from '../../src/policy/finding.ts';
import { createScenario, DAY, finding, HOUR, looked, START, type Scenario } from '../helpers/notify-scenario.ts';

const far = finding({ endsAt: START + 20 * DAY });

/** A scenario whose source is new until `established` is called. */
function firstDay(options: Partial<Scenario['options']> = {}): Scenario & { established(): void } {
  let isNew = true;
  const scenario = createScenario({ isNew: (source) => isNew && source !== 'old', ...options });
  return Object.assign(scenario, {
    established: () => {
      isNew = false;
    },
  });
}

function many(count: number, overrides: Partial<Finding> = {}): ReturnType<typeof looked>[] {
  return Array.from({ length: count }, (_, index) =>
    looked(index + 1, 'good', [finding({ cause: `cause-${index}`, ...overrides })]),
  );
}

describe('the first day', () => {
  test('is one message for each channel, with what was already wrong, the worst first', async () => {
    const scenario = firstDay({ channels: ['mail', 'chat'] });
    await scenario.after(
      0,
      looked(1, 'good', [finding({ cause: 'a', endsAt: START + 20 * DAY })]),
      looked(2, 'good', [finding({ cause: 'b', endsAt: START - DAY, rule: 'expired', severity: 'critical' })]),
      looked(3, 'good', [finding({ cause: 'c', endsAt: START + 9 * DAY })]),
      looked(4, 'good', [finding({ cause: 'd', severity: 'info' })]),
    );
    expect(scenario.news()).toEqual([]);

    scenario.established();
    await scenario.digest();
    expect(scenario.news()).toEqual(['mail first', 'chat first']);
    expect(scenario.store.posted[0]?.notification).toMatchObject({
      kind: 'digest',
      severity: 'critical',
      alertCount: 3,
      group: `digest-${START}`,
      alerts: [{ cause: 'b' }, { cause: 'c' }, { cause: 'a' }],
    });
  });

  test('what ends within 7 days is told by itself and not again in the digest', async () => {
    const scenario = firstDay();
    await scenario.after(0, looked(1, 'good', [finding({ cause: 'soon', endsAt: START + 6 * DAY }), far]));
    scenario.established();
    await scenario.held();
    expect(scenario.store.posted.map((entry) => entry.notification)).toMatchObject([
      { kind: 'alert', alerts: [{ cause: 'soon' }] },
    ]);
    expect(scenario.news()).toEqual(['mail first']);

    await scenario.held();
    expect(scenario.news()).toEqual([]);
    await scenario.digest();
    expect(scenario.store.posted.at(-1)?.notification).toMatchObject({ kind: 'digest', alertCount: 1 });
    await scenario.digest();
    await scenario.after(HOUR, looked(1, 'good', [finding({ cause: 'soon', endsAt: START + 6 * DAY }), far]));
    expect(scenario.news()).toEqual(['mail first']);
  });

  test('what comes within 7 days of its end while it waits is told then', async () => {
    const scenario = firstDay();
    await scenario.after(0, looked(1, 'good', [finding({ endsAt: START + 8 * DAY })]));
    expect(scenario.news()).toEqual([]);
    await scenario.after(DAY, looked(1, 'none', [finding({ endsAt: START + 8 * DAY })]));
    expect(scenario.news()).toEqual(['mail first']);
  });

  describe('what ends within 7 days', () => {
    const soon = finding({ cause: 'soon', endsAt: START + 5 * DAY });

    test('names every place that the first round of its source found', async () => {
      const scenario = firstDay();
      await scenario.after(0, looked(1, 'good', [soon]));
      await scenario.after(1_000, looked(2, 'good', [soon]));
      await scenario.held();
      await scenario.after(1_000, looked(3, 'good', [soon]));
      expect(scenario.news()).toEqual([]);

      scenario.established();
      await scenario.held();
      await scenario.digest();
      expect(scenario.store.posted.map((entry) => entry.notification)).toMatchObject([
        { kind: 'alert', reason: 'first', alerts: [{ placeCount: 3 }] },
      ]);
    });

    test('waits 30 seconds for a first round that does not end, and no more', async () => {
      const scenario = firstDay();
      await scenario.after(0, looked(1, 'good', [soon]));
      scenario.now += 29_999;
      await scenario.held();
      expect(scenario.news()).toEqual([]);
      scenario.now += 1;
      await scenario.held();
      await scenario.held();
      expect(scenario.news()).toEqual(['mail first']);
    });

    test('stays out of a digest that other sources are waiting for', async () => {
      const scenario = firstDay();
      await scenario.after(0, looked(1, 'good', [soon, far]));
      await scenario.digest();
      expect(scenario.store.posted).toMatchObject([
        { notification: { kind: 'digest', alerts: [{ cause: far.cause }] } },
      ]);
      scenario.now += 30_000;
      await scenario.held();
      expect(scenario.store.posted.at(-1)?.notification).toMatchObject({ kind: 'alert', alerts: [{ cause: 'soon' }] });
    });

    test.each([
      ['in 10 minutes is told at once', 600_000, ['mail first']],
      ['a little later waits for the other places', 600_001, []],
    ])('and %s', async (_what, endsInMs, news) => {
      const scenario = firstDay();
      await scenario.after(0, looked(1, 'good', [finding({ endsAt: START + endsInMs })]));
      expect(scenario.news()).toEqual(news);
    });

    test('is told at once when an established source sees it too', async () => {
      const scenario = firstDay();
      await scenario.after(0, looked(1, 'good', [soon]));
      await scenario.after(1_000, looked(2, 'good', [soon], { source: 'old' }));
      expect(scenario.news()).toEqual(['mail first']);
    });

    test('is told once when it is told again after a rollback', async () => {
      const scenario = firstDay();
      await scenario.after(0, looked(1, 'good', [soon]));
      scenario.established();
      const before = scenario.store.snapshot();
      await scenario.held();
      scenario.store.restore(before);
      scenario.now += 1_000;
      await scenario.held();
      expect(scenario.store.posted).toHaveLength(1);
    });
  });

  test('what waits for the digest is not told by itself', async () => {
    const scenario = firstDay();
    const expired = finding({ cause: 'b', endsAt: START - DAY, rule: 'expired', severity: 'critical' });
    await scenario.after(0, looked(1, 'good', [far, expired]));
    scenario.established();
    await scenario.held();
    expect(scenario.news()).toEqual([]);
  });

  test('sends nothing when nothing is at the minimum severity', async () => {
    const scenario = firstDay();
    await scenario.after(0, looked(1, 'good', [finding({ severity: 'info' })]));
    scenario.established();
    await scenario.digest();
    expect(scenario.news()).toEqual([]);

    await scenario.after(HOUR, looked(1, 'good', [far]));
    expect(scenario.news()).toEqual(['mail first']);
  });

  test('what was fixed before the digest is in no message', async () => {
    const scenario = firstDay();
    await scenario.after(0, looked(1, 'good', [far]));
    for (let look = 0; look < 3; look += 1) await scenario.after(HOUR, looked(1, 'good'));
    await scenario.digest();
    expect(scenario.news()).toEqual([]);
    expect(await scenario.alert()).toMatchObject({ state: 'resolved', awaitsDigest: false });
  });

  test('what the digest told is later worse, repeated and resolved like any alert', async () => {
    const scenario = firstDay();
    await scenario.after(0, looked(1, 'good', [far]));
    scenario.established();
    await scenario.digest();
    await scenario.after(HOUR, looked(1, 'good', [finding({ severity: 'critical' })]));
    await scenario.after(7 * DAY, looked(1, 'good', [finding({ severity: 'critical' })]));
    for (let look = 0; look < 3; look += 1) await scenario.after(HOUR, looked(1, 'good'));
    expect(scenario.news()).toEqual(['mail first', 'mail worse', 'mail repeat', 'mail resolved']);
  });

  test('what an established source reports too is told at once', async () => {
    const scenario = firstDay();
    await scenario.after(0, looked(1, 'good', [far]));
    expect(scenario.news()).toEqual([]);
    await scenario.after(HOUR, looked(2, 'good', [far], { source: 'old' }));
    expect(scenario.news()).toEqual(['mail first']);
  });

  test('lists at most 50 alerts and counts all', async () => {
    const scenario = firstDay();
    await scenario.after(0, ...many(120));
    await scenario.digest();
    const notification = scenario.store.posted[0]?.notification;
    expect(notification?.alertCount).toBe(120);
    expect(notification?.alerts).toHaveLength(50);

    await scenario.after(HOUR, ...many(120));
    expect(scenario.store.posted).toHaveLength(1);
  });

  test('each channel hears what is routed to it', async () => {
    const scenario = firstDay({
      channels: ['mail', 'chat', 'pager'],
      recipients: (channel) => (channel === 'pager' ? [] : [channel]),
    });
    await scenario.after(0, ...many(2));
    await scenario.digest();
    expect(scenario.news()).toEqual(['mail first', 'chat first']);
  });

  test('runs again after a rollback without a second digest', async () => {
    const scenario = firstDay();
    await scenario.after(0, ...many(3));
    const before = scenario.store.snapshot();
    await scenario.digest();
    scenario.store.restore(before);
    scenario.now += 1000;
    await scenario.digest();
    expect(scenario.store.posted).toHaveLength(1);
  });
});

describe('a dry run', () => {
  function dryRun(): { scenario: ReturnType<typeof firstDay>; shown: () => string[]; end: () => void } {
    let entries: OutboxEntry[] = [];
    const scenario = firstDay({ dryRun: (entry) => entries.push(entry) });
    return {
      scenario,
      shown() {
        const shown = entries.map(
          ({ channel, notification }) => `${channel} ${notification.kind} ${notification.reason}`,
        );
        entries = [];
        return shown;
      },
      end() {
        const { dryRun: _, ...options } = scenario.options;
        scenario.options = options;
      },
    };
  }

  test('shows each thing once and enqueues nothing', async () => {
    const { scenario, shown } = dryRun();
    scenario.established();
    await scenario.after(0, looked(1, 'good', [far]));
    await scenario.after(HOUR, looked(1, 'good', [far]));
    await scenario.after(HOUR, looked(1, 'good', [finding({ severity: 'critical' })]));
    await scenario.after(HOUR, looked(1, 'gone'));
    expect(shown()).toEqual(['mail alert first', 'mail alert worse', 'mail alert withdrawn']);
    expect(scenario.store.posted).toEqual([]);
  });

  test('when it ends, what is open is told for the first time', async () => {
    const { scenario, shown, end } = dryRun();
    scenario.established();
    await scenario.after(0, looked(1, 'good', [far]));
    expect(shown()).toEqual(['mail alert first']);
    end();
    await scenario.after(HOUR, looked(1, 'good', [far]));
    expect(scenario.news()).toEqual(['mail first']);
    expect((await scenario.alert()).told).toMatchObject([{ channel: 'mail', reason: 'first' }]);
  });

  test('when it ends, the first day is still one digest', async () => {
    const { scenario, shown, end } = dryRun();
    await scenario.after(0, ...many(3));
    scenario.established();
    await scenario.digest();
    await scenario.digest();
    await scenario.after(HOUR, ...many(3));
    expect(shown()).toEqual(['mail digest first']);

    end();
    await scenario.after(HOUR, ...many(3));
    expect(scenario.news()).toEqual([]);
    await scenario.digest();
    expect(scenario.news()).toEqual(['mail first']);
    expect(scenario.store.posted[0]?.notification).toMatchObject({ kind: 'digest', alertCount: 3 });
  });
});
