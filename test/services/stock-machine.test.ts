import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const NOTAFTER = path.join(import.meta.dirname, '../../bin/notafter.js');
const MEBIBYTE = 1024 * 1024;
/** The whole of it is promised in 5 s. */
const DEADLINE_MS = 5_000;

interface Report {
  readonly certificates: readonly { readonly fingerprint_sha256: string; readonly location: string }[];
  readonly findings: readonly { readonly severity: string; readonly summary: string }[];
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'notafter-stock-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** SHA-256 of a certificate, as OpenSSL says; undefined when it is none. */
async function fingerprintOf(file: string, form: 'PEM' | 'DER'): Promise<string | undefined> {
  try {
    const args = ['x509', '-in', file, '-inform', form, '-noout', '-fingerprint', '-sha256'];
    const { stdout } = await promisify(execFile)('openssl', args);
    return stdout.trim().replace(/^.*=/, '').replaceAll(':', '').toLowerCase();
  } catch {
    return undefined;
  }
}

/** Fingerprints of the PEM blocks in a text, by OpenSSL. */
async function fingerprintsIn(text: string): Promise<readonly string[]> {
  const blocks = text.match(/-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[\s\S]*?-----END [^-]*-----/g) ?? [];
  const found: string[] = [];
  for (const block of blocks) {
    const file = path.join(folder, 'block.pem');
    writeFileSync(file, `${block}\n`);
    found.push((await fingerprintOf(file, 'PEM')) ?? 'unreadable');
  }
  return found;
}

/** Every certificate below a folder, with the real path of its file, as find, OpenSSL and keytool see them. */
async function independentCount(root: string): Promise<ReadonlySet<string>> {
  const files = execFileSync('find', ['-L', root, '-type', 'f', '-size', '-10240k', '-print0'], {
    encoding: 'utf8',
    maxBuffer: 64 * MEBIBYTE,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
    .split('\0')
    .filter((file) => file !== '');
  const found = new Set<string>();
  for (const file of new Set(files.map((one) => realpathSync(one)))) {
    const bytes = readFileSync(file);
    const isKeystore = bytes.subarray(0, 4).toString('hex') === 'feedfeed';
    const text = isKeystore
      ? execFileSync('keytool', ['-list', '-rfc', '-keystore', file, '-storepass', 'changeit'], {
          encoding: 'utf8',
          maxBuffer: 64 * MEBIBYTE,
        })
      : bytes.toString('latin1');
    for (const fingerprint of await fingerprintsIn(text)) found.add(`${fingerprint} ${file}`);
    if (bytes[0] === 0x30) {
      const fingerprint = await fingerprintOf(file, 'DER');
      if (fingerprint !== undefined) found.add(`${fingerprint} ${file}`);
    }
  }
  return found;
}

describe('a stock machine with a JRE', () => {
  test('shows exactly the certificates that OpenSSL and keytool find, in time, and nothing to worry about', async () => {
    const startedAt = performance.now();
    const { stdout } = await promisify(execFile)(process.execPath, [NOTAFTER, 'check', '/etc', '--json'], {
      maxBuffer: 64 * MEBIBYTE,
    });
    const tookMs = performance.now() - startedAt;
    const report = JSON.parse(stdout) as Report;

    const seen = new Set(
      report.certificates.map(({ fingerprint_sha256, location }) => `${fingerprint_sha256} ${realpathSync(location)}`),
    );
    const expected = await independentCount('/etc');
    console.log(
      `${seen.size} certificates in files under /etc, ${expected.size} by openssl and keytool; check took ${Math.round(tookMs)} ms`,
    );
    expect([...seen].toSorted()).toEqual([...expected].toSorted());
    expect(expected.size).toBeGreaterThan(100);
    expect(report.findings.filter(({ severity }) => severity !== 'info')).toEqual([]);
    expect(tookMs).toBeLessThan(DEADLINE_MS);
  });
});
