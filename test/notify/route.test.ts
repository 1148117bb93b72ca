import { describe, expect, test } from 'vitest';

import { parseMatcher } from '../../src/label/matcher.ts';
import type { Route } from '../../src/notify/options.ts';
import type { AssessedLocation } from '../../src/notify/transition.ts';
import { createScenario, finding, looked } from '../helpers/notify-scenario.ts';

function to(channels: readonly string[], ...matchers: readonly string[]): Route {
  return { matchers: matchers.map(parseMatcher), channels };
}

const owned = (owner: string, id = 1): AssessedLocation => looked(id, 'good', [finding()], { labels: { owner } });

describe('routes', () => {
  const channels = ['chat', 'mail', 'pager'];
  const cases: readonly [string, readonly Route[], readonly AssessedLocation[], readonly string[]][] = [
    ['without routes every channel is told', [], [owned('web')], ['chat', 'mail', 'pager']],
    ['the first that matches wins', [to(['mail'], 'owner="web"'), to(['chat'])], [owned('web')], ['mail']],
    ['those that do not match are passed over', [to(['mail'], 'owner="web"'), to(['chat'])], [owned('db')], ['chat']],
    [
      'a route may say to go on',
      [{ ...to(['pager'], 'severity="warning"'), continue: true }, to(['mail'], 'owner="web"'), to(['chat'])],
      [owned('web')],
      ['mail', 'pager'],
    ],
    ['what no route matches is told to nobody', [to(['mail'], 'owner="web"')], [owned('db')], []],
    [
      'an alert goes to the channels of all its places',
      [to(['mail'], 'owner="web"'), to(['chat'], 'owner="db"')],
      [owned('web', 1), owned('db', 2)],
      ['chat', 'mail'],
    ],
    [
      'family, rule, severity, source, target and location can be matched',
      [
        to(
          ['pager'],
          'family="expiry"',
          'rule=~"expir.+"',
          'severity!="critical"',
          'source="partners"',
          'target="host-1:443"',
          'location=~"host-1:.*"',
        ),
      ],
      [owned('web')],
      ['pager'],
    ],
    [
      'each rule at a place is matched with its own severity',
      [to(['pager'], 'rule="expiring"', 'severity="critical"'), to(['mail'])],
      [looked(1, 'good', [finding(), finding({ rule: 'crl-expiring', severity: 'critical' })])],
      ['mail'],
    ],
    [
      "labels of a place do not pose as notafter's own",
      [to(['pager'], 'severity="critical"'), to(['mail'])],
      [looked(1, 'good', [finding()], { labels: { severity: 'critical' } })],
      ['mail'],
    ],
    ['a channel that does not exist is not told', [to(['gone', 'mail'])], [owned('web')], ['mail']],
  ];

  test.each(cases)('%s', async (_name, routes, assessed, expected) => {
    const scenario = createScenario({ channels, routes });
    await scenario.after(0, ...assessed);
    expect(scenario.news()).toEqual(expected.map((channel) => `${channel} first`));
  });

  test('a channel that a place brings in later is told for the first time', async () => {
    const scenario = createScenario({ channels, routes: [to(['mail'], 'owner="web"'), to(['chat'], 'owner="db"')] });
    await scenario.after(0, owned('web', 1));
    await scenario.after(0, owned('db', 2));
    expect(scenario.news()).toEqual(['mail first', 'chat first']);
  });
});
