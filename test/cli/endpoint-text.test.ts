import { expect, test } from 'vitest';

import { endpointText } from '../../src/cli/check/endpoint-text.ts';
import type { KnownCertificate, Location } from '../../src/inventory/model.ts';
import { authority, DAY, endpointLocation, leaf, NOW, showing } from '../policy/places.ts';

const server = (left: number): Location => {
  const made = endpointLocation([leaf('api.example.com', { left }), authority('Server CA')]);
  return {
    ...made,
    endpoint: {
      ...made.endpoint,
      tlsVersion: '1.3',
      cipher: 'TLS_AES_128_GCM_SHA256',
      group: 'X25519',
      alpn: 'h2',
      requestsClientCertificate: true,
      acceptableIssuers: ['CN=Example Issuing CA,O=Example'],
      verdicts: [
        { client: null, name: null, status: 'rejected', reason: 'certificate_required', evidence: 'alert 116' },
      ],
    },
  };
};

function text(location: Location, at = NOW): readonly string[] {
  if (location.endpoint === undefined) throw new Error('an endpoint has facts');
  return endpointText(location, location.endpoint, at).split('\n');
}

const accepted = { status: 'accepted', reason: null, evidence: 'HTTP 200 to HEAD /' } as const;
const billing: readonly KnownCertificate[] = [leaf('billing', { left: 20 * DAY }), authority()];

test('an endpoint says what it is, whom it accepts, whether it accepts the clients, until when, and what breaks first', () => {
  const old = showing(server(60 * DAY), 'old', [leaf('billing', { left: -DAY, id: 'old' })], {
    status: 'rejected',
    reason: 'certificate_expired',
    evidence: 'alert 45',
  });
  expect(text(showing(old, 'billing', billing, accepted))).toEqual([
    'api.example.com:8443@10.0.0.7: TLS 1.3, TLS_AES_128_GCM_SHA256, X25519, h2, asks for a client certificate from CN=Example Issuing CA,O=Example',
    '  as old (billing): rejected, certificate_expired; alert 45',
    '  as billing: accepted until 2026-02-21 12:00 UTC, in 20 days; HTTP 200 to HEAD /',
    '  without a client certificate: rejected, certificate_required; alert 116',
    '  breaks first: the login as billing, 2026-02-21 12:00 UTC, in 20 days, when billing ends',
  ]);
});

test.each<[string, Location, readonly string[]]>([
  [
    'what ends above the client',
    showing(
      server(60 * DAY),
      'billing',
      [leaf('billing'), authority('Example Issuing CA', { left: 9 * DAY })],
      accepted,
    ),
    [
      '  as billing: accepted until 2026-02-10 12:00 UTC, in 9 days, when Example Issuing CA ends; HTTP 200 to HEAD /',
      '  breaks first: the login as billing, 2026-02-10 12:00 UTC, in 9 days, when Example Issuing CA ends',
    ],
  ],
  [
    'the server, where it ends first',
    showing(server(8 * DAY), 'billing', billing, accepted),
    [
      '  as billing: accepted until 2026-02-21 12:00 UTC, in 20 days; HTTP 200 to HEAD /',
      '  breaks first: the server, for everybody, 2026-02-09 12:00 UTC, in 8 days, when api.example.com ends',
    ],
  ],
  [
    'the server, where it has ended',
    showing(server(-2 * DAY), 'billing', billing, { status: 'unknown', reason: 'closed', evidence: 'closed' }),
    [
      '  as billing: unknown, closed; closed',
      '  is broken: the server, for everybody, 2026-01-30 12:00 UTC, 2 days ago, when api.example.com ended',
    ],
  ],
  [
    'no end of a client that has none',
    showing(server(8 * DAY), 'billing', [leaf('billing', { notAfter: { status: 'never' } })], accepted),
    [
      '  as billing: accepted, without an end; HTTP 200 to HEAD /',
      '  breaks first: the server, for everybody, 2026-02-09 12:00 UTC, in 8 days, when api.example.com ends',
    ],
  ],
])('it names %s', (_, location, expected) => {
  const lines = text(location);
  expect([lines.at(1), lines.at(-1)]).toEqual(expected);
});

test('without a login nothing is said of logins', () => {
  const bare = endpointLocation([leaf()]);
  const facts = { ...bare.endpoint, tlsVersion: '1.2', requestsClientCertificate: true };
  expect(text({ ...bare, endpoint: facts })).toEqual([
    'api.example.com:8443@10.0.0.7: TLS 1.2, asks for a client certificate and names no issuers',
  ]);
});

test('what the server and the certificates say steers no terminal', () => {
  const nasty = leaf('x\u001b[2Jy\nz', { left: 5 * DAY });
  const lines = text(showing(server(60 * DAY), 'a', [nasty], { ...accepted, evidence: '\u001b]0;t\u0007HTTP' }));
  expect(lines).toHaveLength(4);
  for (const control of ['\u001b', '\u0007']) expect(lines.join('')).not.toContain(control);
});
