import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { loadTrust } from '../../src/tls/trust.ts';
import { createAuthority } from '../helpers/pki.ts';

describe('loadTrust', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'notafter-trust-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('holds every root that Node brings, each once, and counts them as public', () => {
    const { mozilla, publicRoots } = loadTrust([]);
    const fingerprints = mozilla.map(({ fingerprint }) => fingerprint);
    expect(new Set(fingerprints).size).toBe(fingerprints.length);
    expect(publicRoots.size).toBe(rootCertificates.length);
    expect([...publicRoots].filter((fingerprint) => !fingerprints.includes(fingerprint))).toEqual([]);
  });

  test('knows what a public root has issued, by name and key', () => {
    const { mozilla, hasPublicIssuer } = loadTrust([]);
    const root = mozilla.find(({ subjectKeyId }) => subjectKeyId !== undefined);
    const issuer = root?.subject.text ?? '';
    expect(hasPublicIssuer({ issuer: issuer.toUpperCase() })).toBe(true);
    expect(hasPublicIssuer({ issuer, authorityKeyId: root?.subjectKeyId ?? '' })).toBe(true);
    expect(hasPublicIssuer({ issuer, authorityKeyId: '00' })).toBe(false);
    expect(hasPublicIssuer({ issuer: 'CN=Private CA' })).toBe(false);
  });

  test('counts as public what the distribution ships, single files and bundles, and nothing besides', () => {
    const old = [createAuthority(), createAuthority(), createAuthority()].map(({ certificate }) => certificate);
    const own = createAuthority().certificate;
    mkdirSync(join(folder, 'vendor/mozilla'), { recursive: true });
    writeFileSync(join(folder, 'vendor/mozilla/Old.crt'), old[0]?.pem ?? '');
    writeFileSync(
      join(folder, 'vendor/bundle.p11-kit'),
      `[p11-kit-object-v1]\nlabel: "x"\n${old[1]?.pem}\n${old[2]?.pem}`,
    );
    writeFileSync(join(folder, 'vendor/README'), 'nothing');
    writeFileSync(join(folder, 'own.crt'), own.pem);

    const { publicRoots } = loadTrust([join(folder, 'vendor'), join(folder, 'missing')]);

    expect(old.filter(({ fingerprint }) => publicRoots.has(fingerprint))).toHaveLength(3);
    expect(publicRoots.has(own.fingerprint)).toBe(false);
  });

  test('trusts what NODE_EXTRA_CA_CERTS names, which is no public root', () => {
    const own = createAuthority().certificate;
    writeFileSync(join(folder, 'extra.pem'), own.pem);
    const program = `
      import { loadTrust } from ${JSON.stringify(new URL('../../src/tls/trust.ts', import.meta.url).href)};
      const { system, publicRoots } = loadTrust();
      const found = system.some(({ fingerprint }) => fingerprint === '${own.fingerprint}');
      process.stdout.write(JSON.stringify([found, publicRoots.has('${own.fingerprint}')]));
    `;
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
      env: { ...process.env, NODE_EXTRA_CA_CERTS: join(folder, 'extra.pem') },
    });
    expect(JSON.parse(output.toString())).toEqual([true, false]);
  });
});
