import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { expect, test } from 'vitest';

import { parseCertificate } from '../../src/certificate/certificate.ts';
import { judgeOcsp } from '../../src/certificate/ocsp.ts';
import { ocspRequest } from '../../src/certificate/ocsp-request.ts';
import { createAuthority } from '../helpers/pki.ts';

const hasOpenssl = canRun('openssl', ['version']);

function canRun(program: string, args: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

test('a request is short, has no nonce, and keeps the leading zero of a serial number', () => {
  const authority = createAuthority();
  const leaf = parseCertificate(authority.issue({ serial: Buffer.from([0, 0x87, 0x65]) }).der);
  const request = ocspRequest(leaf, parseCertificate(authority.certificate.der)) ?? new Uint8Array();
  expect(request.length).toBeLessThan(100);
  expect(Buffer.from(request).toString('hex')).toContain('0203008765');
  expect(Buffer.from(request).toString('hex')).not.toContain('2b0601050507300102');
});

test.runIf(hasOpenssl)('OpenSSL as a responder understands the request, and its answer is understood', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-ocsp-'));
  try {
    const authority = createAuthority({ name: 'OpenSSL CA' });
    const good = authority.issue({ serial: Buffer.from([0x11, 0x22]) });
    const revoked = authority.issue({ serial: Buffer.from([0x33, 0x44]) });
    const file = (name: string, content: string | Uint8Array): string => {
      const full = path.join(folder, name);
      writeFileSync(full, content);
      return full;
    };
    const ca = file('ca.pem', authority.certificate.pem);
    const key = file('ca.key', authority.certificate.keyPem);
    const index = file(
      'index.txt',
      'V\t490101000000Z\t\t1122\tunknown\t/CN=a\nR\t490101000000Z\t250102030405Z,superseded\t3344\tunknown\t/CN=b\n',
    );
    const issuer = parseCertificate(authority.certificate.der);
    const ask = (der: Uint8Array) => {
      const certificate = parseCertificate(der);
      const request = file('request.der', ocspRequest(certificate, issuer) ?? '');
      const answer = path.join(folder, 'answer.der');
      const signer = ['-CA', ca, '-rsigner', ca, '-rkey', key];
      execFileSync(
        'openssl',
        ['ocsp', '-index', index, ...signer, '-reqin', request, '-ndays', '2', '-respout', answer],
        {
          stdio: 'ignore',
        },
      );
      return judgeOcsp(readFileSync(answer), certificate, issuer, Date.now());
    };
    expect(ask(good.der)).toMatchObject({ status: 'good', nextUpdateAt: expect.any(Number) });
    expect(ask(revoked.der)).toMatchObject({
      status: 'revoked',
      revokedAt: Date.UTC(2025, 0, 2, 3, 4, 5),
      reason: 'superseded',
    });
    expect(ask(authority.issue({ serial: Buffer.from([0x55]) }).der)).toMatchObject({ status: 'unknown' });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
