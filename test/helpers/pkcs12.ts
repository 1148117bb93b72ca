import { createHash, createHmac, randomBytes, type KeyObject } from 'node:crypto';

import { encode, explicit, integer, oid, sequence, TAG } from './der.ts';

const OID = {
  data: '1.2.840.113549.1.7.1',
  shroudedKeyBag: '1.2.840.113549.1.12.10.1.2',
  certBag: '1.2.840.113549.1.12.10.1.3',
  x509Certificate: '1.2.840.113549.1.9.22.1',
  sha256: '2.16.840.1.101.3.4.2.1',
} as const;

const ITERATIONS = 2_048;

/** A PKCS#12 keystore (RFC 7292): the key encrypted, the certificates in the order given, a MAC over all of it. */
export function pkcs12(
  certificates: readonly { readonly der: Uint8Array }[],
  key: KeyObject | undefined,
  password: string,
): Buffer {
  const bags = certificates.map(({ der }) =>
    bag(OID.certBag, sequence(oid(OID.x509Certificate), explicit(0, encode(TAG.octetString, der)))),
  );
  if (key !== undefined) {
    const shrouded = key.export({ type: 'pkcs8', format: 'der', cipher: 'aes-256-cbc', passphrase: password });
    bags.push(bag(OID.shroudedKeyBag, shrouded));
  }
  const safe = sequence(contentInfo(sequence(...bags)));
  return sequence(integer(3), contentInfo(safe), macData(safe, password));
}

function bag(type: string, value: Uint8Array): Buffer {
  return sequence(oid(type), explicit(0, value));
}

function contentInfo(content: Uint8Array): Buffer {
  return sequence(oid(OID.data), explicit(0, encode(TAG.octetString, content)));
}

function macData(content: Uint8Array, password: string): Buffer {
  const salt = randomBytes(8);
  const digest = createHmac('sha256', macKey(password, salt)).update(content).digest();
  return sequence(
    sequence(sequence(oid(OID.sha256), encode(TAG.null)), encode(TAG.octetString, digest)),
    encode(TAG.octetString, salt),
    integer(ITERATIONS),
  );
}

/** RFC 7292 appendix B.2 with SHA-256, of which one block is enough, for purpose 3. */
function macKey(password: string, salt: Uint8Array): Buffer {
  const text = Buffer.from(`${password}\0`, 'utf16le').swap16();
  let block = Buffer.concat([Buffer.alloc(64, 3), fill(salt), fill(text)]);
  for (let round = 0; round < ITERATIONS; round++) block = createHash('sha256').update(block).digest();
  return block;
}

/** Repeated until it fills a whole number of blocks of 64 octets. */
function fill(octets: Uint8Array): Buffer {
  return Buffer.alloc(Math.ceil(octets.length / 64) * 64, octets);
}
