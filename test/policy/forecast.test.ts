import { describe, expect, test } from 'vitest';

import type { Location } from '../../src/inventory/model.ts';
import { forecast, type Forecast, type Outlook } from '../../src/policy/forecast.ts';
import { assess } from '../../src/policy/assess.ts';
import { DEFAULT_POLICY } from '../../src/policy/policy.ts';
import {
  authority,
  crl,
  DAY,
  endpointLocation,
  fileLocation,
  HOUR,
  leaf,
  NOW,
  root,
  showing,
  sighting,
  view,
} from './places.ts';

function ahead(locations: readonly Location[], days = 90, from = 0): Forecast {
  return forecast(locations, view({ intervalMs: HOUR }), DEFAULT_POLICY, {
    fromAt: NOW + from * DAY,
    untilAt: NOW + (from + days) * DAY,
  });
}

function one({ outlooks }: Forecast): Outlook {
  expect(outlooks).toHaveLength(1);
  return outlooks[0] as Outlook;
}

/** `severity rule day` of each change; days may have a fraction. */
function changes({ changes: all }: Outlook): readonly string[] {
  return all.map(({ at, severity, rule }) => `${severity} ${rule} ${(at - NOW) / DAY}`);
}

describe('a forecast', () => {
  test('names the exact instants at which a leaf of 90 days gets worse, and ends', () => {
    const own = leaf('api.example.com', { lives: 90 * DAY, left: 60 * DAY });
    const outlook = one(ahead([fileLocation([sighting(own)], { labels: { owner: 'payments', service: 'checkout' } })]));
    expect(changes(outlook)).toEqual(['warning expiring 37.5', 'critical expiring 53', 'critical expired 60']);
    expect(outlook).toMatchObject({
      family: 'expiry',
      cause: own.id,
      rule: 'expired',
      severity: 'critical',
      endsAt: NOW + 60 * DAY,
      owners: ['payments'],
      services: ['checkout'],
      locations: ['/etc/ssl/api.pem'],
    });
    expect(outlook.standing).toBeUndefined();
  });

  test('says the same as a judgement on each of the days', () => {
    const places = [
      fileLocation([sighting(leaf('a', { left: 20 * DAY })), sighting(crl())], { id: 1, location: '/a' }),
      endpointLocation([leaf('b', { left: 70 * DAY }), authority('ca', { left: 50 * DAY })], { id: 2 }),
    ];
    const told = ahead(places).outlooks;
    expect(told.length).toBeGreaterThanOrEqual(4);
    for (const { cause, changes: all } of told) {
      for (const { at, severity, rule } of all) {
        const judged = (when: number) =>
          places
            .flatMap((place) => assess(place, view(), DEFAULT_POLICY, when).findings)
            .filter((finding) => finding.cause === cause && finding.rule === rule && finding.severity === severity)
            .length;
        expect([judged(at) > 0, judged(at - 1)], `${rule} ${severity} at ${at}`).toEqual([true, 0]);
      }
    }
  });

  test('is one outage for an intermediate above many leaves, with every location and owner, at its first', () => {
    const above = authority('Issuing CA', { left: 80 * DAY });
    const places = ['a', 'b', 'c'].map((name, index) =>
      endpointLocation([leaf(name, { lives: 398 * DAY, left: 300 * DAY }), above], {
        id: index,
        location: `${name}:443@10.0.0.1`,
        labels: { owner: index === 0 ? 'shop' : 'bank' },
      }),
    );
    const outlook = one(ahead(places));
    expect(outlook).toMatchObject({
      cause: above.id,
      standing: 'warning',
      owners: ['bank', 'shop'],
      locations: ['a:443@10.0.0.1', 'b:443@10.0.0.1', 'c:443@10.0.0.1'],
    });
    expect(changes(outlook)).toEqual(['critical expiring 50', 'critical expired 80']);
  });

  test('shows what happens in a change freeze alone, and what is bad already when it begins', () => {
    const places = [10, 25, 40, 400].map((left, index) =>
      fileLocation([sighting(leaf(`in-${left}`, { left: left * DAY, lives: 398 * DAY }))], {
        id: index,
        location: `/${left}`,
      }),
    );
    const freeze = ahead(places, 14, 20);
    expect(freeze.outlooks.map((outlook) => [outlook.title, outlook.standing, changes(outlook)])).toEqual([
      ['in-25', 'critical', ['critical expired 25']],
      ['in-40', 'warning', ['critical expiring 33']],
      ['in-10', 'critical', []],
    ]);
  });

  test('tells the logins that end with the CA in a trust store', () => {
    const client = leaf('billing', { lives: 398 * DAY, left: 300 * DAY });
    const ca = root('Client CA', { left: 45 * DAY });
    const here = showing(endpointLocation([leaf('api', { lives: 398 * DAY, left: 390 * DAY })]), 'billing', [
      { ...client, issuer: 'CN=Client CA,O=Example' },
    ]);
    const { outlooks } = forecast(
      [here],
      view({ clientAuthorities: [{ ...ca, subject: 'CN=Client CA,O=Example' }] }),
      DEFAULT_POLICY,
      {
        fromAt: NOW,
        untilAt: NOW + 90 * DAY,
      },
    );
    const outage = outlooks.find(({ cause }) => cause === ca.id);
    expect(outage?.changes.map(({ rule, severity }) => `${rule} ${severity}`)).toEqual([
      'client-will-fail critical',
      'expired critical',
    ]);
    expect(outage?.endsAt).toBe(NOW + 45 * DAY);
  });

  test('takes looks to go on: what nobody has looked at yet in the future is not stale', () => {
    const old = fileLocation([sighting(leaf('x', { lives: 3000 * DAY, left: 2000 * DAY }))], {
      lastLookAt: NOW - 30 * DAY,
    });
    expect(ahead([old], 365).outlooks).toEqual([]);
  });

  test('of nothing is nothing', () => {
    expect(ahead([])).toEqual({ fromAt: NOW, untilAt: NOW + 90 * DAY, outlooks: [], cut: [] });
  });

  test('keeps two families of one cause apart', () => {
    const mismatched = sighting(leaf('k', { left: 5 * DAY }), { key: { at: '/k.key', match: 'no' } });
    const { outlooks } = ahead([fileLocation([mismatched])], 30);
    expect(outlooks.map(({ family }) => family).toSorted()).toEqual(['deployment', 'expiry']);
  });
});
