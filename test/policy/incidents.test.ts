/*
 * Outages that became public, each as what notafter knows of such a place: what it would have said, and how long before.
 * The facts are those of the post-mortems and of the press; where a lifetime is not known, a usual one is taken.
 */
import { describe, expect, test } from 'vitest';

import { parseCertificate } from '../../src/certificate/certificate.ts';
import { createInventoryIndex } from '../../src/inventory/inventory-index.ts';
import { knowCertificate } from '../../src/inventory/known.ts';
import type { KnownCertificate, Location } from '../../src/inventory/model.ts';
import { alertId } from '../../src/notify/identity.ts';
import { nameSubject } from '../../src/plugin/fact-subject.ts';
import { assess } from '../../src/policy/assess.ts';
import { groupFindings } from '../../src/policy/group.ts';
import { startsAt } from '../../src/policy/kind.ts';
import { DEFAULT_POLICY, type Policy } from '../../src/policy/policy.ts';
import type { InventoryView } from '../../src/policy/view.ts';
import { selfSigned } from '../helpers/pki.ts';
import { createScenario, DAY as A_DAY, finding, looked } from '../helpers/notify-scenario.ts';
import {
  authority,
  crl,
  DAY,
  endpointLocation,
  fileLocation,
  HOUR,
  judged,
  leaf,
  MINUTE,
  NOW,
  root,
  showing,
  sighting,
  told,
  view,
} from './places.ts';

/** When everything here ends, unless told otherwise. */
const END = NOW;

/** The same certificate, ending at END after so many days. */
function ending(
  made: typeof leaf,
  title: string,
  lives: number,
  more: Partial<KnownCertificate> = {},
): KnownCertificate {
  return made(title, { lives: lives * DAY, left: 0, ...more });
}

/** What is said for the first time as time goes on, `days before the end: severity rule`, from when all of it is valid. */
function history(
  location: Location,
  options: { readonly view?: InventoryView; readonly policy?: Policy } = {},
): readonly string[] {
  const known = new Set<string>();
  const lines: string[] = [];
  let at: number | undefined = Math.max(...location.sightings.map(({ item }) => startsAt(item) ?? 0));
  while (at !== undefined && at <= END) {
    const { findings, nextAt } = assess(location, options.view ?? view(), options.policy ?? DEFAULT_POLICY, at);
    for (const { severity, rule } of findings) {
      const line = `${severity} ${rule}`;
      if (!known.has(line)) lines.push(`${Math.round((100 * (END - at)) / DAY) / 100}: ${line}`);
      known.add(line);
    }
    at = nextAt;
  }
  return lines;
}

describe('roots and intermediates', () => {
  test('Azure, 29 February 2012: a certificate for one year until a day that does not exist is critical at the first look', () => {
    const { der } = selfSigned({ notBefore: new Date(NOW - DAY), notAfter: { tag: 0x17, text: '130229000000Z' } });
    const item = knowCertificate(parseCertificate(der));
    expect(told(fileLocation([sighting(item)]))).toEqual(['unreadable critical']);
  });

  test('Mozilla, 4 May 2019: the intermediate that signs add-ons, which no port serves, is a warning half a year before', () => {
    const item = ending(authority, 'signingca1.addons.mozilla.org', 730);
    const bundle = fileLocation([sighting(item, { role: 'intermediate' })], { location: '/opt/addons/chain.pem' });
    expect(history(bundle)).toEqual([
      '365: info expiring',
      '180: warning expiring',
      '30: critical expiring',
      '0: critical expired',
    ]);
  });

  test('AddTrust, 30 May 2020: a cross-sign that is sent beside a valid path is a note half a year before, and never an alarm', () => {
    const own = leaf('api.stripe.example', { lives: 700 * DAY, left: 300 * DAY });
    const sectigo = authority('Sectigo RSA DV', { left: 3000 * DAY });
    const cross = ending(authority, 'USERTrust RSA signed by AddTrust', 7305);
    const here = endpointLocation([own, sectigo, cross], { path: [own, sectigo] });
    expect(history(here)).toEqual(['180: info expiring', '0: info expired']);
  });

  test('AddTrust, for clients that know no other root: the same cross-sign is a warning half a year before', () => {
    const own = leaf('api.stripe.example', { lives: 700 * DAY, left: 300 * DAY });
    const cross = ending(authority, 'USERTrust RSA signed by AddTrust', 7305);
    expect(history(endpointLocation([own, cross]))).toEqual([
      '365: info expiring',
      '180: warning expiring',
      '30: critical expiring',
      '0: critical expired',
    ]);
  });

  test('DST Root CA X3, 30 September 2021: a root that has ended behind a chain that does without it is no alarm', () => {
    const own = leaf('letsencrypt.example', { left: 60 * DAY });
    const x1 = authority('ISRG Root X1 signed by DST', { left: 1000 * DAY });
    const dst = ending(root, 'DST Root CA X3', 7670);
    const here = endpointLocation([own, x1, dst], { path: [own, x1] });
    expect(judged(here, DAY).findings.filter(({ severity }) => severity !== 'info')).toEqual([]);
    const bundle = fileLocation([sighting(dst, { role: 'trust-anchor' })], {
      location: '/etc/ssl/certs/ca-certificates.crt',
    });
    expect(told(bundle, DAY, { view: view({ publicRoots: [dst.id] }) })).toEqual(['expired info']);
  });

  test('Cisco vEdge, 9 May 2023: the CA by which controllers know their devices is a warning half a year before, at every controller', () => {
    const ca = ending(root, 'Viptela Device CA', 3650);
    const device = leaf('vedge-1', { lives: 3000 * DAY, left: 900 * DAY, issuer: ca.subject });
    const controller = showing(endpointLocation([leaf('vmanage', { lives: 3000 * DAY, left: 900 * DAY })]), 'vedge-1', [
      device,
    ]);
    const withCa = view({ clientAuthorities: [ca] });
    expect(history(controller, { view: withCa })).toEqual([
      '365: info client-will-fail',
      '180: warning client-will-fail',
      '30: critical client-will-fail',
      '0: critical expired',
    ]);
  });

  test('Chromecast, 9 March 2025: an intermediate that lived for ten years is told of a year before', () => {
    const item = ending(authority, 'Chromecast ICA 3', 3653);
    expect(history(fileLocation([sighting(item, { role: 'intermediate' })]))[0]).toBe('365: info expiring');
  });
});

describe('leaves', () => {
  test('Ericsson, O2 and SoftBank, 6 December 2018: a certificate inside a program is a warning 30 days before, critical 7', () => {
    const inProgram = fileLocation([sighting(ending(leaf, 'sgsn-mme', 3650), { role: 'signer' })], {
      location: '/opt/sgsn/lib/signing.pem',
    });
    expect(history(inProgram)).toEqual(['30: warning expiring', '7: critical expiring', '0: critical expired']);
  });

  test('Equifax, 2016 and 2017: 19 months after its end the certificate of a silent device is critical still, and told again every week', async () => {
    const device = fileLocation([sighting(ending(leaf, 'ssl-visibility', 1096))]);
    for (const days of [0, 1, 30, 300, 579]) expect(told(device, days * DAY)).toEqual(['expired critical']);

    const scenario = createScenario();
    const expired = finding({ rule: 'expired', severity: 'critical', endsAt: scenario.now - 570 * A_DAY });
    await scenario.after(0, looked(1, 'good', [expired]));
    scenario.news();
    for (let week = 1; week <= 3; week++) {
      scenario.now += 7 * A_DAY;
      await scenario.repeats();
    }
    expect(scenario.news()).toEqual(['mail repeat', 'mail repeat', 'mail repeat']);
  });

  test('Teams, 3 February 2020: the certificate that signs tokens, which no port serves, is a warning 30 days before', () => {
    const inStore = fileLocation([sighting(ending(leaf, 'sts.teams', 365), { role: 'signer', place: 'current' })]);
    expect(history(inStore)[0]).toBe('30: warning expiring');
  });

  test('Epic Games, 6 April 2021: a wildcard inside the network is one alert that names every service, and the names at which nobody looks', () => {
    const wildcard = ending(leaf, '*.ol.epicgames.example', 398);
    const services = Array.from({ length: 300 }, (_, index) =>
      endpointLocation([wildcard], {
        id: index + 1,
        location: `svc-${index}.ol.epicgames.example:443@10.0.0.${index}`,
        target: `svc-${index}.ol.epicgames.example:443`,
      }),
    );
    const then = END - 30 * DAY;
    const groups = groupFindings(
      services.map((location) => ({ location, findings: assess(location, view(), DEFAULT_POLICY, then).findings })),
    );
    expect(groups).toHaveLength(1);
    expect(groups[0]).toMatchObject({ rule: 'expiring', severity: 'warning', cause: wildcard.id });
    expect(groups[0]?.locations).toHaveLength(300);
  });

  test('Azure Storage, 22 February 2013: renewed in the store and not rolled out is told within hours, and does not quieten the end that comes', () => {
    const old = { ...ending(leaf, '*.core.windows.example', 365), authorityKeyId: 'aa' };
    const renewed = leaf('*.core.windows.example', {
      id: 'bb'.repeat(32),
      lives: 365 * DAY,
      left: 300 * DAY,
      authorityKeyId: 'aa',
    });
    const seenAt = END - 65 * DAY;
    const made = endpointLocation([old], { id: 1, lastLookAt: END });
    const served = { ...made, sightings: made.sightings.map((seen) => ({ ...seen, firstSeenAt: END - 365 * DAY })) };
    const store = fileLocation([sighting(renewed, { firstSeenAt: seenAt })], {
      id: 2,
      type: 'azure-key-vault',
      location: 'vault/storage',
    });
    const index = createInventoryIndex([served, store]);
    const lines = history(served, { view: view({ index, intervalMs: 15 * MINUTE }) });
    expect(lines).toEqual([
      '64.74: warning not-deployed',
      '30: warning expiring',
      '7: critical expiring',
      '0: critical expired',
    ]);
  });

  test('Megaphone, 30 May 2022: two years, an acquired company: a warning 30 days before, and a finding that nobody owns it where that is asked for', () => {
    const here = endpointLocation([ending(leaf, 'megaphone.example', 730)]);
    const asked: Policy = { ...DEFAULT_POLICY, settings: { ...DEFAULT_POLICY.settings, unowned: 'info' } };
    expect(history(here)[0]).toBe('30: warning expiring');
    expect(told(here, -200 * DAY, { policy: asked })).toEqual(['unowned info']);
    expect(told({ ...here, labels: { owner: 'ads' } }, -200 * DAY, { policy: asked })).toEqual([]);
  });

  test('Starlink, 7 April 2023: a certificate of ground stations is a warning 30 days before, with every station in one alert', () => {
    const station = ending(leaf, 'gs.starlink.example', 398);
    const stations = ['a', 'b', 'c'].map((name, index) =>
      endpointLocation([station], { id: index + 1, location: `${name}:443@10.0.0.1` }),
    );
    const findings = stations.map((location) => ({ location, findings: judged(location, -30 * DAY).findings }));
    expect(groupFindings(findings).map(({ rule, locations }) => [rule, locations.length])).toEqual([['expiring', 3]]);
  });
});

describe('renewals', () => {
  test('Bazel, 26 December 2025: a renewal that fails over the holidays is told of 25.5 days before, warned of 22.5, critical 7', () => {
    const own = { ...ending(leaf, 'bcr.bazel.build', 90), authorityKeyId: 'aa' };
    expect(history(endpointLocation([own]))).toEqual([
      '25.5: info renewal-overdue',
      '22.5: warning expiring',
      '7: critical expiring',
      '0: critical expired',
    ]);
  });

  test('Bazel, where the CA publishes when to renew: a warning 4 days after its window, where the end itself is told of much later', () => {
    const own = ending(leaf, 'releases.bazel.build', 398);
    const window = { kind: 'renewal' as const, at: END - 300 * DAY, startAt: END - 136 * DAY, endAt: END - 130 * DAY };
    const lines = history(endpointLocation([own]), { view: view({ facts: { [own.id]: [window] } }) });
    expect(lines.slice(0, 2)).toEqual(['123: warning renewal-overdue', '30: warning expiring']);
  });

  test('Bazel: one dead name that blocks the renewal of all names is told six hours after it died', () => {
    const own = leaf('bcr.bazel.build', { names: ['bcr.bazel.build', 'old.bazel.build'], nameCount: 2 });
    const dead = { kind: 'name' as const, at: NOW, resolves: false, resolvedAt: NOW - DAY, deadSinceAt: NOW };
    const facts = view({ facts: { [nameSubject('old.bazel.build')]: [dead] } });
    expect(told(fileLocation([sighting(own)]), 6 * HOUR - 1, { view: facts })).toEqual([]);
    expect(told(fileLocation([sighting(own)]), 6 * HOUR, { view: facts })).toEqual(['name-dead warning']);
  });

  test('GitLab, 29 April 2024: a key that belongs to another certificate is critical before anything is reloaded', () => {
    const pair = fileLocation([
      sighting(leaf('gitlab.example'), { key: { at: '/etc/haproxy/gitlab.key', match: 'no' } }),
    ]);
    expect(told(pair)).toEqual(['key-mismatch critical']);
  });

  test('GitLab, pre.gitlab.com: a name of a certificate at which nobody looks is a finding where that is asked for', () => {
    const known = fileLocation([sighting(leaf('gitlab.example', { names: ['gitlab.example', 'pre.gitlab.example'] }))]);
    const watched = { ...endpointLocation([leaf('gitlab.example')], { target: 'gitlab.example:443', id: 9 }) };
    const index = createInventoryIndex([
      { ...watched, endpoint: { ...watched.endpoint, serverName: 'gitlab.example' } },
    ]);
    const asked: Policy = { ...DEFAULT_POLICY, settings: { ...DEFAULT_POLICY.settings, nameUnwatched: 'info' } };
    const { findings } = judged(known, 0, { policy: asked, view: view({ index }) });
    expect(findings.map(({ rule, facts }) => [rule, facts[0]?.value])).toEqual([
      ['name-unwatched', 'pre.gitlab.example'],
    ]);
  });

  test('GitLab, dev.gitlab.org: an alert that closes too early and comes back is the same alert, not a second incident', async () => {
    const scenario = createScenario();
    const bad = finding();
    await scenario.after(0, looked(1, 'good', [bad]));
    for (let look = 0; look < 3; look++) await scenario.after(A_DAY, looked(1, 'good'));
    await scenario.after(A_DAY, looked(1, 'good', [bad]));
    expect(scenario.news()).toEqual(['mail first', 'mail resolved', 'mail first']);
    const alert = await scenario.alert();
    expect([alert.id, alert.generation]).toEqual([alertId(bad.family, bad.cause), 2]);
  });
});

describe('clients', () => {
  const issuing = 'CN=kubelet CA 2,O=Example';

  test('OpenShift, a paused pool: a client whose new CA the server does not have is critical at the first rehearsal, and told before where the server names its CAs', () => {
    const kubelet = leaf('kubelet', { issuer: issuing });
    const server = endpointLocation([leaf('apiserver')]);
    expect(told(showing(server, 'kubelet', [kubelet], { status: 'rejected', reason: 'unknown_ca' }))).toContain(
      'client-rejected critical',
    );
    const named = showing(server, 'kubelet', [kubelet], { status: 'unknown' });
    const strict = { ...named, endpoint: { ...named.endpoint, acceptableIssuers: ['CN=kubelet CA 1,O=Example'] } };
    expect(told(strict)).toEqual(['issuer-not-accepted warning']);
  });

  test('a CRL that has ended on a server that demands client certificates: a warning 42 hours before every login fails', () => {
    const list = fileLocation([sighting(crl({ left: 0 }), { role: 'issuer', place: 'crl' })]);
    expect(history(list)).toEqual(['1.75: warning crl-expiring', '0: critical crl-expiring']);
  });

  test('ZeroSSL and the other public CAs, 2025 and 2026: a client certificate renewed without clientAuth is told at the first look, and before it is renewed', () => {
    const server = endpointLocation([leaf('xmpp.example')]);
    const renewed = leaf('xmpp-client.example', { extendedKeyUsage: ['serverAuth'] });
    expect(told(showing(server, 's2s', [renewed], { status: 'accepted' }))).toEqual(['client-auth-missing warning']);
    const before = leaf('xmpp-client.example', {
      extendedKeyUsage: ['serverAuth', 'clientAuth'],
      issuer: 'CN=ZeroSSL ECC DV',
    });
    const publicCas = view({ publicIssuers: ['CN=ZeroSSL ECC DV'] });
    expect(told(showing(server, 's2s', [before], { status: 'accepted' }), 0, { view: publicCas })).toEqual([
      'client-auth-missing warning',
    ]);
  });
});
