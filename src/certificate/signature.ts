import { X509Certificate, constants, verify, type KeyObject } from 'node:crypto';

import { DerError, DerReader, Tag } from './der.ts';
import type { Certificate } from './model.ts';
import { SIGNATURE_ALGORITHMS, lookUpOid, oidTable } from './oids.ts';

/** What is signed, how, and the signature: the outer SEQUENCE of a CRL or an OCSP response. Views of the input. */
export interface Signed {
  /** The signed element, header included. */
  readonly content: Uint8Array;
  /** The AlgorithmIdentifier, header included. */
  readonly algorithm: Uint8Array;
  readonly signature: Uint8Array;
}

/** `unverifiable`: the key or the algorithm is of a kind that is not known here; it says nothing about who signed. */
export type SignatureVerdict = 'valid' | 'invalid' | 'unverifiable';

/** How a signature algorithm is spoken to OpenSSL. MD2 and MD5 are missing: anyone can forge with them. */
type Scheme = { readonly key: 'rsa' | 'ec' | 'dsa'; readonly digest: string } | { readonly key: 'own' };

const SCHEMES: Readonly<Record<string, Scheme>> = {
  sha1WithRSAEncryption: { key: 'rsa', digest: 'sha1' },
  sha224WithRSAEncryption: { key: 'rsa', digest: 'sha224' },
  sha256WithRSAEncryption: { key: 'rsa', digest: 'sha256' },
  sha384WithRSAEncryption: { key: 'rsa', digest: 'sha384' },
  sha512WithRSAEncryption: { key: 'rsa', digest: 'sha512' },
  'dsa-with-SHA1': { key: 'dsa', digest: 'sha1' },
  'dsa-with-SHA224': { key: 'dsa', digest: 'sha224' },
  'dsa-with-SHA256': { key: 'dsa', digest: 'sha256' },
  'ecdsa-with-SHA1': { key: 'ec', digest: 'sha1' },
  'ecdsa-with-SHA224': { key: 'ec', digest: 'sha224' },
  'ecdsa-with-SHA256': { key: 'ec', digest: 'sha256' },
  'ecdsa-with-SHA384': { key: 'ec', digest: 'sha384' },
  'ecdsa-with-SHA512': { key: 'ec', digest: 'sha512' },
  Ed25519: { key: 'own' },
  Ed448: { key: 'own' },
  'ML-DSA-44': { key: 'own' },
  'ML-DSA-65': { key: 'own' },
  'ML-DSA-87': { key: 'own' },
};

/** Keys whose algorithm is their type, by the name of the algorithm in lower case. */
const OWN_TYPES: ReadonlySet<string | undefined> = new Set(['ed25519', 'ed448', 'ml-dsa-44', 'ml-dsa-65', 'ml-dsa-87']);

const DIGESTS = oidTable({
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.4': 'sha224',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
});

/** Moves `parts` over signed content, algorithm and signature. Throws `DerError`. */
export function readSigned(parts: DerReader, what: string): Signed {
  const content = parts.expect(Tag.sequence, `the signed part of ${what}`).element();
  const algorithm = parts.expect(Tag.sequence, `the signature algorithm of ${what}`).element();
  parts.expect(Tag.bitString, `the signature of ${what}`);
  return { content, algorithm, signature: parts.content().subarray(1) };
}

/** The public key of a certificate; `undefined` when OpenSSL cannot read it. */
export function publicKeyOf(certificate: Certificate): KeyObject | undefined {
  try {
    return new X509Certificate(certificate.der).publicKey;
  } catch {
    return undefined;
  }
}

/** Whether the key made the signature. Never throws. */
export function verifySigned(signed: Signed, key: KeyObject | undefined): SignatureVerdict {
  if (key === undefined) return 'unverifiable';
  try {
    const identifier = DerReader.over(signed.algorithm).expect(Tag.sequence, 'the signature algorithm').enter();
    const name = lookUpOid(SIGNATURE_ALGORITHMS, identifier.expect(Tag.oid, 'the signature algorithm'));
    if (name === 'rsassaPss') return verifyPss(signed, key, identifier);
    const scheme = name === undefined ? undefined : SCHEMES[name];
    if (scheme === undefined) return 'unverifiable';
    const type = key.asymmetricKeyType;
    if (scheme.key === 'own') {
      // The key itself says how it signs: an algorithm that names another is a lie.
      if (!OWN_TYPES.has(type)) return 'unverifiable';
      if (type !== name?.toLowerCase()) return 'invalid';
      return verdictOf(verify(null, signed.content, key, signed.signature));
    }
    if (type !== scheme.key) return 'invalid';
    return verdictOf(verify(scheme.digest, signed.content, key, signed.signature));
  } catch (error) {
    return error instanceof DerError ? 'invalid' : 'unverifiable';
  }
}

function verdictOf(isValid: boolean): SignatureVerdict {
  return isValid ? 'valid' : 'invalid';
}

/** RFC 4055 section 3.1: the parameters name the hash and the length of the salt; without them SHA-1 and 20. */
function verifyPss(signed: Signed, key: KeyObject, identifier: DerReader): SignatureVerdict {
  if (key.asymmetricKeyType !== 'rsa' && key.asymmetricKeyType !== 'rsa-pss') return 'invalid';
  let digest: string | undefined = 'sha1';
  let saltLength = 20;
  if (!identifier.done) {
    const parameters = identifier.expect(Tag.sequence, 'the parameters of RSASSA-PSS').enter();
    while (!parameters.done) {
      const tag = parameters.next();
      if (tag === 0xa0) {
        const algorithm = parameters.enter().expect(Tag.sequence, 'the hash of RSASSA-PSS').enter();
        digest = lookUpOid(DIGESTS, algorithm.expect(Tag.oid, 'the hash of RSASSA-PSS'));
      } else if (tag === 0xa2) {
        saltLength = parameters.enter().expect(Tag.integer, 'the salt length of RSASSA-PSS').smallInteger();
      }
    }
  }
  if (digest === undefined) return 'unverifiable';
  const padded = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
  return verdictOf(verify(digest, signed.content, padded, signed.signature));
}
