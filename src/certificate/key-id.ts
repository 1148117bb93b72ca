import { createPrivateKey, createPublicKey, hash } from 'node:crypto';

import { toDefiniteLengths } from './ber.ts';
import { DerError, DerReader, Tag } from './der.ts';
import type { Certificate } from './model.ts';
import { lookUpOid, oidTable } from './oids.ts';
import type { KeyMatch } from './part.ts';

type Family = 'rsa' | 'ec' | 'dsa' | 'derived';

/** Key algorithms that certificates have; for the others there is nothing to compare. */
const FAMILIES = oidTable<Family>({
  '1.2.840.113549.1.1.1': 'rsa',
  '1.2.840.113549.1.1.10': 'rsa',
  '1.2.840.10045.2.1': 'ec',
  '1.2.840.10040.4.1': 'dsa',
  '1.3.101.112': 'derived',
  '1.3.101.113': 'derived',
  '2.16.840.1.101.3.4.3.17': 'derived',
  '2.16.840.1.101.3.4.3.18': 'derived',
  '2.16.840.1.101.3.4.3.19': 'derived',
});

/** A key is some thousand octets; more is not read. */
const MAX_KEY = 64 * 1024;
/** Larger keys than any program makes are not computed with: the time grows with the cube of the length. */
const MAX_COMPUTED_OCTETS: Readonly<Record<Family, number>> = { rsa: 0, ec: 1024, dsa: 1400, derived: 8192 };

/**
 * The identity of a certificate's key pair: SHA-256, lower-case hex, over its public key in the one form that all
 * encodings of it have in common. `undefined` when it cannot be read.
 */
export function keyIdOf(certificate: Pick<Certificate, 'der'>): string | undefined {
  return tolerant(() => {
    const tbs = DerReader.over(toDefiniteLengths(certificate.der)).expect(Tag.sequence, 'the certificate').enter();
    const fields = tbs.expect(Tag.sequence, 'the signed part').enter();
    if (fields.peek() === 0xa0) fields.next();
    // Serial number, algorithm, issuer, validity, subject.
    for (let skipped = 0; skipped < 5; skipped++) fields.next();
    return publicKeyId(fields.expect(Tag.sequence, 'the public key'));
  });
}

/**
 * The identity of the key pair of an unencrypted private key in DER: PKCS#8, PKCS#1 (RSA), SEC 1 (EC) or the old form of
 * DSA keys. `undefined` when it cannot be read, or has no place in a certificate. The key itself is not kept.
 */
export function keyIdOfPrivateKey(der: Uint8Array): string | undefined {
  if (der.length > MAX_KEY) return undefined;
  return tolerant(() => {
    const key = DerReader.over(der).expect(Tag.sequence, 'the key').enter();
    key.expect(Tag.integer, 'the version');
    switch (key.peek()) {
      case Tag.sequence:
        return pkcs8Id(key, der);
      case Tag.octetString:
        return sec1Id(key) ?? computedId(der, 'sec1', 'ec');
      default:
        return integersId(key);
    }
  });
}

/** Whether a private key that was found is that of a certificate; `undefined` when the two cannot be compared. */
export function keyMatchOf(
  key: { readonly encrypted: boolean; readonly keyId?: string },
  certificate: Pick<Certificate, 'der'>,
): KeyMatch | undefined {
  if (key.encrypted) return 'encrypted';
  const own = keyIdOf(certificate);
  if (own === undefined || key.keyId === undefined) return undefined;
  return own === key.keyId ? 'yes' : 'no';
}

/** RFC 5958: version, algorithm, key, attributes, public key. `key` is behind the version. */
function pkcs8Id(key: DerReader, der: Uint8Array): string | undefined {
  const family = lookUpOid(
    FAMILIES,
    key.expect(Tag.sequence, 'the algorithm').enter().expect(Tag.oid, 'the algorithm'),
  );
  if (family === undefined) return undefined;
  const inner = key.expect(Tag.octetString, 'the key').enter();
  if (family === 'rsa') {
    const integers = inner.expect(Tag.sequence, 'the RSA key').enter();
    integers.expect(Tag.integer, 'the version');
    return integersId(integers);
  }
  if (family === 'ec') {
    const sec1 = inner.expect(Tag.sequence, 'the EC key').enter();
    sec1.expect(Tag.integer, 'the version');
    const id = sec1Id(sec1);
    if (id !== undefined) return id;
  }
  return computedId(der, 'pkcs8', family);
}

/** The numbers of an RSA key (RFC 8017 A.1.2), or of a DSA key as OpenSSL used to write them: p, q, g, y, x. */
function integersId(key: DerReader): string | undefined {
  const integers: Uint8Array[] = [];
  while (!key.done && integers.length < 9) integers.push(key.expect(Tag.integer, 'a number of the key').element());
  const [first, second, , fourth] = integers;
  if (first === undefined || second === undefined || fourth === undefined) return undefined;
  if (integers.length === 5) return idOf(fourth);
  const body = Buffer.concat([first, second]);
  return idOf(Buffer.concat([sequenceHeader(body.length), body]));
}

/** The public key that an EC key mostly has with it (RFC 5915); `key` is behind the version. */
function sec1Id(key: DerReader): string | undefined {
  key.expect(Tag.octetString, 'the key');
  while (!key.done) {
    if (key.next() !== 0xa1) continue;
    return idOf(compressed(key.enter().expect(Tag.bitString, 'the public key').enterBitString().rest()));
  }
  return undefined;
}

/** The public key as OpenSSL computes it from the private one. */
function computedId(der: Uint8Array, type: 'pkcs8' | 'sec1', family: Family): string | undefined {
  if (der.length > MAX_COMPUTED_OCTETS[family]) return undefined;
  try {
    const key = createPublicKey(createPrivateKey({ key: Buffer.from(der), format: 'der', type }));
    const spki = key.export({ format: 'der', type: 'spki' });
    return publicKeyId(DerReader.over(spki).expect(Tag.sequence, 'the public key'));
  } catch {
    // A key that OpenSSL refuses: nothing can use it either.
    return undefined;
  }
}

/** Of the SubjectPublicKeyInfo that `reader` is at: the key without its parameters, which have several encodings. */
function publicKeyId(reader: DerReader): string | undefined {
  const parts = reader.enter();
  const algorithm = parts.expect(Tag.sequence, 'the algorithm').enter();
  const family = lookUpOid(FAMILIES, algorithm.expect(Tag.oid, 'the algorithm'));
  if (family === undefined) return undefined;
  const key = parts.expect(Tag.bitString, 'the public key').enterBitString().rest();
  return idOf(family === 'ec' ? compressed(key) : key);
}

/** A point of a curve in its short form (SEC 1, 2.3.3). */
function compressed(point: Uint8Array): Uint8Array {
  if (point[0] !== 0x04 || point.length % 2 === 0) return point;
  const half = (point.length - 1) / 2;
  return Buffer.concat([Uint8Array.of(0x02 | ((point.at(-1) ?? 0) & 1)), point.subarray(1, 1 + half)]);
}

function sequenceHeader(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(Tag.sequence, length);
  if (length < 0x100) return Uint8Array.of(Tag.sequence, 0x81, length);
  if (length < 0x1_0000) return Uint8Array.of(Tag.sequence, 0x82, length >> 8, length & 0xff);
  return Uint8Array.of(Tag.sequence, 0x83, length >> 16, (length >> 8) & 0xff, length & 0xff);
}

function idOf(publicKey: Uint8Array): string {
  return hash('sha256', publicKey, 'hex');
}

function tolerant(read: () => string | undefined): string | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}
