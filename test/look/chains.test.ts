import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, describe, expect, test } from 'vitest';

import { parseCertificate, type Certificate } from '../../src/certificate/certificate.ts';
import { createChains } from '../../src/look/chains.ts';
import { createAuthority, type Authority, type TestCertificate } from '../helpers/pki.ts';

const MINUTE = 60_000;
const folder = mkdtempSync(path.join(tmpdir(), 'notafter-trust-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const parsed = (made: TestCertificate | Authority): Certificate =>
  parseCertificate('certificate' in made ? made.certificate.der : made.der);

const [mozilla, system, own] = ['Mozilla Root', 'System Root', 'Own Root'].map((name) => createAuthority({ name })) as [
  Authority,
  Authority,
  Authority,
];

function write(name: string, ...authorities: readonly Authority[]): string {
  const file = path.join(folder, name);
  writeFileSync(file, authorities.map(({ certificate }) => certificate.pem).join(''));
  return file;
}

function chainsAt(now: number): ReturnType<typeof createChains> {
  return createChains(() => ({ mozilla: [parsed(mozilla)], system: [parsed(system)] }), { now: () => now });
}

describe('whom a source trusts', () => {
  const file = write('own.pem', own);
  const everybody = [mozilla, system, own];

  test.each([
    ['this machine, by itself', undefined, undefined, [mozilla, system], false],
    ['what the config adds for all', undefined, { caFiles: [file] }, everybody, true],
    ['what the source adds', { caFiles: [file] }, undefined, everybody, true],
    ['less, as the source says', { mozilla: false }, undefined, [system], true],
    ['each key as the source says, else as all', { system: false }, { mozilla: false, caFiles: [file] }, [own], true],
    ['nobody', { system: false, mozilla: false }, undefined, [], true],
  ] as const)('%s', (_, source, general, trusted, hasOwnTrust) => {
    const now = Date.now();
    const finder = chainsAt(now).finder(source, general);
    for (const authority of everybody) {
      const found = finder([parsed(authority.issue())], now);
      expect(found?.bestPath !== undefined).toBe((trusted as readonly Authority[]).includes(authority));
      expect(found?.hasOwnTrust === true).toBe(hasOwnTrust);
    }
  });

  test('sources that trust the same share what was found', () => {
    const chains = chainsAt(Date.now());
    expect(chains.finder({ caFiles: [file] })).toBe(chains.finder({}, { caFiles: [file] }));
    expect(chains.finder({ caFiles: [file] })).not.toBe(chains.finder());
  });

  test('nothing served has no figures', () => {
    expect(chainsAt(0).finder()([], 0)).toBeUndefined();
  });
});

describe('a CA file', () => {
  test('is read anew when it changes, at most once a minute, and keeps what it held while it is broken', () => {
    const other = createAuthority({ name: 'Other Root' });
    const file = write('changing.pem', own);
    const start = Date.now();
    const finder = chainsAt(start).finder({ system: false, mozilla: false, caFiles: [file] });
    const leaf = parsed(other.issue());
    const isTrusted = (at: number): boolean => finder([leaf], at)?.bestPath !== undefined;
    expect(isTrusted(start)).toBe(false);

    write('changing.pem', own, other);
    utimesSync(file, new Date(start + MINUTE), new Date(start + MINUTE));
    expect(isTrusted(start + MINUTE - 1)).toBe(false);
    expect(isTrusted(start + MINUTE)).toBe(true);

    writeFileSync(file, 'half a file');
    expect(isTrusted(start + 2 * MINUTE)).toBe(true);
    rmSync(file);
    expect(isTrusted(start + 3 * MINUTE)).toBe(true);
    write('changing.pem', own);
    expect(isTrusted(start + 4 * MINUTE)).toBe(false);
  });

  test.each([
    ['that does not exist', path.join(folder, 'no.pem'), /the CA file .*no\.pem cannot be read \(ENOENT\)/],
    ['that is a folder', folder, /is not a regular file/],
    ['without a certificate', write('none.pem'), /holds no certificate that can be read/],
  ])('%s is said at the start', (_, file, message) => {
    expect(() => chainsAt(0).finder({ caFiles: [file] })).toThrow(message);
  });
});

describe('an intermediate that another server sends', () => {
  const issuing = createAuthority({ name: 'Issuing', parent: own });
  const alone = [parsed(issuing.issue())];
  const caFiles = [write('issuing.pem', own)];
  const stores = { mozilla: [], system: [] };

  test.each([
    ['is named where it is missing', [], ['elsewhere', 'anchor']],
    ['is not remembered by a run that looks once', undefined, []],
  ])('%s', (_, seen, expected) => {
    const now = Date.now();
    const finder = createChains(() => stores, { now: () => now }, seen).finder({ caFiles });
    expect(finder(alone, now)?.distrust?.why).toBe('unknown-issuer');
    expect(finder([issuing.issue(), issuing, own].map(parsed), now)?.bestPath).toBeDefined();
    expect(finder(alone, now)?.unserved.map(({ from }) => from)).toEqual(expected);
  });

  test('is known from the start where it was seen before', () => {
    const now = Date.now();
    const finder = createChains(() => stores, { now: () => now }, [parsed(issuing)]).finder({ caFiles });
    expect(finder(alone, now)?.unserved.map(({ from }) => from)).toEqual(['elsewhere', 'anchor']);
  });

  test('changes nothing for a list that is complete without it, though it would last longer', () => {
    const now = Date.now();
    const longer = createAuthority({ name: 'Issuing', key: issuing.key, parent: own, days: 9_000 });
    const finder = createChains(() => stores, { now: () => now }, [parsed(longer)]).finder({ caFiles });
    const complete = [issuing.issue({ notAfter: new Date(now + 1e12) }), issuing].map(parsed);
    expect(finder(complete, now)?.bestPathItems?.[1]).toBe(issuing.certificate.fingerprint);
  });
});

describe('a cross-sign that has ended, of a root that nobody here trusts', () => {
  const now = Date.now();
  const old = createAuthority({ name: 'Old Root', notBefore: new Date(now - 1e11), notAfter: new Date(now - 1e9) });
  const root = createAuthority({ name: 'New Root' });
  const crossSign = createAuthority({
    name: 'New Root',
    key: root.key,
    parent: old,
    notBefore: new Date(now - 1e11),
    notAfter: new Date(now - 1e9),
  });
  const issuing = createAuthority({ name: 'Issuing', parent: root });
  const leaf = issuing.issue();
  const served = [leaf, issuing, crossSign].map(parsed);
  const stores = { mozilla: [], system: [] };
  const limitOf = (
    seen: readonly Certificate[] | undefined,
    prepare: (chains: ReturnType<typeof createChains>) => void,
  ) => {
    const chains = createChains(() => stores, { now: () => now }, seen);
    prepare(chains);
    return chains.finder()(served, now);
  };

  test('limits the chain as long as it is the only way up that is known', () => {
    expect(limitOf([], () => {})).toMatchObject({
      effective: { by: crossSign.certificate.fingerprint },
      distrust: { why: 'unknown-issuer', issuer: 'CN=Old Root' },
    });
  });

  test.each<[string, readonly Certificate[], (chains: ReturnType<typeof createChains>) => void]>([
    ['was seen before', [parsed(root)], () => {}],
    ['is trusted by another source', [], (chains) => chains.finder({ caFiles: [write('new.pem', root)] })],
    [
      'is sent by another server',
      [],
      (chains) => chains.finder()([parsed(issuing.issue()), parsed(issuing), parsed(root)], now),
    ],
  ])('is an extra once the root %s', (_, seen, prepare) => {
    const found = limitOf(seen, prepare);
    expect(found).toMatchObject({
      effective: { by: leaf.fingerprint },
      servedPathItems: [leaf.fingerprint, issuing.certificate.fingerprint],
      list: { alternates: [crossSign.certificate.fingerprint] },
      distrust: { why: 'unknown-issuer', issuer: 'CN=New Root' },
      unserved: [],
    });
    expect(found).not.toHaveProperty('bestPath');
  });

  test('limits it all the same where that root is of another key', () => {
    const other = createAuthority({ name: 'New Root' });
    expect(limitOf([parsed(other)], () => {})?.effective.by).toBe(crossSign.certificate.fingerprint);
  });
});

test('an intermediate whose time comes is taken from that moment on', () => {
  const start = Date.now();
  const issuing = createAuthority({ name: 'Coming CA', parent: own, notBefore: new Date(start + 10_000) });
  const finder = chainsAt(start).finder({ caFiles: [write('coming.pem', own)] });
  const served = [issuing.issue(), issuing].map(parsed);
  const startsAt = parsed(issuing).notBefore;
  if (startsAt.status !== 'known') throw new Error('it has a start');
  expect(finder(served, start)?.distrust).toMatchObject({ why: 'breach', breach: { rule: 'not-yet-valid' } });
  expect(finder(served, startsAt.at)?.bestPath).toBeDefined();
  // The clock may be set back.
  expect(finder(served, start)?.bestPath).toBeUndefined();
});
