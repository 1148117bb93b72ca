/*
 * Mistakes that monitors of certificates are known to have made in judging, each as a test of what holds here instead.
 * The numbers are those of the list they were gathered in, and stay.
 */
import { describe, expect, test } from 'vitest';

import { createInventoryIndex } from '../../src/inventory/inventory-index.ts';
import type { KnownCertificate, Location } from '../../src/inventory/model.ts';
import { applyFailure, applyObservation } from '../../src/inventory/record.ts';
import { standingOf } from '../../src/notify/standing.ts';
import { assess } from '../../src/policy/assess.ts';
import { groupFindings } from '../../src/policy/group.ts';
import { DEFAULT_POLICY } from '../../src/policy/policy.ts';
import { createScenario, DAY as A_DAY, finding, looked } from '../helpers/notify-scenario.ts';
import { createAuthority, type TestCertificate } from '../helpers/pki.ts';
import {
  authority,
  crl,
  DAY,
  described,
  endpointLocation,
  fileLocation,
  HOUR,
  judged,
  leaf,
  NOW,
  root,
  showing,
  sighting,
  told,
  view,
} from './places.ts';

const META = { source: 'disk', type: 'file', target: '/etc/ssl', labels: {} };

function file(items: readonly KnownCertificate[], more: Partial<Location> = {}): Location {
  return fileLocation(
    items.map((item, index) => sighting(item, { index })),
    more,
  );
}

function recorded(certificates: readonly TestCertificate[]): Location {
  const items = certificates.map(({ der }, index) => ({
    kind: 'certificate' as const,
    der,
    place: { key: 'pem', index },
    role: 'server' as const,
  }));
  return applyObservation(undefined, { location: '/etc/ssl/a.pem', items, problems: [] }, META, NOW).location;
}

describe('values that vanish or lie at the end', () => {
  test('T1: the end goes on being judged after it, however else the certificate is refused', () => {
    const here = endpointLocation([leaf('x', { left: -DAY }), authority()], { untrusted: true });
    expect(told(here)).toContain('expired critical');
    for (const days of [0, 30, 365]) expect(told(here, days * DAY)).toContain('expired critical');
  });

  test('T3: in each hour of the day before the end and the day after it, something critical is told', () => {
    const here = file([leaf('x', { left: 0 })]);
    for (let hour = -24; hour <= 24; hour++) {
      const rule = hour < 0 ? 'expiring critical' : 'expired critical';
      expect(told(here, hour * HOUR), `hour ${hour}`).toEqual([rule]);
    }
  });

  test('T4: no lower bound hides what has ended: it stays critical for years', () => {
    expect(told(file([leaf('x', { left: -10 * 365 * DAY })]))).toEqual(['expired critical']);
  });

  test('T5: the last known end of a place that fails stays, and the time left goes on running', () => {
    const failed = applyFailure(
      file([leaf('x', { left: 31 * DAY, lives: 398 * DAY })]),
      { reason: 'timeout', detail: '' },
      NOW,
    );
    expect(told(failed.location)).toEqual(['unreachable info']);
    expect(told(failed.location, DAY)).toEqual(['expiring warning', 'unreachable info']);
    expect(judged(failed.location, 2 * DAY).findings.find(({ rule }) => rule === 'expiring')?.summary).toContain(
      'ends in 29 days',
    );
  });

  test('T6: an end that is not known is not 1970: nothing has ended 56 years ago', () => {
    const unknown = described({ notAfter: { status: 'unknown' } });
    expect(told(fileLocation([sighting(unknown, { role: 'client' })]))).toEqual([]);
  });

  test('T7: the end of a certificate that is refused for another reason is told all the same', () => {
    const here = endpointLocation([leaf('x', { left: 5 * DAY })], { untrusted: true });
    const untrusted = {
      ...here.chain,
      distrust: { why: 'self-signed' as const, top: 'x', issuer: 'CN=x', isPublic: false },
    };
    const rules = told({ ...here, chain: untrusted });
    expect(rules).toContain('expiring critical');
    expect(rules.some((rule) => rule.startsWith('untrusted'))).toBe(true);
  });

  test('T8: a list that cannot be read once takes nothing away: what was known is judged still', () => {
    const before = file([leaf('a', { left: 5 * DAY }), leaf('b')]);
    const { location } = applyFailure(before, { reason: 'service_error', detail: '' }, NOW);
    expect(location.sightings).toHaveLength(2);
    expect(told(location)).toEqual(['expiring critical', 'unreachable critical']);
  });
});

describe('which certificate, which chain', () => {
  test('T12: an expired cross-sign beside a valid path does not set the end; it is a note of its own', () => {
    const [own, above, cross] = [leaf('x'), authority('ca'), authority('cross', { left: -DAY })];
    const { findings } = judged(endpointLocation([own, above, cross], { path: [own, above] }));
    expect(findings.map(({ rule, severity, cause }) => [rule, severity, cause])).toEqual([
      ['expired', 'info', cross.id],
    ]);
  });

  test('T13: two back ends behind one name are two locations, each judged by what it serves', () => {
    const places = [leaf('a', { left: 5 * DAY }), leaf('b')].map((own, index) =>
      endpointLocation([own], { id: index + 1, location: `x:443@10.0.0.${index}` }),
    );
    expect(places.map((place) => told(place))).toEqual([['expiring critical'], []]);
  });

  test('T16: a root in a local bundle that ended long ago alarms nobody', () => {
    const old = root('Old Root', { left: -2000 * DAY });
    const bundle = fileLocation([sighting(old, { role: 'trust-anchor' })]);
    expect(told(bundle, 0, { view: view({ publicRoots: [old.id] }) })).toEqual(['expired info']);
    expect(told(endpointLocation([leaf(), authority()]))).toEqual([]);
  });

  test('T17: where an intermediate sets the end, leaf and chain are told apart', () => {
    const above = authority('ca', { left: 20 * DAY });
    const { findings } = judged(endpointLocation([leaf('x', { left: 20 * DAY }), above]));
    expect(new Map(findings.map(({ cause, severity }) => [cause, severity]))).toEqual(
      new Map([
        [leaf('x').id, 'warning'],
        [above.id, 'critical'],
      ]),
    );
  });

  test('T18: a lone CA that nobody can verify is judged as a CA, not as a leaf', () => {
    const lone = fileLocation([sighting(authority('ca', { left: 100 * DAY }), { role: 'unknown' })]);
    expect(told(lone)).toEqual(['expiring warning']);
  });

  test('T20, T21: two certificates of one name, issuer and even serial are both told', () => {
    const ca = createAuthority();
    const twin = (days: number): TestCertificate =>
      ca.issue({
        names: ['x.example'],
        serial: Buffer.from([7]),
        notBefore: new Date(NOW - 80 * DAY),
        notAfter: new Date(NOW + days * DAY),
      });
    const { findings } = judged(recorded([twin(3), twin(4)]));
    expect(new Set(findings.map(({ cause }) => cause)).size).toBe(2);
  });

  test('T23: the one that was replaced, left beside the one in use, is no alarm', () => {
    const [old, current] = [leaf('x', { id: 'aa', left: -DAY }), leaf('x', { id: 'bb' })];
    const bundle = fileLocation([sighting(old, { supersededBy: '/etc/ssl/new.pem' }), sighting(current)]);
    expect(told(bundle)).toEqual(['expired info']);
  });

  test('T25: what is deployed and what is stored are compared by the whole certificate, not by serial', () => {
    const served = leaf('api.example.com', { authorityKeyId: 'aa', serial: '01' });
    const renewed = leaf('api.example.com', { id: 'cc', left: 89 * DAY, authorityKeyId: 'aa', serial: '01' });
    const here = endpointLocation([served], { id: 1 });
    const store = fileLocation([sighting(renewed, { firstSeenAt: NOW - 2 * DAY })], {
      id: 2,
      location: '/etc/new.pem',
    });
    expect(told(here, 0, { view: view({ index: createInventoryIndex([here, store]) }) })).toEqual([
      'not-deployed warning',
    ]);
  });

  test('T26: a certificate without a common name, or without any subject, is told by a name that people know', () => {
    const ca = createAuthority();
    const nameless = ca.issue({
      names: ['api.example'],
      subject: Buffer.from([0x30, 0]),
      notBefore: new Date(NOW - 80 * DAY),
      notAfter: new Date(NOW + 3 * DAY),
    });
    expect(judged(recorded([nameless])).findings.map(({ title }) => title)).toEqual(['api.example']);
  });
});

describe('clients and revocation', () => {
  test('T28, T29: a client that is rejected is told by the reason, whatever the handshake seemed to say', () => {
    const server = endpointLocation([leaf('x', { lives: 398 * DAY, left: 300 * DAY })]);
    const ended = showing(server, 'billing', [leaf('billing', { left: -DAY })], {
      status: 'rejected',
      reason: 'certificate_expired',
    });
    expect(told(ended)).toEqual(['client-rejected critical']);
    const wrong = leaf('billing', { extendedKeyUsage: ['serverAuth'] });
    const unfit = showing(server, 'billing', [wrong], { status: 'rejected', reason: 'unsupported_certificate' });
    expect(told(unfit)).toContain('client-auth-missing critical');
  });

  test('T35: a renewal that lost clientAuth is told before it is rolled out', () => {
    const before = leaf('billing', { extendedKeyUsage: ['clientAuth'] });
    const after = leaf('billing', { id: 'dd', left: 89 * DAY, extendedKeyUsage: ['serverAuth'] });
    const here = { ...showing(endpointLocation([leaf('x')]), 'billing', [before], { status: 'accepted' }), id: 1 };
    const index = createInventoryIndex([here, fileLocation([sighting(after)], { id: 2, location: '/etc/new.pem' })]);
    expect(told(here, 0, { view: view({ index }) })).toContain('renewal-regression warning');
  });

  test('T46: a responder that is down brings no page for each certificate', () => {
    const own = leaf('x');
    const unknown = {
      kind: 'revocation' as const,
      at: NOW,
      status: 'unknown' as const,
      by: 'ocsp' as const,
      url: 'http://ocsp.example/',
      problem: 'no answer',
    };
    expect(told(endpointLocation([own, authority()]), 0, { view: view({ facts: { [own.id]: [unknown] } }) })).toEqual(
      [],
    );
  });

  test('T75: no staple is no claim that the certificate is good, and no alarm where none is demanded', () => {
    expect(told(endpointLocation([leaf('x'), authority()]))).toEqual([]);
  });
});

describe('alerts', () => {
  test('T59: a leaf and an intermediate that cross a threshold together are two alerts', async () => {
    const scenario = createScenario();
    const here = endpointLocation([leaf('x', { left: 20 * DAY }), authority('ca', { left: 20 * DAY })]);
    await scenario.after(0, looked(1, 'good', judged(here).findings));
    expect(await scenario.store.alerts()).toHaveLength(2);
  });

  test('T61: a threshold that was crossed while nobody looked is told at the next look', async () => {
    const scenario = createScenario();
    const here = file([leaf('x', { left: 40 * DAY, lives: 398 * DAY })]);
    await scenario.after(0, looked(1, 'good', judged(here).findings));
    // The day itself is missed, and the ten after it.
    await scenario.after(21 * A_DAY, looked(1, 'good', judged(here, 21 * DAY).findings));
    expect(scenario.news()).toEqual(['mail first']);
  });

  test('T62: what has crossed every threshold when it is added is one message', async () => {
    const scenario = createScenario();
    await scenario.after(0, looked(1, 'good', judged(file([leaf('x', { left: HOUR })])).findings));
    expect(scenario.news()).toEqual(['mail first']);
  });

  test.each([
    ['6 days', 160 * HOUR, 80 * HOUR],
    ['47 days', 47 * DAY, 15.7 * DAY],
    ['10 years', 3650 * DAY, 60 * DAY],
  ])('T63: a certificate of %s that is renewed as usual is never a warning', (_, lives, renewedWithLeft) => {
    for (let left = lives; left >= renewedWithLeft; left -= lives / 200) {
      expect(told(file([leaf('x', { lives, left })])), `${left / DAY} days left`).toEqual([]);
    }
  });

  test('T64: one wildcard in 300 namespaces is one message that lists the places and counts all', async () => {
    const scenario = createScenario({ stormAfter: 0 });
    const wildcard = leaf('*.apps.example', { left: 10 * DAY });
    const assessed = Array.from({ length: 300 }, (_, index) =>
      looked(index + 1, 'good', judged(fileLocation([sighting(wildcard)], { location: `ns-${index}/tls` })).findings),
    );
    await scenario.after(0, ...assessed);
    expect(scenario.news()).toEqual(['mail first']);
    expect(scenario.store.posted[0]?.notification.alerts).toMatchObject([{ placeCount: 300 }]);
  });

  test('T65: the end of a certificate is told where a source takes whatever is served', () => {
    const here = endpointLocation([leaf('x', { left: 5 * DAY })], { untrusted: true });
    expect(told(here)).toContain('expiring critical');
  });

  test('T66: what is told names the certificate, its place, the day, what breaks with it, and what to do', () => {
    const above = authority('Issuing CA', { left: 20 * DAY });
    const [said] = judged(
      endpointLocation([leaf('api.example.com', { lives: 398 * DAY, left: 300 * DAY }), above]),
    ).findings;
    expect(said?.summary).toBe(
      'Issuing CA (CN=Issuing CA,O=Example) ends in 20 days, 2026-02-21 12:00 UTC, and with it the chain of api.example.com, at api.example.com:8443@10.0.0.7',
    );
    expect(said?.facts.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['Fingerprint', 'Serial', 'Issuer', 'Limits']),
    );
    expect(said?.actions.length).toBeGreaterThan(2);
  });

  test('an alert speaks for the place that breaks first, and for all of them', async () => {
    const scenario = createScenario();
    await scenario.after(
      0,
      looked(1, 'good', [finding()]),
      looked(2, 'good', [finding({ severity: 'critical', rule: 'expired' })]),
    );
    const alert = await scenario.alert();
    expect([alert.places.length, standingOf(alert)?.severity]).toEqual([2, 'critical']);
  });

  test('one CRL at three places is one group with the exact count', () => {
    const list = crl({ left: HOUR });
    const places = ['/a.crl', '/b.crl', '/c.crl'].map((location, id) =>
      fileLocation([sighting(list, { role: 'issuer' })], { id, location }),
    );
    const groups = groupFindings(
      places.map((location) => ({ location, findings: assess(location, view(), DEFAULT_POLICY, NOW).findings })),
    );
    expect(groups.map(({ rule, locations }) => [rule, locations.length])).toEqual([['crl-expiring', 3]]);
  });
});
