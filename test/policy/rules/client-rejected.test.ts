import { describe, expect, test } from 'vitest';

import type { KnownCertificate } from '../../../src/inventory/model.ts';
import {
  authority,
  DAY,
  endpointLocation,
  fileLocation,
  judged,
  leaf,
  MINUTE,
  NOW,
  showing,
  sighting,
  told,
} from '../places.ts';

const here = endpointLocation([leaf()]);
const client = (left: number, options: Partial<KnownCertificate> = {}): KnownCertificate =>
  leaf('billing', { left, ...options });
const rejected = (reason: string | null): { status: 'rejected'; reason: string | null } => ({
  status: 'rejected',
  reason,
});

test.each([
  ['accepted', { status: 'accepted' as const }, []],
  ['unknown', { status: 'unknown' as const, reason: 'timeout' }, []],
  ['rejected', rejected('unknown_ca'), ['client-rejected critical']],
  ['not given', undefined, []],
])('a verdict that is %s', (_, verdict, expected) => {
  expect(told(showing(here, 'billing', [client(60 * DAY)], verdict))).toEqual(expected);
});

test('that nobody gets in without a certificate is as it should be', () => {
  const verdicts = [
    { client: null, name: null, status: 'rejected' as const, reason: 'certificate_required', evidence: 'alert 116' },
  ];
  expect(told({ ...here, endpoint: { ...here.endpoint, verdicts } })).toEqual([]);
});

describe('the cause', () => {
  const cases: readonly [string, string | null, number, string][] = [
    ['certificate_expired and it has ended', 'certificate_expired', -DAY, 'expiry'],
    ['bad_certificate, as Go says of everything, and it has ended', 'bad_certificate', -DAY, 'expiry'],
    ['closed, as Node does, and it has ended', 'closed', -DAY, 'expiry'],
    ['http_400, as nginx answers, and it has ended', 'http_400', -DAY, 'expiry'],
    ['no reason and it has ended', null, -DAY, 'expiry'],
    ['certificate_expired a moment before its end by our clock', 'certificate_expired', MINUTE, 'expiry'],
    ['closed a moment before its end', 'closed', MINUTE, 'client'],
    ['certificate_expired though it lives: the CRL of the server has ended', 'certificate_expired', 60 * DAY, 'client'],
    ['unknown_ca, and it has ended besides', 'unknown_ca', -DAY, 'client'],
    ['certificate_revoked, and it has ended besides', 'certificate_revoked', -DAY, 'client'],
    ['a reason that is no word of ours', 'constructor', 60 * DAY, 'client'],
  ];
  test.each(cases)('of %s', (_, reason, left, family) => {
    const item = client(left);
    const findings = judged(showing(here, 'billing', [item], rejected(reason))).findings.filter(
      ({ rule }) => rule === 'client-rejected',
    );
    expect(findings).toMatchObject([
      { family, cause: item.id, severity: 'critical', ...(family === 'expiry' ? { endsAt: NOW + left } : {}) },
    ]);
    expect(findings[0] !== undefined && 'endsAt' in findings[0]).toBe(family === 'expiry');
  });

  test('is the intermediate that has ended, where it is sent', () => {
    const above = authority('Example Issuing CA', { left: -DAY });
    const { findings } = judged(showing(here, 'billing', [client(60 * DAY), above], rejected('certificate_expired')));
    expect(findings).toMatchObject([
      { rule: 'client-rejected', family: 'expiry', cause: above.id, title: 'Example Issuing CA' },
    ]);
    expect(findings[0]?.summary).toBe(
      'api.example.com:8443 rejects client billing: Example Issuing CA (CN=Example Issuing CA,O=Example) above it ended 1 day ago, 2026-01-31 12:00 UTC (certificate_expired), at api.example.com:8443@10.0.0.7',
    );
  });

  test('is not what is sent beside the path and has ended', () => {
    const beside = authority('Somebody Else', { left: -DAY });
    const { findings } = judged(showing(here, 'billing', [client(60 * DAY), beside], rejected('closed')));
    expect(findings.filter(({ rule }) => rule === 'client-rejected')).toMatchObject([{ family: 'client' }]);
  });

  test('joins the same alert as the end at the file where the certificate lives', () => {
    const item = client(-DAY);
    const atFile = judged(fileLocation([sighting(item, { role: 'client' })])).findings;
    const atEndpoint = judged(showing(here, 'billing', [item], rejected('certificate_expired'))).findings;
    expect(atFile.map(({ rule }) => rule)).toEqual(['expired']);
    expect(atEndpoint.map(({ rule }) => rule)).toEqual(['client-rejected']);
    expect(atEndpoint.map(({ family, cause }) => [family, cause])).toEqual(
      atFile.map(({ family, cause }) => [family, cause]),
    );
  });

  test('is one finding for all clients that an ended intermediate takes down', () => {
    const above = authority('Example Issuing CA', { left: -DAY });
    let all = showing(here, 'billing', [leaf('billing'), above], rejected('closed'));
    all = showing(all, 'reporting', [leaf('reporting'), above], rejected('closed'));
    const { findings } = judged(all);
    expect(findings.map(({ rule }) => rule)).toEqual(['client-rejected']);
    expect(findings[0]?.summary).toMatch(/rejects clients billing and reporting: /);
  });

  test('of a client that is accepted elsewhere in spite of its end is told as the end', () => {
    const above = authority('Example Issuing CA', { left: -DAY });
    let all = showing(here, 'billing', [leaf('billing'), above], rejected('closed'));
    all = showing(all, 'reporting', [leaf('reporting'), above], { status: 'accepted' });
    expect(told(all)).toEqual(['client-rejected critical', 'expired critical']);
  });
});

test('of two identities with one certificate, the one that is rejected is named', () => {
  const item = client(60 * DAY);
  const all = showing(showing(here, 'a', [item], { status: 'accepted' }), 'b', [item], rejected('unknown_ca'));
  expect(judged(all).findings.map(({ summary }) => summary)).toEqual([
    'api.example.com:8443 rejects client b: unknown_ca, the server does not trust its CA, or an intermediate is missing, at api.example.com:8443@10.0.0.7',
  ]);
});

test('one that is not valid yet is told once, with its day', () => {
  const item = client(90 * DAY, { notBefore: { status: 'known', at: NOW + 5 * DAY } });
  const { findings } = judged(showing(here, 'billing', [item], rejected('bad_certificate')));
  expect(findings.map(({ rule }) => rule)).toEqual(['client-rejected']);
  expect(findings[0]?.summary).toContain('it becomes valid only at 2026-02-06 12:00 UTC');
  expect(told(showing(here, 'billing', [item], { status: 'accepted' }))).toEqual(['not-yet-valid info']);
});

test('the finding says who is rejected, what the server did, what to do and how to prove it', () => {
  const item = client(60 * DAY);
  const key = { at: '/etc/notafter/it is.key', match: 'yes' as const };
  const { findings, nextAt } = judged(
    showing(
      here,
      'billing',
      [item],
      { ...rejected('certificate_expired'), evidence: 'alert 45 after the handshake' },
      { key },
    ),
  );
  expect(findings[0]?.summary).toBe(
    'api.example.com:8443 rejects client billing: certificate_expired, something that the server checks has ended, and it is not this certificate, at api.example.com:8443@10.0.0.7',
  );
  expect(findings[0]?.facts.slice(0, 4)).toEqual([
    { name: 'Client billing', value: 'billing (CN=billing,O=Example)' },
    { name: 'Verdict', value: 'rejected: certificate_expired, 2026-02-01 12:00 UTC' },
    { name: 'Evidence', value: 'alert 45 after the handshake' },
    { name: 'Fingerprint', value: item.id },
  ]);
  expect(findings[0]?.actions).toEqual([
    expect.stringContaining('openssl crl -in CRL -noout -nextupdate'),
    "Prove it: notafter check api.example.com:8443 --client-cert CLIENT.pem --client-key '/etc/notafter/it is.key'",
  ]);
  // A third of its life is left then, and the grace of its renewal is over.
  expect(nextAt).toBe(NOW + 60 * DAY - 30 * DAY + 4.5 * DAY);
});

test('a keystore is proven with one file', () => {
  const key = { at: '/etc/notafter/client.p12', match: 'yes' as const };
  const { findings } = judged(showing(here, 'billing', [client(60 * DAY)], rejected('closed'), { key }));
  expect(findings[0]?.actions.at(-1)).toBe(
    'Prove it: notafter check api.example.com:8443 --client-pkcs12 /etc/notafter/client.p12',
  );
});

test('stays while the endpoint cannot be looked at', () => {
  const item = client(60 * DAY);
  const down = {
    ...showing(here, 'billing', [item], rejected('closed')),
    failure: { reason: 'refused' as const, detail: 'x' },
    failures: 1,
  };
  expect(told(down)).toEqual(['client-rejected critical', 'unreachable info']);
});
