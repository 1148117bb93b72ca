import { describe, expect, test } from 'vitest';

import { pinsOption, trustOption } from '../../src/plugin/demands.ts';

const HEX = 'ab'.repeat(32);
const BASE64 = Buffer.from(HEX, 'hex').toString('base64');

describe('pins', () => {
  test.each([
    [
      'a fingerprint with colons, in capitals',
      { fingerprints: [(HEX.match(/../g) ?? []).join(':').toUpperCase()] },
      { fingerprints: [HEX] },
    ],
    ['a public key in hex', { public_keys: [HEX] }, { publicKeys: [HEX] }],
    ['a public key in base64', { public_keys: [BASE64] }, { publicKeys: [HEX] }],
    ['a public key as HPKP wrote it', { public_keys: [`sha256/${BASE64}`] }, { publicKeys: [HEX] }],
    [
      'a serial with colons and leading zeros',
      { serials: [{ serial: '00:0a:1b', issuer: 'CN=CA' }] },
      { serials: [{ serial: 'A1B', issuer: 'CN=CA' }] },
    ],
    ['the serial 0', { serials: [{ serial: '00', issuer: 'CN=CA' }] }, { serials: [{ serial: '0', issuer: 'CN=CA' }] }],
    ['an issuer', { issuers: ['CN=CA,O=Example'] }, { issuers: ['CN=CA,O=Example'] }],
  ])('%s', (_, given, expected) => {
    expect(pinsOption.parse(given)).toEqual(expected);
  });

  test.each([
    ['a SHA-1', { fingerprints: ['ab'.repeat(20)] }],
    ['half a hash', { public_keys: [BASE64.slice(0, 20)] }],
    ['a serial without an issuer', { serials: [{ serial: '01' }] }],
    ['a serial that is no number', { serials: [{ serial: '0x01', issuer: 'CN=CA' }] }],
    ['an empty list, which would allow nothing', { fingerprints: [] }],
    ['an unknown kind', { subjects: ['CN=x'] }],
  ])('%s is refused', (_, given) => {
    expect(pinsOption.safeParse(given).success).toBe(false);
  });
});

test('trust is told in the words of the code, and only what was said', () => {
  expect(trustOption.parse({ ca_files: ['/a.pem'], mozilla: false })).toEqual({ caFiles: ['/a.pem'], mozilla: false });
  expect(trustOption.parse({})).toEqual({});
  expect(trustOption.safeParse({ ca_files: [''] }).success).toBe(false);
  expect(trustOption.safeParse({ roots: [] }).success).toBe(false);
});
