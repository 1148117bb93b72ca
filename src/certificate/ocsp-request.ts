import { hash } from 'node:crypto';

import type { Certificate } from './model.ts';
import { publicKeyBits } from './public-key.ts';

/** AlgorithmIdentifier of SHA-1, which every responder understands (RFC 5019 2.1.1). */
const SHA1 = Buffer.from('300906052b0e03021a0500', 'hex');

/**
 * A request for the status of `certificate`, without a nonce, so that answers can be cached (RFC 5019). `undefined` when
 * the issuer's public key cannot be found.
 */
export function ocspRequest(certificate: Certificate, issuer: Certificate): Uint8Array | undefined {
  const bits = publicKeyBits(issuer);
  if (bits === undefined) return undefined;
  const id = encode(
    0x30,
    SHA1,
    encode(0x04, hash('sha1', certificate.issuer.der, 'buffer')),
    encode(0x04, hash('sha1', bits, 'buffer')),
    encode(0x02, Buffer.from(certificate.serial, 'hex')),
  );
  // OCSPRequest > TBSRequest > requestList > Request > CertID.
  return encode(0x30, encode(0x30, encode(0x30, encode(0x30, id))));
}

function encode(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const header =
    length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(header), content]);
}
