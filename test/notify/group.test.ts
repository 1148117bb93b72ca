import { describe, expect, test } from 'vitest';

import { parseMatcher } from '../../src/label/matcher.ts';
import type { Route } from '../../src/notify/options.ts';
import type { Notification } from '../../src/plugin/notification.ts';
import { createScenario, DAY, finding, HOUR, looked, START, type Scenario } from '../helpers/notify-scenario.ts';

const MINUTE = 60_000;

const to = (channels: readonly string[], more: Partial<Route> = {}): Route => ({ matchers: [], channels, ...more });

function owned(id: number, owner: string, overrides: Parameters<typeof finding>[0] = {}): ReturnType<typeof looked> {
  return looked(id, 'good', [finding({ cause: `cause-${id}`, ...overrides })], { labels: { owner } });
}

const messages = ({ store }: Scenario): readonly Notification[] => store.posted.map(({ notification }) => notification);
const causes = (notification: Notification | undefined): readonly string[] =>
  (notification?.alerts ?? []).map(({ cause, state }) => `${cause} ${state}`);

describe('group_by', () => {
  test('tells alerts of one owner in one message, and each owner apart', async () => {
    const scenario = createScenario({ routes: [to(['mail'], { groupBy: ['owner'] })] });
    await scenario.after(0, owned(1, 'web'), owned(2, 'web', { severity: 'critical' }), owned(3, 'db'));
    expect(messages(scenario)).toMatchObject([
      { kind: 'digest', occasion: 'group', reason: 'first', severity: 'critical', alertCount: 2 },
      { kind: 'alert', reason: 'first', alertCount: 1 },
    ]);
    expect(causes(messages(scenario)[0])).toEqual(['cause-2 open', 'cause-1 open']);
  });

  test('a group that is partly over has changed, and is resolved when all of it is', async () => {
    const scenario = createScenario({ routes: [to(['mail'], { groupBy: [] })], resolveAfterLooks: 1 });
    await scenario.after(0, owned(1, 'web'), owned(2, 'web'));
    await scenario.after(HOUR, owned(3, 'web'));
    await scenario.after(HOUR, looked(1, 'good'));
    await scenario.after(HOUR, looked(2, 'good'), looked(3, 'good'));
    const [first] = messages(scenario);
    expect(messages(scenario).map(({ reason, alertCount, group }) => [reason, alertCount, group])).toEqual([
      ['first', 2, first?.group],
      ['first', 3, first?.group],
      ['changed', 3, first?.group],
      ['resolved', 2, first?.group],
    ]);
    expect(causes(messages(scenario)[2])).toEqual(['cause-1 resolved', 'cause-2 open', 'cause-3 open']);
  });

  test('an alert stays in its group when its labels change', async () => {
    const scenario = createScenario({ routes: [to(['mail'], { groupBy: ['severity'] })] });
    await scenario.after(0, owned(1, 'web'));
    await scenario.after(HOUR, owned(1, 'web', { severity: 'critical' }));
    expect(new Set(messages(scenario).map(({ group }) => group)).size).toBe(1);
  });
});

describe('escalation', () => {
  const routes = (when: 'unacknowledged' | 'undelivered'): Route[] => [
    to(['mail'], { escalate: { afterMs: 30 * MINUTE, channels: ['pager'], when } }),
  ];
  const channels = ['mail', 'pager'];

  test('tells the second channel when nobody acknowledged for the time, which then hears on', async () => {
    const scenario = createScenario({ channels, routes: routes('unacknowledged') });
    await scenario.after(0, owned(1, 'web'));
    expect(await scenario.store.nextTellAt()).toBe(START + 30 * MINUTE);
    scenario.now = START + 30 * MINUTE;
    await scenario.repeats();
    expect(scenario.news()).toEqual(['mail first', 'pager first']);
    await scenario.after(HOUR, owned(1, 'web', { severity: 'critical' }));
    await scenario.after(HOUR, looked(1, 'gone'));
    expect(scenario.news()).toEqual(['mail worse', 'pager worse', 'mail withdrawn', 'pager withdrawn']);
  });

  test('is stopped by an acknowledgement', async () => {
    const scenario = createScenario({ channels, routes: routes('unacknowledged') });
    await scenario.after(0, owned(1, 'web'));
    const acknowledgement = { author: 'a', comment: '', at: START, severity: 'warning', rules: ['expiring'] } as const;
    await scenario.store.saveAlerts([{ ...(await scenario.alert()), acknowledgement }]);
    scenario.now = START + HOUR;
    await scenario.repeats();
    expect(scenario.news()).toEqual(['mail first']);
  });

  test.each([
    [true, ['mail first']],
    [false, ['mail first', 'pager first']],
  ])('of what is undelivered asks whether it was delivered: %j', async (isDelivered, news) => {
    const scenario = createScenario({ channels, routes: routes('undelivered') });
    await scenario.after(0, owned(1, 'web'));
    const [entry] = scenario.store.posted;
    if (isDelivered) {
      await scenario.store.settle({
        channel: 'mail',
        notificationId: entry?.notification.id ?? '',
        group: entry?.notification.group ?? '',
        results: [{ recipient: 'mail@example.com', status: 'delivered' }],
        retryAt: new Map(),
        at: START,
      });
    }
    scenario.now = START + 30 * MINUTE;
    await scenario.repeats();
    expect(scenario.news()).toEqual(news);
  });

  test('does not begin with the digest of the first day', async () => {
    let isNew = true;
    const scenario = createScenario({ channels, routes: routes('unacknowledged'), isNew: () => isNew });
    await scenario.after(0, owned(1, 'web'));
    isNew = false;
    await scenario.digest();
    scenario.now += DAY;
    await scenario.repeats();
    expect(scenario.news()).toEqual(['mail first']);
  });
});

describe('a digest', () => {
  const digest = { rhythm: 'daily', weekday: 1, minute: 8 * 60, timezone: 'UTC' } as const;

  test('collects by owner what is not critical until its hour', async () => {
    const scenario = createScenario({ routes: [to(['mail'], { digest })] });
    await scenario.after(0, owned(1, 'web'), owned(2, 'web'), owned(3, 'db'));
    await scenario.after(HOUR, owned(4, 'web', { severity: 'critical' }));
    expect(messages(scenario)).toMatchObject([{ kind: 'alert', severity: 'critical' }]);

    scenario.now = START + 8 * HOUR + 1;
    // A look that comes before the collection does not break the digest up.
    await scenario.after(0, owned(1, 'web'));
    expect(messages(scenario)).toHaveLength(1);
    await scenario.repeats();
    expect(messages(scenario).slice(1)).toMatchObject([
      { kind: 'digest', occasion: 'daily', alertCount: 2 },
      { kind: 'digest', occasion: 'daily', alertCount: 1 },
    ]);
    expect(await scenario.store.alertsDue(scenario.now)).toEqual([]);
  });

  test('after a night without news is not sent, and a reminder waits for the next', async () => {
    const scenario = createScenario({ routes: [to(['mail'], { digest })] });
    await scenario.after(0, owned(1, 'web'));
    const days: number[] = [];
    let seen = 0;
    for (scenario.now = START; scenario.now <= START + 16 * DAY; scenario.now += HOUR) {
      await scenario.repeats();
      if (scenario.store.posted.length > seen) days.push((scenario.now - START) / HOUR);
      seen = scenario.store.posted.length;
    }
    // Weekly, and from the seventh day before the end daily: always at eight.
    expect(days).toEqual([8, 8 + 7 * 24, 8 + 13 * 24, 8 + 14 * 24, 8 + 15 * 24]);
  });

  test('that was missed while notafter was stopped comes after the start', async () => {
    const scenario = createScenario({ routes: [to(['mail'], { digest })] });
    await scenario.after(0, owned(1, 'web'));
    scenario.now = START + 10 * HOUR;
    await scenario.repeats();
    expect(messages(scenario)).toMatchObject([{ occasion: 'daily', alertCount: 1 }]);
  });
});

describe('a storm', () => {
  const many = (count: number, from = 1, overrides: Parameters<typeof finding>[0] = {}): ReturnType<typeof looked>[] =>
    Array.from({ length: count }, (_, index) => owned(from + index, 'web', overrides));

  test('of 500 causes at once is one message for each receiver, with the worst 20 and the exact count', async () => {
    const scenario = createScenario({ channels: ['mail', 'chat'], externalUrl: 'https://notafter.example' });
    await scenario.after(0, ...many(499), owned(500, 'web', { severity: 'critical' }));
    expect(scenario.news()).toEqual(['mail first', 'chat first']);
    const [storm] = messages(scenario);
    expect(storm).toMatchObject({
      kind: 'digest',
      occasion: 'storm',
      alertCount: 500,
      severity: 'critical',
      externalUrl: 'https://notafter.example',
    });
    expect(storm?.alerts).toHaveLength(20);
    expect(storm?.alerts[0]?.cause).toBe('cause-500');
  });

  test('that comes one by one is 20 messages, and one for the rest when the minute is over', async () => {
    const scenario = createScenario();
    for (const look of many(500)) await scenario.after(10, look);
    expect(messages(scenario)).toHaveLength(20);
    const due = await scenario.store.nextTellAt();
    expect(due).toBe(START + MINUTE);
    scenario.now = START + MINUTE;
    await scenario.repeats();
    expect(messages(scenario)).toHaveLength(21);
    expect(messages(scenario)[20]).toMatchObject({ occasion: 'storm', alertCount: 480 });
  });

  test('20 000 causes in batches are two messages whose counts are exact', async () => {
    const scenario = createScenario();
    for (let batch = 0; batch < 40; batch += 1) await scenario.after(1, ...many(500, batch * 500));
    scenario.now = START + MINUTE;
    await scenario.repeats();
    expect(messages(scenario).map(({ alertCount }) => alertCount)).toEqual([500, 19_500]);
    expect(messages(scenario).every(({ alerts }) => alerts.length === 20)).toBe(true);
  });

  test('is over when all of it is; what gets worse in it speaks for itself', async () => {
    const scenario = createScenario({ resolveAfterLooks: 1 });
    await scenario.after(0, ...many(30));
    await scenario.after(HOUR, owned(1, 'web', { severity: 'critical' }));
    await scenario.after(
      HOUR,
      ...many(29, 2)
        .map(({ locationId }) => looked(locationId, 'good'))
        .slice(0, 28),
    );
    expect(messages(scenario)).toHaveLength(2);
    await scenario.after(HOUR, looked(30, 'good'));
    await scenario.after(HOUR, looked(1, 'good'));
    expect(messages(scenario).map(({ kind, reason, alertCount }) => [kind, reason, alertCount])).toEqual([
      ['digest', 'first', 30],
      ['alert', 'worse', 1],
      ['digest', 'resolved', 29],
      ['alert', 'resolved', 1],
    ]);
    expect(messages(scenario)[2]?.group).toBe(messages(scenario)[0]?.group);
  });

  test('reminds in one message of what is left', async () => {
    const scenario = createScenario({ resolveAfterLooks: 1 });
    await scenario.after(0, ...many(30));
    await scenario.after(HOUR, looked(1, 'good'));
    scenario.now = START + 7 * DAY;
    await scenario.repeats();
    expect(messages(scenario).map(({ reason, alertCount }) => [reason, alertCount])).toEqual([
      ['first', 30],
      ['repeat', 29],
    ]);
  });

  test('does not sweep up what was told by itself: its end is told by itself', async () => {
    const scenario = createScenario({ resolveAfterLooks: 1 });
    await scenario.after(0, ...many(15));
    await scenario.after(HOUR, ...many(15, 16));
    await scenario.after(HOUR, ...many(30, 1, { severity: 'critical' }));
    await scenario.after(HOUR, looked(1, 'good'));
    expect(messages(scenario).slice(30)).toMatchObject([
      { occasion: 'storm', reason: 'worse', alertCount: 30 },
      {
        kind: 'alert',
        reason: 'resolved',
        group: messages(scenario).find(({ alerts }) => alerts[0]?.cause === 'cause-1')?.group,
      },
    ]);
  });

  test('can be switched off', async () => {
    const scenario = createScenario({ stormAfter: 0 });
    await scenario.after(0, ...many(100));
    expect(messages(scenario)).toHaveLength(100);
  });

  test('of one route is no matter of another channel', async () => {
    const scenario = createScenario({
      channels: ['mail', 'pager'],
      routes: [to(['pager'], { matchers: [parseMatcher('severity="critical"')] }), to(['mail'])],
    });
    await scenario.after(0, ...many(100), owned(200, 'web', { severity: 'critical' }));
    expect(scenario.news()).toEqual(['pager first', 'mail first']);
  });
});
