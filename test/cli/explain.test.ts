import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { explainItem, itemScreen } from '../../src/cli/explain/item.ts';
import { gather, type Knowledge } from '../../src/cli/explain/knowledge.ts';
import { locationsScreen } from '../../src/cli/explain/location.ts';
import { findSubject } from '../../src/cli/explain/subject.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { Inquiry } from '../../src/inventory/fact.ts';
import type { Location, SourceState } from '../../src/inventory/model.ts';
import { nameSubject } from '../../src/plugin/fact-subject.ts';
import type { Verdict } from '../../src/plugin/observation.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { runCli } from '../helpers/cli.ts';
import {
  authority,
  crl,
  DAY,
  endpointLocation,
  fileLocation,
  HOUR,
  leaf,
  MINUTE,
  NOW,
  root,
  showing,
  sighting,
} from '../policy/places.ts';

const ISSUING = 'CN=Example Issuing CA,O=Example';
const billing = leaf('billing', { left: 4 * DAY });
const above = authority('Example Issuing CA', { left: 300 * DAY });

function endpoint(host: string, verdict?: Partial<Verdict>, address = '10.0.0.7'): Location {
  const made = endpointLocation(
    [leaf(host), authority('Server CA', { left: 40 * DAY, issuer: 'CN=Example Root,O=Example' })],
    {
      location: `${host}:8443@${address}`,
      target: `${host}:8443`,
      labels: { owner: 'payments' },
    },
  );
  const facts = {
    ...made.endpoint,
    address,
    serverName: host,
    tlsVersion: '1.3',
    cipher: 'TLS_AES_128_GCM_SHA256',
    alpn: 'h2',
    requestsClientCertificate: true,
    acceptableIssuers: [ISSUING],
  };
  const nobody: Verdict = {
    client: null,
    name: null,
    status: 'rejected',
    reason: 'certificate_required',
    evidence: 'alert 116',
  };
  const here = { ...made, endpoint: { ...facts, verdicts: [nobody] } };
  return verdict === undefined
    ? here
    : showing(here, 'billing', [billing, above], verdict, { key: { at: '/etc/notafter/client.key', match: 'yes' } });
}

const clientFile = fileLocation([sighting(billing, { role: 'client' }), sighting(leaf('cron'), { role: 'client' })], {
  location: '/etc/notafter/client.pem',
});
const locations: readonly Location[] = [
  endpoint('api.example.com', { status: 'accepted', evidence: 'HTTP 200 to HEAD /' }),
  endpoint('pay.example.com', { status: 'rejected', reason: 'unknown_ca', evidence: 'alert 48' }),
  clientFile,
].map((location, index) => ({ ...location, id: index + 1 }));

const CONFIG = `sources:
  - {name: partners, type: endpoint, every: 15m, targets: [api.example.com:8443], policy: {leaf: {critical: 5d}}}
  - {name: disk, type: file, every: 1h, paths: [/etc/ssl]}
`;

function knowledge(
  all: readonly Location[] = locations,
  now = NOW,
  inquiries: readonly Inquiry[] = [],
): Promise<Knowledge> {
  const sources = [
    { name: 'partners', type: 'endpoint', intervalMs: 15 * MINUTE, firstSeenAt: 0 },
  ] satisfies SourceState[];
  const store = {
    inventory: {
      locations: async () => all,
      sources: async () => sources,
      endedLeaves: async () => ({ leaves: [], cursor: 0, more: false }),
    },
    facts: { inquiries: async () => inquiries },
  } as unknown as Store;
  return gather(store, parseConfig('notafter.yaml', CONFIG, {}), now);
}

async function screenOf(
  word: string,
  all = locations,
  width = Infinity,
  transcripts: Knowledge['transcripts'] = new Map(),
): Promise<string> {
  const known = { ...(await knowledge(all)), transcripts };
  const subject = findSubject(word, all);
  if (subject.kind === 'locations') return locationsScreen(subject.locations, known, width);
  if (subject.kind === 'item') return itemScreen(explainItem(subject.item, known), known, width);
  throw new Error(`${word} is ${subject.kind}`);
}

describe('a word', () => {
  test.each([
    ['a location', 'api.example.com:8443@10.0.0.7', ['api.example.com:8443@10.0.0.7']],
    ['a target', 'api.example.com:8443', ['api.example.com:8443@10.0.0.7']],
    ['a host', 'api.example.com', ['api.example.com:8443@10.0.0.7']],
    ['a host in another way', 'https://API.example.com./', ['api.example.com:8443@10.0.0.7']],
    ['an address', '10.0.0.7', ['api.example.com:8443@10.0.0.7', 'pay.example.com:8443@10.0.0.7']],
    ['a file', '/etc/notafter/client.pem', ['/etc/notafter/client.pem']],
  ])('may be %s', (_, word, expected) => {
    expect(findSubject(word, locations)).toMatchObject({
      kind: 'locations',
      locations: expected.map((location) => ({ location })),
    });
  });

  test.each([
    ['a fingerprint', billing.id],
    ['its beginning', billing.id.slice(0, 8)],
    ['upper case with colons', billing.id.toUpperCase().replace(/..(?=.)/g, '$&:')],
  ])('may be %s', (_, word) => {
    expect(findSubject(word, locations)).toEqual({ kind: 'item', item: billing });
  });

  test.each<[string, string, readonly string[]]>([
    ['too short a fingerprint', billing.id.slice(0, 7), []],
    ['a misspelt host', 'api.exmple.com', ['api.example.com', `${leaf('api.example.com').id} (api.example.com)`]],
    ['the name of a client', 'billing', [`${billing.id} (billing)`]],
    ['a part of a path', 'notafter', ['/etc/notafter/client.pem']],
    ['nothing at all like it', 'zzz', []],
  ])('that is %s is unknown, with what is near', (_, word, near) => {
    expect(findSubject(word, locations)).toEqual({ kind: 'unknown', near });
  });

  test('that begins several fingerprints names them', () => {
    const twins = ['a', 'b'].map((end) => leaf(end, { id: `${'0'.repeat(63)}${end}` }));
    expect(findSubject('0'.repeat(8), [fileLocation(twins.map((item) => sighting(item)))])).toEqual({
      kind: 'several',
      items: twins,
    });
  });
});

describe('a location', () => {
  test('is explained on one screen', async () => {
    const lines = (await screenOf('api.example.com')).split('\n').map((line) => line.trimEnd());
    expect(lines).toEqual(
      expect.arrayContaining([
        '  Source              partners (endpoint), target api.example.com:8443',
        '  Last look           less than a minute ago: good',
        '  Known since         2026-01-02 12:00 UTC',
        '  Labels              owner=payments',
        '  TLS                 1.3, TLS_AES_128_GCM_SHA256, h2, by a hello handshake',
        `  Client certificate  asked for, from ${ISSUING}`,
        '  Begins to fail      2026-03-13 12:00 UTC, in 40 days, by Server CA',
      ]),
    );
    expect(lines.filter((line) => line.startsWith('  >'))).toEqual([
      '  > Server CA           ends 2026-03-13 12:00 UTC, in 40 days, sent as 1, limits the chain',
      expect.stringMatching(/^ {2}> +2026-03-13 12:00 +40 days +intermediate +Server CA +chain/),
    ]);
    expect(lines).toContainEqual(
      expect.stringMatching(/^ {2}billing +accepted +2026-02-05 12:00 UTC +4 days +billing +named/),
    );
    expect(lines).toContainEqual(
      expect.stringMatching(/^ {2}\(cron\) +may log in +2026-04-02 12:00 UTC +60 days +cron +named/),
    );
    expect(lines).toContain('  billing: HTTP 200 to HEAD /');
    expect(lines).toContain('  without a certificate rejected: certificate_required: alert 116');
    expect(lines).toContainEqual(expect.stringMatching(/^ {2}critical: client-will-fail {2}billing /));
    expect(lines).toContain(
      '  leaf       warning 25% max 30d (default), critical 5d (sources.partners.policy.leaf.critical)',
    );
    expect(lines.length).toBeLessThan(50);
    // The certificates of clients are no part of what is served.
    expect(lines.filter((line) => line.includes('client/billing'))).toEqual([]);
  });

  test('marks what limits it though it was not served', async () => {
    const limitedBy = root('Old Root', { left: 9 * DAY });
    const unserved = endpointLocation([leaf('api.example.com')], { limitedBy });
    expect(await screenOf('api.example.com', [unserved])).toMatch(
      /\n {2}> +2026-02-10 12:00 +9 days +not served +Old Root/,
    );
  });

  test('says why the last look failed, what could not be read, and since when', async () => {
    const failed: Location = {
      ...clientFile,
      failure: { reason: 'permission_denied', detail: 'may not open it\u001b[2J' },
      failures: 4,
      lastSuccessAt: NOW - 2 * DAY,
      problems: [{ reason: 'wrong_password', place: 'tomcat', detail: 'no password' }],
      sightings: [sighting(crl(), { role: 'issuer', place: 'crl' })],
    };
    const text = await screenOf('/etc/notafter/client.pem', [failed]);
    expect(text).toContain('failed, 4 looks in a row: permission_denied: may not open it\n');
    expect(text).toContain('Last good look  2026-01-30 12:00 UTC, 2 days ago');
    expect(text).toContain('\n  tomcat: wrong_password: no password');
    expect(text).toContain(`CRL of ${ISSUING}`);
  });

  test('of many is a table, what ends first first', async () => {
    const many = Array.from({ length: 25 }, (_, index) => endpoint('api.example.com', undefined, `10.0.1.${index}`));
    const text = await screenOf('api.example.com', many, 100);
    expect(text.split('\n')[0]).toMatch(/^STATE +LOOK +NEXT TO END \(UTC\) +NAME +SOURCE +LOCATION$/);
    expect(text).toContain('… and 5 more locations');
    expect(text).toContain('25 locations; explain one of them by its name.');
  });
});

test('what enrichers learned of a certificate stands in its explanation, and why they did not', async () => {
  const asked = { subject: billing.id, askedAt: NOW - HOUR, askAgainAt: NOW + HOUR, failures: 0 };
  const inquiries: readonly Inquiry[] = [
    {
      ...asked,
      enricher: 'crl',
      fact: { kind: 'revocation', at: NOW - HOUR, status: 'good', by: 'crl', url: 'http://crl.example/ca.crl' },
    },
    { ...asked, enricher: 'ari', failures: 1, problem: 'the CA answers HTTP 404\u001b[31m' },
    {
      ...asked,
      enricher: 'names',
      subject: nameSubject(billing.names[0] ?? ''),
      fact: { kind: 'name', at: NOW - HOUR, resolves: false, deadSinceAt: NOW - DAY },
    },
  ];
  const known = await knowledge(locations, NOW, inquiries);
  const text = itemScreen(explainItem(billing, known), known, Infinity);
  expect(text).toContain('Revocation list  good, by http://crl.example/ca.crl; asked 2026-02-01 11:00 UTC, 1 hour ago');
  expect(text).toMatch(/Renewal wanted {3}2026-02-01 11:00 UTC, 1 hour ago: the CA answers HTTP 404/);
  expect(text).toMatch(/not in DNS since 2026-01-31 12:00 UTC, and never seen there/);
  expect(text).not.toContain('\u001b[31m');
  expect(await screenOf(billing.id)).not.toContain('What others say');
});

describe('a certificate', () => {
  test('of a client names every login that fails on its last day, every place where it lives, and what to do', async () => {
    const lines = (await screenOf(billing.id)).split('\n');
    expect(lines).toContain('Logins that fail on its last day, 2026-02-05 12:00 UTC, in 4 days');
    expect(lines).toContainEqual(
      expect.stringMatching(/^ {2}api\.example\.com:8443@10\.0\.0\.7 +billing +accepted +2026-02-05/),
    );
    expect(lines).toContainEqual(
      expect.stringMatching(/^ {2}pay\.example\.com:8443@10\.0\.0\.7 +billing +rejected: unknown_ca +2026-02-05/),
    );
    expect(lines.join('\n')).not.toContain('Logins that may fail');
    expect(lines).toContainEqual(
      expect.stringMatching(
        /^ {2}partners +api\.example\.com:8443@10\.0\.0\.7 +client\/billing +client +\/etc\/notafter\/client\.key /,
      ),
    );
    expect(lines).toContainEqual(expect.stringMatching(/^ {2}disk +\/etc\/notafter\/client\.pem +pem +client /));
    expect(lines).toContainEqual(expect.stringMatching(/^ {2}1\. Renew billing/));
    for (const host of ['api', 'pay']) {
      const proof = new RegExp(
        String.raw`^ {2}\d+\. Prove it: notafter check ${host}\.example\.com:8443 --client-cert`,
      );
      expect(lines.filter((line) => proof.test(line))).toHaveLength(1);
    }
  });

  test('that was found names where it may log in, and when it will first be told of', async () => {
    const text = await screenOf(leaf('cron').id);
    expect(text).toContain(
      'Logins that may fail on its last day, 2026-04-02 12:00 UTC, in 60 days: the endpoint names its issuer',
    );
    expect(text.match(/\(cron\) +may log in/g)).toHaveLength(2);
    expect(text).toContain('Nothing yet: the first notice (warning) is due 2026-03-11 00:00 UTC, in 37 days.');
  });

  test('of an authority names the endpoints that it limits, and the logins', async () => {
    const server = await screenOf(authority('Server CA').id);
    expect(server).toMatch(
      /Endpoints that fail for everybody on its last day, 2026-03-13 .*\n {2}api\.example\.com:8443@10\.0\.0\.7\n {2}pay/,
    );
    const short = authority('Example Issuing CA', { left: 2 * DAY });
    const limited = showing(endpoint('api.example.com'), 'billing', [billing, short], { status: 'accepted' });
    expect(await screenOf(short.id, [limited])).toMatch(
      /Logins that fail on its last day, 2026-02-03 .*\n.*\n {2}api\.example\.com:8443@10\.0\.0\.7 +billing +accepted +2026-02-03/,
    );
  });

  test('that is known from chains alone is explained all the same', async () => {
    const limitedBy = root('Old Root', { left: 9 * DAY });
    const text = await screenOf(limitedBy.id, [endpointLocation([leaf()], { limitedBy })]);
    expect(text).toContain('Nowhere that was seen');
    expect(text).toMatch(/Endpoints that fail for everybody on its last day/);
    expect(text).toContain('critical: trust-anchor-expiring');
  });

  test('without an end is explained as well', async () => {
    const endless = leaf('endless', { notAfter: { status: 'never' } });
    const text = await screenOf(endless.id, [
      showing(endpoint('api.example.com'), 'x', [endless], { status: 'accepted' }),
    ]);
    expect(text).toContain('Logins that fail if it ended\n');
    expect(text).toMatch(/x +accepted +never +- +endless/);
    expect(text).toContain('What to do\n  Nothing.');
  });
});

describe('the command', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-explain-'));
  const config = path.join(folder, 'notafter.yaml');
  const run = (...words: readonly string[]): ReturnType<typeof runCli> =>
    runCli(['explain', ...words, '--config', config], folder);

  beforeAll(async () => {
    const file = path.join(folder, 'notafter.db');
    writeFileSync(config, `${CONFIG}store: "sqlite:${file}"\n`);
    const store = await openSqlite(file);
    await store.transaction(async ({ inventory }) => {
      for (const { name, type } of [
        { name: 'partners', type: 'endpoint' },
        { name: 'disk', type: 'file' },
      ]) {
        await inventory.saveSource({ name, type, intervalMs: MINUTE, firstSeenAt: NOW });
      }
      for (const { source, target, labels } of locations) {
        await inventory.saveTarget({ source, key: target, labels, data: null }, NOW);
      }
      await inventory.saveLocations(
        locations.map((location) => ({ location: { ...location, id: 0 }, ders: new Map(), touchOnly: false })),
      );
    });
    await store.close();
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('explains a place and a certificate as JSON', async () => {
    const [place, certificate] = await Promise.all([
      run('api.example.com', '--json'),
      run(billing.id.slice(0, 12), '--json'),
    ]);
    expect([place.exitCode, certificate.exitCode, place.stderr, certificate.stderr]).toEqual([0, 0, '', '']);
    expect(JSON.parse(place.stdout)).toMatchObject({
      kind: 'locations',
      locations: [
        {
          location: 'api.example.com:8443@10.0.0.7',
          ok: true,
          labels: { owner: 'payments' },
          first_seen: '2026-01-02T12:00:00.000Z',
          endpoint: { tls_version: '1.3', acceptable_issuers: [ISSUING], limited_by: authority('Server CA').id },
          clients: [
            {
              client: billing.id,
              name: 'billing',
              verdict: { status: 'accepted', evidence: 'HTTP 200 to HEAD /' },
              issuer: 'named',
              outage_at: '2026-02-05T12:00:00.000Z',
              limited_by: billing.id,
            },
            { client: leaf('cron').id, name: null, verdict: null, issuer: 'named' },
          ],
          thresholds: expect.arrayContaining([
            { class: 'leaf', level: 'critical', threshold: '5d', from: 'sources.partners.policy.leaf.critical' },
          ]),
        },
      ],
    });
    expect(JSON.parse(certificate.stdout)).toMatchObject({
      kind: 'certificate',
      id: billing.id,
      name: 'billing',
      not_after: '2026-02-05T12:00:00.000Z',
      rejected_logins: [
        { location: 'api.example.com:8443@10.0.0.7' },
        { location: 'pay.example.com:8443@10.0.0.7', verdict: { status: 'rejected' } },
      ],
      possible_logins: [],
      lives_at: expect.arrayContaining([
        expect.objectContaining({ location: '/etc/notafter/client.pem', place: 'pem', role: 'client' }),
      ]),
      findings: expect.arrayContaining([
        expect.objectContaining({ rule: 'expired', family: 'expiry', cause: billing.id }),
      ]),
    });
  });

  test('explains a place to a person', async () => {
    const ran = await run('pay.example.com:8443');
    expect([ran.exitCode, ran.stderr]).toEqual([0, '']);
    expect(ran.stdout).toMatch(/^pay\.example\.com:8443@10\.0\.0\.7\n {2}Source /);
    expect(ran.stdout).toContain('critical: client-rejected  pay.example.com:8443 rejects client billing: unknown_ca');
  });

  test.each([
    [
      'an unknown word',
      'api.exmple.com',
      /^notafter: the store knows nothing called api\.exmple\.com; near it:\n {2}api\.example\.com\n/,
    ],
    [
      'a short fingerprint',
      'abc123',
      /^notafter: the store knows nothing called abc123; of a fingerprint, give at least 8 digits; "notafter list" shows/,
    ],
  ])('says so of %s, with the exit code 3', async (_, word, why) => {
    const ran = await run(word);
    expect([ran.exitCode, ran.stdout]).toEqual([3, '']);
    expect(ran.stderr).toMatch(why);
  });
});

test('what passed on the wire stands at the end of an endpoint, and its text steers no terminal', async () => {
  const lines = ['Probe, hello handshake:', '> ClientHello (1)', '< alert 45 certificate_expired\u001b[2J'];
  const text = await screenOf('api.example.com', locations, Infinity, new Map([[1, lines]]));
  expect(text).toMatch(
    /\nOn the wire \(> sent, < received\)\n {2}Probe, hello handshake:\n {2}> ClientHello \(1\)\n {2}< alert 45 certificate_expired$/,
  );
  expect(await screenOf('api.example.com')).not.toContain('On the wire');
});
