import { createHmac, timingSafeEqual } from 'node:crypto';

import { DerError, Tag, type DerReader } from '../der.ts';
import { lookUpOid, oidTable } from '../oids.ts';
import { readDerivation, readRounds, UnknownEncryption } from './encryption.ts';
import { CostError, type Keyring, type Lock } from './keyring.ts';
import { deriveKey, pkcs12KdfCostMs, Purpose } from './pkcs12-kdf.ts';

const PBMAC1 = '1.2.840.113549.1.5.14';

/** The digests of a MAC by the key derivation of PKCS#12, the HMACs of one by PBMAC1, and how long they are. */
const ALGORITHMS = oidTable<{ readonly hash: string; readonly length: number } | typeof PBMAC1>({
  '1.3.14.3.2.26': { hash: 'sha1', length: 20 },
  '2.16.840.1.101.3.4.2.4': { hash: 'sha224', length: 28 },
  '2.16.840.1.101.3.4.2.1': { hash: 'sha256', length: 32 },
  '2.16.840.1.101.3.4.2.2': { hash: 'sha384', length: 48 },
  '2.16.840.1.101.3.4.2.3': { hash: 'sha512', length: 64 },
  [PBMAC1]: PBMAC1,
});
const HMACS = oidTable<string>({
  '1.2.840.113549.2.7': 'sha1',
  '1.2.840.113549.2.8': 'sha224',
  '1.2.840.113549.2.9': 'sha256',
  '1.2.840.113549.2.10': 'sha384',
  '1.2.840.113549.2.11': 'sha512',
});

/** A MAC with all its parameters. */
interface Mac extends Lock {
  readonly expected: Uint8Array;
  compute(password: Uint8Array, content: Uint8Array): Buffer;
}

/**
 * Whether a password fits the MacData (RFC 7292 section 4, RFC 9579) that `reader` is inside of. `unknown` when it cannot
 * be told, for want of time too.
 */
export function checkMac(reader: DerReader, content: Uint8Array, keyring: Keyring): 'right' | 'wrong' | 'unknown' {
  try {
    const mac = readMac(reader);
    const opened = keyring.open(mac, (password) => {
      const computed = mac.compute(password, content);
      return computed.length === mac.expected.length && timingSafeEqual(computed, mac.expected) ? true : undefined;
    });
    return opened === undefined ? 'wrong' : 'right';
  } catch (error) {
    if (error instanceof DerError || error instanceof UnknownEncryption || error instanceof CostError) return 'unknown';
    throw error;
  }
}

function readMac(reader: DerReader): Mac {
  const digestInfo = reader.expect(Tag.sequence, 'the digest').enter();
  const algorithm = digestInfo.expect(Tag.sequence, 'the algorithm').enter();
  const known = lookUpOid(ALGORITHMS, algorithm.expect(Tag.oid, 'the algorithm'));
  const expected = digestInfo.expect(Tag.octetString, 'the digest').content();
  if (known === undefined) throw new UnknownEncryption('an unknown digest');
  if (known === PBMAC1) {
    // The salt and the rounds beside it are not used.
    return readPbmac1(algorithm.expect(Tag.sequence, 'the parameters').enter(), expected);
  }
  const salt = reader.expect(Tag.octetString, 'the salt').content();
  const rounds = reader.done ? 1 : readRounds(reader.expect(Tag.integer, 'the number of rounds'));
  return {
    form: 'bmp',
    costMs: pkcs12KdfCostMs(known.hash, rounds, known.length),
    expected,
    compute(password, content) {
      const key = deriveKey(known.hash, Purpose.mac, password, salt, rounds, known.length);
      return createHmac(known.hash, key).update(content).digest();
    },
  };
}

/** RFC 9579: PBKDF2 with the length of the key, and an HMAC. */
function readPbmac1(parameters: DerReader, expected: Uint8Array): Mac {
  const derivation = readDerivation(parameters.expect(Tag.sequence, 'the key derivation'));
  const name = lookUpOid(HMACS, parameters.expect(Tag.sequence, 'the HMAC').enter().expect(Tag.oid, 'the HMAC'));
  if (name === undefined || derivation.keyLength === undefined) throw new UnknownEncryption('an unknown HMAC');
  const { keyLength } = derivation;
  return {
    form: 'utf8',
    costMs: derivation.costMs(keyLength),
    expected,
    compute: (password, content) => createHmac(name, derivation.derive(password, keyLength)).update(content).digest(),
  };
}
