import { X509Certificate } from 'node:crypto';
import { getCACertificates } from 'node:tls';
import { describe, expect, test } from 'vitest';

import { parseCertificate } from '../../src/certificate/certificate.ts';
import { differences, nodeView, ourView, type CertificateView } from '../helpers/certificate-agreement.ts';
import { DISAGREEMENTS, knownDisagreements } from '../helpers/certificate-disagreements.ts';
import { oddCertificates } from '../helpers/odd-certificates.ts';

const ODD = oddCertificates();

/** What Node says of a certificate; nothing when it refuses it. */
function nodesView(der: Uint8Array): CertificateView | undefined {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(der);
  } catch {
    return undefined;
  }
  return nodeView(certificate);
}

describe('another reader says the same', () => {
  test('of every public root', () => {
    const roots = getCACertificates('bundled');
    expect(roots.length).toBeGreaterThan(100);
    for (const pem of roots) {
      const root = new X509Certificate(pem);
      expect(ourView(parseCertificate(root.raw))).toEqual(nodeView(root));
    }
  });

  test.each(ODD)('of an odd certificate ($name), but where it is known not to', ({ name, der }) => {
    expect(differences(ourView(parseCertificate(der)), nodesView(der))).toEqual(knownDisagreements(name, 'Node'));
  });

  test('and every known disagreement is about one of them', () => {
    const names = ODD.map(({ name }) => name);
    for (const { certificate } of DISAGREEMENTS) expect(names).toContain(certificate);
  });
});
