import { describe, expect, test } from 'vitest';

import { createScenario, DAY, finding, HOUR, looked, START } from '../helpers/notify-scenario.ts';

const late = finding({ endsAt: START + 20 * DAY, title: 'late', summary: 'Late.' });
const early = finding({ endsAt: START + 10 * DAY, title: 'early', summary: 'Early.', actions: ['Act.'] });

describe('a notice', () => {
  test('speaks of the place that breaks first and lists the places in that order', async () => {
    const { endsAt: _, ...endless } = finding({ summary: 'Endless.' });
    const scenario = createScenario({ externalUrl: 'https://notafter.example' });
    await scenario.after(
      0,
      looked(1, 'good', [endless]),
      looked(2, 'good', [late]),
      looked(3, 'good', [early], { labels: { owner: 'payments' } }),
    );

    const notification = scenario.store.posted[0]?.notification;
    expect(notification).toMatchObject({ externalUrl: 'https://notafter.example', alertCount: 1, kind: 'alert' });
    expect(notification?.alerts[0]).toMatchObject({
      title: 'early',
      summary: 'Early.',
      actions: ['Act.', expect.stringMatching(/^The whole runbook.*: notafter runbook [0-9a-f]{16}$/)],
      endsAt: new Date(START + 10 * DAY),
      openedAt: new Date(START),
      placeCount: 3,
      runbookUrl: `https://runbooks.example/${notification?.alerts[0]?.id}`,
      places: [
        { location: 'host-3:443@10.0.0.3', labels: { owner: 'payments' }, state: 'open', rules: ['expiring'] },
        { location: 'host-2:443@10.0.0.2' },
        { location: 'host-1:443@10.0.0.1' },
      ],
    });
    expect(notification?.group).toBe(notification?.alerts[0]?.id);
  });

  test('names the rules with the worst first', async () => {
    const scenario = createScenario();
    const expired = finding({ rule: 'expired', severity: 'critical' });
    await scenario.after(0, looked(1, 'good', [late, expired]));
    expect(scenario.store.posted[0]?.notification).toMatchObject({
      severity: 'critical',
      alerts: [{ severity: 'critical', rules: ['expired', 'expiring'] }],
    });
  });

  test.each<[string, string, string | undefined]>([
    ['a web address', 'https://wiki.example.com/payments', 'https://wiki.example.com/payments'],
    ['one without TLS', 'http://wiki/payments?a=1&b=2', 'http://wiki/payments?a=1&b=2'],
    ['one that would break out of a link', 'https://wiki/a|b c<d>"e', 'https://wiki/a%7Cb%20c%3Cd%3E%22e'],
    ['a line break in one', 'https://wiki/a\r\nBcc: x', 'https://wiki/aBcc:%20x'],
    ['a host that only looks like another', 'https://exаmple.com/', 'https://xn--exmple-4nf.com/'],
    ['a script', 'javascript:alert(1)', undefined],
    ['a file', 'file:///etc/passwd', undefined],
    ['a password in it', 'https://me:canary@wiki/', undefined],
    ['a text', 'see the wiki', undefined],
    ['nothing', '', undefined],
    ['one that is too long', `https://wiki/${'a'.repeat(500)}`, undefined],
  ])('links the runbook of the label, if it is safe: %s', async (_what, runbook, expected) => {
    const scenario = createScenario();
    await scenario.after(0, looked(1, 'good', [late], { labels: { runbook } }));
    const notice = scenario.store.posted[0]?.notification.alerts[0];
    expect(notice?.runbookUrl).toBe(expected ?? `https://runbooks.example/${notice?.id}`);
  });

  test('links the runbook of the place that breaks first and has one', async () => {
    const scenario = createScenario();
    await scenario.after(
      0,
      looked(1, 'good', [finding({ endsAt: START + 30 * DAY })], { labels: { runbook: 'https://wiki/last' } }),
      looked(2, 'good', [late], { labels: { runbook: 'https://wiki/late' } }),
      looked(3, 'good', [early]),
    );
    expect(scenario.store.posted[0]?.notification.alerts[0]?.runbookUrl).toBe('https://wiki/late');
  });

  test('of an open alert counts the places that are still affected', async () => {
    const scenario = createScenario();
    await scenario.after(0, looked(1, 'good', [early]), looked(2, 'good', [late]));
    await scenario.after(HOUR, looked(1, 'gone'));
    await scenario.after(HOUR, looked(2, 'good', [{ ...late, severity: 'critical' }]));
    expect(scenario.store.posted.at(-1)?.notification.alerts[0]).toMatchObject({
      title: 'late',
      placeCount: 1,
      places: [{ location: 'host-2:443@10.0.0.2', state: 'open' }],
    });
  });

  test('of a resolved alert says where it was seen to be good, and asks for nothing', async () => {
    const scenario = createScenario({ resolveAfterLooks: 1 });
    await scenario.after(0, looked(1, 'good', [early]), looked(2, 'good', [late]));
    await scenario.after(HOUR, looked(1, 'good'), looked(2, 'gone'));
    expect(scenario.store.posted.at(-1)?.notification.alerts[0]).toMatchObject({
      summary: 'Seen to be good again at 1 of 2 places (1 gone). It was: Early.',
      actions: [],
      places: [{ state: 'resolved' }, { state: 'withdrawn' }],
    });
  });

  test('of a withdrawn alert does not claim that something was fixed', async () => {
    const scenario = createScenario();
    await scenario.after(0, looked(1, 'good', [early]));
    await scenario.after(HOUR, looked(1, 'gone'));
    expect(scenario.store.posted.at(-1)?.notification.alerts[0]?.summary).toBe(
      'What this was about is gone; nothing was seen to be fixed. It was: Early.',
    );
  });
});
