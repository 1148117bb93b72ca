import { describe, expect, test } from 'vitest';

import type { KnownCertificate, Sighting } from '../../../src/inventory/model.ts';
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
  showing,
  sighting,
  told,
  view,
} from '../places.ts';

const here = endpointLocation([leaf()]);
const shown = (presented: readonly KnownCertificate[]): ReturnType<typeof showing> =>
  showing(here, 'billing', presented, { status: 'accepted' });

test.each<[string, readonly KnownCertificate[], readonly string[]]>([
  ['a leaf with 23 of 90 days left', [leaf('billing', { left: 23 * DAY })], ['renewal-overdue info']],
  ['a leaf with 22 of 90 days left', [leaf('billing', { left: 22 * DAY })], ['client-will-fail warning']],
  ['a leaf with 7 days left', [leaf('billing', { left: 7 * DAY })], ['client-will-fail critical']],
  ['a leaf that has ended', [leaf('billing', { left: 0 })], ['expired critical']],
  ['a short-lived leaf', [leaf('billing', { lives: 24 * HOUR, left: 3 * HOUR })], ['client-will-fail critical']],
  [
    'an intermediate with 40 days left',
    [leaf('billing'), authority('Example Issuing CA', { left: 40 * DAY })],
    ['client-will-fail warning'],
  ],
  [
    'an intermediate with 20 days left',
    [leaf('billing'), authority('Example Issuing CA', { left: 20 * DAY })],
    ['client-will-fail critical'],
  ],
  [
    'an intermediate that has ended',
    [leaf('billing'), authority('Example Issuing CA', { left: -DAY })],
    ['expired critical'],
  ],
  [
    'a root at the end of the path',
    [leaf('billing'), authority(), root('Example Root', { left: 20 * DAY })],
    ['client-will-fail critical'],
  ],
  [
    'an authority beside the path',
    [leaf('billing'), authority('Somebody Else', { left: 20 * DAY })],
    ['expiring info'],
  ],
  ['a leaf without an end', [leaf('billing', { notAfter: { status: 'never' } })], []],
])('a client with %s', (_, presented, expected) => {
  expect(told(shown(presented))).toEqual(expected);
});

test('names the client, the endpoint, the day and what to do', () => {
  const item = leaf('billing', { left: 4 * DAY });
  const key = { at: '/etc/notafter/client.key', match: 'yes' as const };
  const { findings, nextAt } = judged(showing(here, 'billing', [item], { status: 'accepted' }, { key }));
  expect(findings).toMatchObject([
    {
      family: 'expiry',
      cause: item.id,
      title: 'billing',
      endsAt: NOW + 4 * DAY,
      summary:
        'billing (CN=billing,O=Example) ends in 4 days, 2026-02-05 12:00 UTC: from then on api.example.com:8443 rejects client billing, at api.example.com:8443@10.0.0.7',
    },
  ]);
  expect(findings[0]?.facts).toContainEqual({
    name: 'Client billing',
    value: 'billing (CN=billing,O=Example), today accepted',
  });
  expect(findings[0]?.actions).toEqual([
    'Renew billing, issued by CN=Example Issuing CA,O=Example; it needs clientAuth in its extended key usage',
    expect.stringMatching(/^Put it, .* where client billing reads them \(its key is \/etc\/notafter\/client.key\)/),
    expect.stringContaining('tell its owner before the new one is used'),
    'Prove it: notafter check api.example.com:8443 --client-cert CLIENT.pem --client-key /etc/notafter/client.key',
  ]);
  expect(nextAt).toBe(NOW + 4 * DAY);
});

test('is replaced and proven as a client once it has ended and is still let in', () => {
  const item = leaf('billing', { left: -DAY });
  const key = { at: '/etc/notafter/client.key', match: 'yes' as const };
  const { findings } = judged(showing(here, 'billing', [item], { status: 'accepted' }, { key }));
  expect(findings).toMatchObject([{ rule: 'expired', family: 'expiry', cause: item.id }]);
  expect(findings[0]?.summary).toContain('; client billing logs in with it, at api.example.com:8443');
  expect(findings[0]?.actions).toEqual([
    expect.stringMatching(/^Renew billing, .*clientAuth/),
    expect.stringContaining('where client billing reads them'),
    expect.stringContaining('tell its owner before the new one is used'),
    'Prove it: notafter check api.example.com:8443 --client-cert CLIENT.pem --client-key /etc/notafter/client.key',
  ]);
});

test('says what ends, and that a new leaf does not help, where it is the intermediate', () => {
  const above = authority('Example Issuing CA', { left: 20 * DAY });
  const { findings } = judged(shown([leaf('billing'), above]));
  expect(findings).toMatchObject([{ cause: above.id, title: 'Example Issuing CA' }]);
  expect(findings[0]?.summary).toContain('rejects client billing');
  expect(findings[0]?.actions[0]).toBe(
    'A new certificate for client billing from Example Issuing CA alone does not help: Example Issuing CA ends first',
  );
});

test('is one finding for all clients below an intermediate, and one alert with its end elsewhere', () => {
  const above = authority('Example Issuing CA', { left: 20 * DAY });
  const all = showing(shown([leaf('billing'), above]), 'reporting', [leaf('reporting'), above]);
  const { findings } = judged(all);
  expect(findings.map(({ rule }) => rule)).toEqual(['client-will-fail']);
  expect(findings[0]?.summary).toContain('rejects clients billing and reporting');
  const elsewhere = judged(fileLocation([sighting(above, { role: 'intermediate' })])).findings;
  expect(elsewhere.map(({ rule, family, cause }) => [rule, family, cause])).toEqual([['expiring', 'expiry', above.id]]);
  expect(findings[0]).toMatchObject({ family: 'expiry', cause: above.id });
});

test('leaves the chain that the server serves alone, also where both send the same certificates', () => {
  const server = leaf('both', { left: 4 * DAY });
  const above = authority('Example Issuing CA');
  const both = showing(endpointLocation([server, above]), 'billing', [server, above], { status: 'accepted' });
  expect(told(both)).toEqual(['client-will-fail critical', 'expiring critical']);
  const healthy = endpointLocation([leaf('api'), above]);
  expect(
    told(
      showing(healthy, 'billing', [leaf('billing', { left: 4 * DAY }), authority('Example Root', { left: 5 * DAY })]),
    ),
  ).toEqual(['client-will-fail critical', 'expiring info']);
});

test('says so where the endpoint rejects the client today already', () => {
  const verdict = { status: 'rejected' as const, reason: 'unknown_ca' };
  const { findings } = judged(showing(here, 'billing', [leaf('billing', { left: 4 * DAY })], verdict));
  expect(findings.find(({ rule }) => rule === 'client-will-fail')?.summary).toContain(
    'rejects client billing (today already: unknown_ca), at ',
  );
});

test('is judged by the thresholds for its role and source', () => {
  const settings = { thresholds: { leaf: { critical: parseThreshold('30d'), warning: parseThreshold('60d') } } };
  const policy = {
    ...DEFAULT_POLICY,
    overrides: [{ match: [parseMatcher('role="client"'), parseMatcher('source="partners"')], settings }],
  };
  expect(told(shown([leaf('billing', { left: 29 * DAY })]), 0, { policy })).toEqual(['client-will-fail critical']);
});

test('tells of no client where nothing at its place is one', () => {
  const odd = {
    ...here,
    sightings: [...here.sightings, sighting(described({ left: 4 * DAY }), { place: 'client/x', role: 'client' })],
  };
  expect(told(odd)).toEqual(['expiring critical']);
  const chainOnly = {
    ...here,
    sightings: [
      ...here.sightings,
      sighting(authority('CA', { left: 20 * DAY }), { place: 'client/x', role: 'intermediate' }),
    ],
  };
  expect(told(chainOnly)).toEqual(['expiring critical']);
});

describe('the CA in the trust store of the server', () => {
  const store = (left: number, more: Partial<KnownCertificate> = {}): Parameters<typeof judged>[2] => ({
    view: view({ clientAuthorities: [root('Example Root', { left, ...more })] }),
  });
  const location = shown([leaf('billing'), authority()]);

  test.each<[string, Parameters<typeof judged>[2], readonly string[]]>([
    ['is far from its end', store(400 * DAY), []],
    ['ends in 100 days', store(100 * DAY), ['client-will-fail warning']],
    ['ends in 20 days', store(20 * DAY), ['client-will-fail critical']],
    ['has ended', store(-DAY), ['expired critical']],
    ['never ends', store(20 * DAY, { notAfter: { status: 'never' } }), []],
    ['vouches for others', store(20 * DAY, { subject: 'CN=Other' }), []],
    [
      'has a successor beside it',
      {
        view: view({
          clientAuthorities: [root('Example Root', { left: 20 * DAY }), root('Example Root', { id: 'n' })],
        }),
      },
      [],
    ],
  ])('that %s', (_, options, expected) => {
    expect(told(location, 0, options)).toEqual(expected);
  });

  test('is the cause, of family expiry, and a new client certificate from it is said to be no help', () => {
    const [finding] = judged(location, 0, store(20 * DAY)).findings;
    expect(finding).toMatchObject({ family: 'expiry', cause: root('Example Root').id });
    expect(finding?.summary).toBe(
      'Example Root (CN=Example Root,O=Example) ends in 20 days, 2026-02-21 12:00 UTC: it is in the trust store that decides about clients, and from then on api.example.com:8443 rejects client billing, at api.example.com:8443@10.0.0.7',
    );
    expect(finding?.actions[0]).toMatch(/does not help/);
  });

  test('explains a rejection after its end, which is then told once', () => {
    const rejected = showing(here, 'billing', [leaf('billing'), authority()], {
      status: 'rejected',
      reason: 'certificate_expired',
    });
    const { findings } = judged(rejected, 0, store(-DAY));
    expect(findings.map(({ rule, family, cause }) => [rule, family, cause])).toEqual([
      ['client-rejected', 'expiry', root('Example Root').id],
    ]);
    expect(findings[0]?.summary).toContain('in the trust store of the server ended 1 day ago');
  });

  test('is no bystander in its own place, though everybody ships it', () => {
    const anchor = root('Example Root', { left: 20 * DAY });
    const at = (usedBy?: Sighting['usedBy']): readonly string[] =>
      told(fileLocation([sighting(anchor, { role: 'trust-anchor', ...(usedBy === undefined ? {} : { usedBy }) })]), 0, {
        view: view({ publicRoots: [anchor.id] }),
      });
    expect(at()).toEqual([]);
    expect(at([{ type: 'endpoint', id: 'api.example.com:8443' }])).toEqual(['trust-anchor-expiring critical']);
  });
});

test('a certificate in a store names what ends with it: logins, or what is served', () => {
  const usedBy = [{ type: 'endpoint' as const, id: 'kube.example.com:6443' }];
  const summary = (role: Sighting['role'], item: KnownCertificate): string | undefined =>
    judged(fileLocation([sighting(item, { role, usedBy })])).findings[0]?.summary;
  expect(summary('client', leaf('admin', { left: 7 * DAY }))).toMatch(
    / UTC, and with it the logins at kube\.example\.com:6443, at \/etc\/ssl\/api\.pem$/,
  );
  expect(summary('trust-anchor', root('Root', { left: 7 * DAY }))).toContain(
    ', and with it the logins of all clients that it vouches for at kube.example.com:6443, at ',
  );
  expect(summary('server', leaf('api', { left: 7 * DAY }))).toContain(
    ', and with it what is served at kube.example.com:6443, at ',
  );
});
