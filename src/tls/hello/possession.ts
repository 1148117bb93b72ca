import { constants, hash, verify, X509Certificate, type KeyObject } from 'node:crypto';

import { ByteReader } from '../byte-reader.ts';

/** How a signature scheme of RFC 8446 section 4.2.3 (and of RFC 5246 section 7.4.1.4.1) is verified. */
interface Scheme {
  readonly digest: string | null;
  readonly keyTypes: readonly string[];
  readonly padding?: number;
}

const PKCS1 = { keyTypes: ['rsa'], padding: constants.RSA_PKCS1_PADDING };
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING };

const SCHEMES: ReadonlyMap<number, Scheme> = new Map<number, Scheme>([
  [0x0403, { digest: 'sha256', keyTypes: ['ec'] }],
  [0x0503, { digest: 'sha384', keyTypes: ['ec'] }],
  [0x0603, { digest: 'sha512', keyTypes: ['ec'] }],
  [0x081a, { digest: 'sha256', keyTypes: ['ec'] }],
  [0x081b, { digest: 'sha384', keyTypes: ['ec'] }],
  [0x081c, { digest: 'sha512', keyTypes: ['ec'] }],
  [0x0203, { digest: 'sha1', keyTypes: ['ec'] }],
  [0x0401, { ...PKCS1, digest: 'sha256' }],
  [0x0501, { ...PKCS1, digest: 'sha384' }],
  [0x0601, { ...PKCS1, digest: 'sha512' }],
  [0x0201, { ...PKCS1, digest: 'sha1' }],
  [0x0804, { ...PSS, digest: 'sha256', keyTypes: ['rsa'] }],
  [0x0805, { ...PSS, digest: 'sha384', keyTypes: ['rsa'] }],
  [0x0806, { ...PSS, digest: 'sha512', keyTypes: ['rsa'] }],
  [0x0809, { ...PSS, digest: 'sha256', keyTypes: ['rsa-pss'] }],
  [0x080a, { ...PSS, digest: 'sha384', keyTypes: ['rsa-pss'] }],
  [0x080b, { ...PSS, digest: 'sha512', keyTypes: ['rsa-pss'] }],
  [0x0807, { digest: null, keyTypes: ['ed25519'] }],
  [0x0808, { digest: null, keyTypes: ['ed448'] }],
  [0x0904, { digest: null, keyTypes: ['ml-dsa-44'] }],
  [0x0905, { digest: null, keyTypes: ['ml-dsa-65'] }],
  [0x0906, { digest: null, keyTypes: ['ml-dsa-87'] }],
]);

/** Keys that are kept decoded: decoding one costs as much as checking a signature. */
const MAX_KEYS = 2_000;
const keys = new Map<string, KeyObject | undefined>();

export type Possession = 'proven' | 'failed';

/**
 * Whether a DigitallySigned structure (scheme, then signature) over some content was made with the key of a certificate.
 * `undefined` when it cannot be judged: the certificate or the scheme is of an unknown kind.
 */
export function judgePossession(
  certificate: Uint8Array | undefined,
  signed: Buffer,
  content: Uint8Array,
): Possession | undefined {
  const reader = new ByteReader(signed);
  const scheme = SCHEMES.get(reader.number(2));
  const signature = reader.vector(2);
  const key = certificate === undefined ? undefined : publicKeyOf(certificate);
  if (scheme === undefined || key === undefined) return undefined;
  if (!scheme.keyTypes.includes(key.asymmetricKeyType ?? '')) return 'failed';
  const options =
    scheme.padding === undefined
      ? { key }
      : { key, padding: scheme.padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  try {
    return verify(scheme.digest, content, options, signature) ? 'proven' : 'failed';
  } catch {
    return 'failed';
  }
}

function publicKeyOf(certificate: Uint8Array): KeyObject | undefined {
  const id = hash('sha256', certificate, 'base64');
  if (keys.has(id)) return keys.get(id);
  const key = decode(certificate);
  const [oldest] = keys.keys();
  if (keys.size >= MAX_KEYS && oldest !== undefined) keys.delete(oldest);
  keys.set(id, key);
  return key;
}

function decode(certificate: Uint8Array): KeyObject | undefined {
  try {
    return new X509Certificate(certificate).publicKey;
  } catch {
    return undefined;
  }
}
