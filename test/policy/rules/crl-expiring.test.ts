import { expect, test } from 'vitest';

import { crl, DAY, fileLocation, HOUR, judged, sighting, told } from '../places.ts';

const here = (options: Parameters<typeof crl>[0]) =>
  fileLocation([sighting(crl(options), { role: 'unknown' })], { location: '/etc/nginx/clients.crl' });

test.each<[string, number, number, readonly string[]]>([
  ['7 days, 2 left', 7 * DAY, 2 * DAY, []],
  ['7 days, 42 hours left', 7 * DAY, 42 * HOUR, ['crl-expiring warning']],
  ['7 days, a moment left', 7 * DAY, 1, ['crl-expiring warning']],
  ['7 days, none left', 7 * DAY, 0, ['crl-expiring critical']],
  ['7 days, past it', 7 * DAY, -30 * DAY, ['crl-expiring critical']],
  ['8 hours, 3 left', 8 * HOUR, 3 * HOUR, []],
  ['8 hours, 2 left', 8 * HOUR, 2 * HOUR, ['crl-expiring warning']],
])('a CRL with a period of %s', (_, lives, left, expected) => {
  expect(told(here({ lives, left }))).toEqual(expected);
});

test('a CRL without nextUpdate never ends', () => {
  const { nextUpdate: _, ...endless } = crl();
  expect(judged(fileLocation([sighting(endless)]), 100_000 * DAY)).toEqual({ findings: [] });
});

test('the finding names the issuer and says that a reload is needed', () => {
  const { findings } = judged(here({ left: -2 * HOUR }));
  expect(findings[0]).toMatchObject({
    family: 'expiry',
    title: 'CRL of CN=Example Issuing CA,O=Example',
    summary:
      'CRL of CN=Example Issuing CA,O=Example ended 2 hours ago, 2026-02-01 10:00 UTC, at /etc/nginx/clients.crl',
  });
  expect(findings[0]?.facts).toContainEqual({ name: 'CRL number', value: '17' });
  expect(findings[0]?.actions).toContain(
    'See it: openssl crl -in /etc/nginx/clients.crl -noout -issuer -lastupdate -nextupdate',
  );
  expect(findings[0]?.actions.join('\n')).toContain('reload what reads it');
});
