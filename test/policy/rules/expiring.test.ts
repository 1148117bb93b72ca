import { describe, expect, test } from 'vitest';

import type { KnownCertificate, KnownItem, Location, Sighting } from '../../../src/inventory/model.ts';
import { parseMatcher } from '../../../src/label/matcher.ts';
import { DEFAULT_POLICY } from '../../../src/policy/policy.ts';
import { parseThreshold } from '../../../src/policy/threshold.ts';
import {
  authority,
  DAY,
  described,
  endpointLocation,
  fileLocation,
  HOUR,
  judged,
  leaf,
  NOW,
  root,
  sighting,
  told,
  view,
} from '../places.ts';

const file = (item: KnownItem, options?: Partial<Sighting>): Location => fileLocation([sighting(item, options)]);

describe('a leaf', () => {
  test.each<[string, number, number, readonly string[]]>([
    ['398 days, 31 left', 398 * DAY, 31 * DAY, []],
    ['398 days, a moment more than 30 left', 398 * DAY, 30 * DAY + 1, []],
    ['398 days, 30 left', 398 * DAY, 30 * DAY, ['expiring warning']],
    ['398 days, 7 left', 398 * DAY, 7 * DAY, ['expiring critical']],
    ['200 days, 30 left', 200 * DAY, 30 * DAY, ['expiring warning']],
    ['90 days, 23 left', 90 * DAY, 23 * DAY, ['renewal-overdue info']],
    ['90 days, 22.5 left', 90 * DAY, 22.5 * DAY, ['expiring warning']],
    ['90 days, 7 left', 90 * DAY, 7 * DAY, ['expiring critical']],
    ['47 days, 12 left', 47 * DAY, 12 * DAY, ['renewal-overdue info']],
    ['47 days, 11 left', 47 * DAY, 11 * DAY, ['expiring warning']],
    ['47 days, 4.7 left', 47 * DAY, 4.7 * DAY, ['expiring critical']],
    ['160 hours, 57 hours left', 160 * HOUR, 57 * HOUR, ['renewal-overdue info']],
    ['160 hours, 56 hours left', 160 * HOUR, 56 * HOUR, ['expiring warning']],
    ['160 hours, 24 hours left', 160 * HOUR, 24 * HOUR, ['expiring critical']],
    ['one day, 3 hours left', 24 * HOUR, 3 * HOUR, ['expiring critical']],
    ['90 days, a moment left', 90 * DAY, 1, ['expiring critical']],
  ])('that lives %s', (_, lives, left, expected) => {
    const item = leaf('api.example.com', { lives, left });
    expect(told(file(item))).toEqual(expected);
    expect(told(endpointLocation([item]))).toEqual(expected);
  });

  test.each(['server', 'client', 'signer', 'unknown'] as const)('is judged as such in the role %s', (role) => {
    expect(told(file(leaf('x', { left: 20 * DAY }), { role }))).toEqual(['expiring warning']);
  });

  test('that is known by description alone is judged by the fixed bounds', () => {
    expect(told(file(described({ left: 31 * DAY }), { role: 'client' }))).toEqual([]);
    expect(told(file(described({ left: 30 * DAY }), { role: 'client' }))).toEqual(['expiring warning']);
    expect(told(file(described({ left: 7 * DAY }), { role: 'client' }))).toEqual(['expiring critical']);
  });

  test.each<[string, KnownItem]>([
    ['never', leaf('x', { notAfter: { status: 'never' } })],
    ['at a time that is not known', described({ notAfter: { status: 'unknown' } })],
  ])('that ends %s is quiet for ever', (_, item) => {
    expect(judged(file(item))).toEqual({ findings: [] });
    expect(told(file(item), 10_000 * DAY)).toEqual([]);
  });
});

describe('an authority', () => {
  test.each<[string, number, number, readonly string[]]>([
    ['10 years, 366 days left', 3650, 366, []],
    ['10 years, 365 days left', 3650, 365, ['expiring info']],
    ['10 years, 180 days left', 3650, 180, ['expiring warning']],
    ['10 years, 30 days left', 3650, 30, ['expiring critical']],
    ['one year, 92 days left', 365, 92, ['expiring info']],
    ['one year, 91 days left', 365, 91, ['expiring warning']],
  ])('that lives %s', (_, lives, left, expected) => {
    const item = authority('CA', { lives: lives * DAY, left: left * DAY });
    expect(told(file(item, { role: 'intermediate' }))).toEqual(expected);
    expect(told(file(item, { role: 'issuer' }))).toEqual(expected);
    expect(told(file(item, { role: 'unknown' }))).toEqual(expected);
  });

  test('that lives for a day only is judged by its short life', () => {
    const item = authority('mesh', { lives: DAY, left: 20 * HOUR });
    expect(told(file(item, { role: 'intermediate' }))).toEqual([]);
    expect(told(file(item, { role: 'intermediate' }), 13 * HOUR)).toEqual(['expiring warning']);
    expect(told(file(item, { role: 'intermediate' }), 17 * HOUR)).toEqual(['expiring critical']);
  });
});

describe('an endpoint', () => {
  test('whose intermediate ends first has one finding, about the intermediate and by its thresholds', () => {
    const intermediate = authority('Example Issuing CA', { left: 40 * DAY });
    const { findings } = judged(endpointLocation([leaf(), intermediate]));
    expect(findings).toMatchObject([
      {
        rule: 'expiring',
        family: 'expiry',
        severity: 'warning',
        cause: intermediate.id,
        title: 'Example Issuing CA',
        endsAt: NOW + 40 * DAY,
        summary:
          'Example Issuing CA (CN=Example Issuing CA,O=Example) ends in 40 days, 2026-03-13 12:00 UTC, and with it the chain of api.example.com, at api.example.com:8443@10.0.0.7',
      },
    ]);
    expect(findings[0]?.facts).toContainEqual({
      name: 'Limits',
      value:
        'the chain of api.example.com (CN=api.example.com,O=Example), which itself ends in 60 days, 2026-04-02 12:00 UTC',
    });
    expect(findings[0]?.actions.join('\n')).toContain('A new certificate for api.example.com alone does not help');
  });

  test('whose leaf crosses as well has a finding for each cause', () => {
    const intermediate = authority('CA', { left: 10 * DAY });
    const { findings } = judged(endpointLocation([leaf('x', { left: 15 * DAY }), intermediate]));
    expect(findings.map(({ severity, title }) => `${severity} ${title}`)).toEqual(['warning x', 'critical CA']);
  });

  test('is limited by an authority that it does not serve', () => {
    const limitedBy = authority('Unseen CA', { left: 100 * DAY });
    const { findings } = judged(endpointLocation([leaf('x', { left: 200 * DAY, lives: 398 * DAY })], { limitedBy }));
    expect(findings).toMatchObject([
      { rule: 'expiring', severity: 'warning', cause: limitedBy.id, title: 'Unseen CA' },
    ]);
  });

  test('is not silent when nothing but the end of the limiting certificate is known', () => {
    const here = endpointLocation([leaf()]);
    const chain = { ...here.chain, effective: { at: NOW + 3 * DAY, by: 'f'.repeat(64) } };
    expect(judged({ ...here, chain }).findings).toMatchObject([
      { rule: 'expiring', severity: 'critical', cause: 'f'.repeat(64) },
    ]);
  });

  test('without a trusted path is judged along the issuers that it serves', () => {
    const intermediate = authority('Example Issuing CA', { left: 20 * DAY });
    expect(told(endpointLocation([leaf(), intermediate], { untrusted: true }))).toEqual(['expiring critical']);
  });

  test('is worth a note at most for what it serves beside the path', () => {
    const path = [leaf(), authority()];
    const beside = authority('Old cross-sign', { left: 10 * DAY });
    const here = endpointLocation([...path, beside], { path });
    expect(told(here)).toEqual(['expiring info']);
    expect(told(here, 11 * DAY)).toEqual(['expired info']);
    expect(told(endpointLocation([...path, authority('Old', { left: 300 * DAY })], { path }))).toEqual([]);
  });

  test('that serves a public root beside the path has a note once that has ended', () => {
    const path = [leaf(), authority()];
    const anchor = root('Public Root', { left: 10 * DAY });
    const here = endpointLocation([...path, anchor], { path });
    const options = { view: view({ publicRoots: [anchor.id] }) };
    expect(told(here, 0, options)).toEqual([]);
    expect(told(here, 10 * DAY, options)).toEqual(['expired info']);
  });

  test('does not take for its path what merely bears the name of an issuer on it', () => {
    const path = [leaf(), authority()];
    const limitedBy = root();
    // As in May 2020: the cross-sign of a root that clients hold themselves.
    const crossSign = authority('Example Root', { left: 5 * DAY, id: 'c'.repeat(64), issuer: 'CN=Old Root,O=Example' });
    const here = endpointLocation([...path, crossSign], { path, limitedBy });
    expect(told(here)).toEqual(['expiring info']);
    expect(told(here, 6 * DAY)).toEqual(['expired info']);
  });

  test.each<[string, Partial<KnownCertificate>, readonly string[]]>([
    ['has issued the leaf', {}, ['expiring critical']],
    ['has the key that the leaf names', { subjectKeyId: 'aa' }, ['expiring critical']],
    ['has another key than the leaf names', { subjectKeyId: 'bb' }, ['expiring info']],
    ['is no authority', { isCa: false }, ['expiring info']],
  ])('without a trusted path counts what it serves beside the leaf when it %s', (_, options, expected) => {
    const own = leaf('x', { left: 60 * DAY, authorityKeyId: 'aa' });
    const above = authority('Example Issuing CA', { left: 5 * DAY, lives: 60 * DAY, ...options });
    const path = expected[0] === 'expiring critical' ? [own, above] : [own];
    expect(told(endpointLocation([own, above], { path, untrusted: true }))).toEqual(expected);
  });

  test('has its other items judged on their own', () => {
    const here = endpointLocation([leaf()]);
    const client = sighting(leaf('billing', { left: 2 * DAY }), { place: 'client/billing', role: 'client' });
    const { findings } = judged({ ...here, sightings: [...here.sightings, client] });
    expect(findings).toMatchObject([{ severity: 'critical', title: 'billing' }]);
  });

  test('whose served leaf is a self-signed authority is judged by the thresholds of a leaf', () => {
    const own = root('printer.lan', { lives: 398 * DAY, left: 100 * DAY });
    expect(told(endpointLocation([own], { untrusted: true }))).toEqual([]);
    expect(told(endpointLocation([own], { untrusted: true }), 75 * DAY)).toEqual(['expiring warning']);
  });
});

describe('the finding', () => {
  test('tells of a certificate once, however often it is in the file', () => {
    const item = leaf('x', { left: 5 * DAY });
    const places = [sighting(item, { place: 'tomcat' }), sighting(item, { place: 'jetty' })];
    expect(told(fileLocation(places))).toEqual(['expiring critical']);
  });

  test('is the worst of all its places', () => {
    const item = leaf('x', { left: 20 * DAY });
    const settings = { thresholds: { leaf: { critical: parseThreshold('25d') } } };
    const policy = { ...DEFAULT_POLICY, overrides: [{ match: [parseMatcher('role="client"')], settings }] };
    const places = [sighting(item, { role: 'server' }), sighting(item, { role: 'client', place: 'other' })];
    expect(told(fileLocation(places), 0, { policy })).toEqual(['expiring critical']);
    expect(told(fileLocation(places.toReversed()), 0, { policy })).toEqual(['expiring critical']);
  });

  test('never grows milder, even by thresholds in the wrong order', () => {
    const thresholds = { leaf: { warning: parseThreshold('5d'), critical: parseThreshold('20d') } };
    const policy = { ...DEFAULT_POLICY, sources: new Map([['disk', { thresholds }]]) };
    expect(told(file(leaf('x', { left: 20 * DAY })), 0, { policy })).toEqual(['expiring critical']);
    expect(told(file(leaf('x', { left: 5 * DAY })), 0, { policy })).toEqual(['expiring critical']);
  });

  test('names the certificate, every name up to ten, the key, the users and what to do', () => {
    const names = Array.from({ length: 12 }, (_, index) => `n${index}.example.com`);
    const item = leaf('n0.example.com', { left: 5 * DAY, names, nameCount: 2500 });
    const { findings } = judged(
      file(item, {
        key: { at: '/etc/ssl/api.key', match: 'no' },
        usedBy: [{ type: 'app', id: 'nginx' }],
        renewal: { mode: 'automatic', dueAt: NOW - DAY, stuck: 'the DNS record is missing' },
      }),
    );
    expect(findings[0]?.facts).toEqual([
      { name: 'Fingerprint', value: item.id },
      { name: 'Serial', value: '0A1B' },
      { name: 'Issuer', value: 'CN=Example Issuing CA,O=Example' },
      { name: 'Valid from', value: '2025-11-08 12:00 UTC' },
      { name: 'Valid until', value: '2026-02-06 12:00 UTC' },
      { name: 'Names', value: `${names.slice(0, 10).join(', ')} and 2490 others` },
      { name: 'Place', value: 'pem' },
      { name: 'Role', value: 'server' },
      { name: 'Private key', value: '/etc/ssl/api.key (belongs to another certificate)' },
      { name: 'Used by', value: 'app nginx' },
      { name: 'Renewal', value: 'automatic, due 2026-01-31 12:00 UTC, stuck: the DNS record is missing' },
    ]);
    expect(findings[0]?.actions).toEqual([
      "See it: openssl crl2pkcs7 -nocrl -certfile /etc/ssl/api.pem | openssl pkcs7 -print_certs -noout -text | grep -E 'Subject:|Not After'",
      'Its automatic renewal is stuck: the DNS record is missing. Remove the obstacle, then let it renew',
      'Before the reload, both digests must be the same: openssl x509 -in /etc/ssl/api.pem -noout -pubkey | openssl dgst -sha256; openssl pkey -in /etc/ssl/api.key -pubout | openssl dgst -sha256',
      'Replace it at /etc/ssl/api.pem, keep the old one beside until all is proven, and reload nginx',
      'Prove it: notafter check /etc/ssl/api.pem',
    ]);
  });

  test.each<[number, string]>([
    [4 * DAY + 23 * HOUR, 'ends in 4 days'],
    [DAY, 'ends in 1 day'],
    [DAY - 1, 'ends in 23 hours'],
    [5 * HOUR, 'ends in 5 hours'],
    [90_000, 'ends in 1 minute'],
    [59_000, 'ends in less than a minute'],
  ])('with %s ms left says that it %s', (left, words) => {
    expect(judged(file(leaf('x', { left }))).findings[0]?.summary).toContain(words);
  });
});
