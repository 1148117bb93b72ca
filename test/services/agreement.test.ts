import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

import { parseCertificate, type Certificate } from '../../src/certificate/certificate.ts';
import { readContainer } from '../../src/certificate/container.ts';
import { differences, opensslView, ourView } from '../helpers/certificate-agreement.ts';
import { knownDisagreements } from '../helpers/certificate-disagreements.ts';
import { pem } from '../helpers/der.ts';
import { oddCertificates } from '../helpers/odd-certificates.ts';

/** Where Debian keeps what this machine trusts, in PEM and in a keystore of Java. */
const FOLDERS = ['/etc/ssl/certs', '/usr/share/ca-certificates/mozilla', '/etc/ssl/certs/java'];

function machinesCertificates(): readonly Certificate[] {
  const found = new Map<string, Certificate>();
  for (const folder of FOLDERS.filter((each) => existsSync(each))) {
    for (const name of readdirSync(folder)) {
      const file = path.join(folder, name);
      if (!statSync(file).isFile()) continue;
      for (const part of readContainer(readFileSync(file)).parts) {
        if (part.kind === 'certificate') found.set(part.certificate.fingerprint, part.certificate);
      }
    }
  }
  return [...found.values()];
}

describe('openssl x509 says the same', () => {
  test('of every certificate that this machine trusts', () => {
    const certificates = machinesCertificates();
    expect(certificates.length).toBeGreaterThan(100);
    for (const certificate of certificates) {
      expect(ourView(certificate)).toEqual(opensslView(pem('CERTIFICATE', certificate.der)));
    }
    console.log(`${certificates.length} certificates of this machine: openssl and notafter agree`);
  });

  test.each(oddCertificates())(
    'of an odd certificate ($name), but where it is known not to',
    ({ name, der, pem: text }) => {
      expect(differences(ourView(parseCertificate(der)), opensslView(text))).toEqual(
        knownDisagreements(name, 'openssl'),
      );
    },
  );
});
