import { hash } from 'node:crypto';
import type { Certificate, PublicKeyInfo } from './model.ts';
import { DerError, DerReader, Tag } from './der.ts';
import { dottedOid, lookUpOid, oidTable, type OidTable } from './oids.ts';
import type { Problems } from './problems.ts';

const ALGORITHMS: OidTable<Pick<PublicKeyInfo, 'algorithm' | 'oid'>> = oidTable(
  Object.fromEntries(
    (
      [
        ['1.2.840.113549.1.1.1', 'rsa'],
        ['1.2.840.113549.1.1.10', 'rsa'],
        ['1.2.840.10045.2.1', 'ec'],
        ['1.2.840.10040.4.1', 'dsa'],
        ['1.3.101.112', 'ed25519'],
        ['1.3.101.113', 'ed448'],
        ['2.16.840.1.101.3.4.3.17', 'ml-dsa'],
        ['2.16.840.1.101.3.4.3.18', 'ml-dsa'],
        ['2.16.840.1.101.3.4.3.19', 'ml-dsa'],
      ] as const
    ).map(([oid, algorithm]) => [oid, { oid, algorithm }]),
  ),
);

const CURVES = oidTable<{ readonly name: string; readonly bits: number }>({
  '1.2.840.10045.3.1.1': { name: 'P-192', bits: 192 },
  '1.3.132.0.33': { name: 'P-224', bits: 224 },
  '1.2.840.10045.3.1.7': { name: 'P-256', bits: 256 },
  '1.3.132.0.34': { name: 'P-384', bits: 384 },
  '1.3.132.0.35': { name: 'P-521', bits: 521 },
  '1.3.132.0.10': { name: 'secp256k1', bits: 256 },
  '1.3.36.3.3.2.8.1.1.7': { name: 'brainpoolP256r1', bits: 256 },
  '1.3.36.3.3.2.8.1.1.11': { name: 'brainpoolP384r1', bits: 384 },
  '1.3.36.3.3.2.8.1.1.13': { name: 'brainpoolP512r1', bits: 512 },
});

/** The SubjectPublicKeyInfo that `reader` is at (RFC 5280 4.1.2.7). What cannot be read of it is left out. */
export function readPublicKey(reader: DerReader, problems: Problems): PublicKeyInfo {
  const sha256 = hash('sha256', reader.element(), 'hex');
  let oid = '';
  let algorithm: PublicKeyInfo['algorithm'] = 'unknown';
  try {
    const parts = reader.enter();
    const identifier = parts.expect(Tag.sequence, 'the algorithm of the public key').enter();
    identifier.expect(Tag.oid, 'the algorithm of the public key');
    ({ oid, algorithm } = lookUpOid(ALGORITHMS, identifier) ?? { oid: dottedOid(identifier), algorithm: 'unknown' });
    parts.expect(Tag.bitString, 'the public key');
    switch (algorithm) {
      case 'rsa': {
        const key = parts.enterBitString().expect(Tag.sequence, 'the RSA key').enter();
        return { algorithm, oid, sha256, bits: key.expect(Tag.integer, 'the RSA modulus').integerBits() };
      }
      case 'ec': {
        // Explicit curve parameters are a SEQUENCE: no name, no size.
        if (identifier.done || identifier.next() !== Tag.oid) break;
        const curve = lookUpOid(CURVES, identifier);
        if (curve === undefined) return { algorithm, oid, sha256, curve: dottedOid(identifier) };
        return { algorithm, oid, sha256, curve: curve.name, bits: curve.bits };
      }
      case 'dsa': {
        if (identifier.done || identifier.next() !== Tag.sequence) break;
        return { algorithm, oid, sha256, bits: identifier.enter().expect(Tag.integer, 'the DSA prime').integerBits() };
      }
      case 'ed25519':
      case 'ed448':
      case 'ml-dsa':
      case 'unknown':
        break;
    }
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    problems.add('the public key is malformed');
  }
  return { algorithm, oid, sha256 };
}

/**
 * The octets of a certificate's public key, without the unused bits of its BIT STRING: what key identifiers and OCSP are
 * made of. `undefined` when they cannot be found.
 */
export function publicKeyBits(certificate: Certificate): Uint8Array | undefined {
  try {
    return readPublicKeyBits(certificate.der);
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    return undefined;
  }
}

function readPublicKeyBits(der: Uint8Array): Uint8Array {
  const tbs = DerReader.over(der)
    .expect(Tag.sequence, 'the certificate')
    .enter()
    .expect(Tag.sequence, 'the signed part')
    .enter();
  if (tbs.peek() === 0xa0) tbs.next();
  // Serial number, algorithm, issuer, validity, subject.
  for (let count = 0; count < 5; count++) tbs.next();
  const parts = tbs.expect(Tag.sequence, 'the public key').enter();
  parts.next();
  return parts.expect(Tag.bitString, 'the public key').content().subarray(1);
}
