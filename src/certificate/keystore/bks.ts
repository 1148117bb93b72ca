import { createHmac } from 'node:crypto';

import { MAX_PARTS, problemPart, tooManyParts, type Part } from '../part.ts';
import { privateKeyPart } from '../private-key.ts';
import { openSealedKey } from './bks-key.ts';
import { entryParts, readJavaCertificate, type JavaCertificate, type JavaEntry } from './java-entry.ts';
import { JavaReader } from './java-reader.ts';
import { CostError, type Keyring } from './keyring.ts';
import { KeystoreError } from './keystore-error.ts';
import { deriveKey, pkcs12KdfCostMs, Purpose } from './pkcs12-kdf.ts';

/** HMAC with SHA-1 over the entries. */
const MAC_OCTETS = 20;
/** Bouncy Castle writes 20 octets, and 1 024 to 2 047 rounds. */
const MAX_SALT = 1024;
const MAX_ROUNDS = 100_000;

/** Type of an entry. */
const Tag = { end: 0, certificate: 1, key: 2, secret: 3, sealed: 4 } as const;

/** Type of a key that is not sealed; the others are public keys and secrets. */
const PRIVATE_KEY = 0;

interface Header {
  readonly version: number;
  readonly salt: Uint8Array;
  readonly rounds: number;
  /** Where the entries begin. */
  readonly at: number;
}

/**
 * The certificates and keys of a BKS keystore (Bouncy Castle's BcKeyStoreSpi), versions 0 to 2. Certificates lie in the
 * clear. `undefined` when what follows the header does not begin as entries do: then it is UBER, which has the same header
 * and encrypts the rest.
 */
export function readBks(bytes: Uint8Array, keyring: Keyring): Part[] | undefined {
  const entries: JavaEntry[] = [];
  const problems: Part[] = [];
  try {
    const header = readHeader(bytes);
    if (!beginsWithEntry(bytes, header.at)) return undefined;
    const end = readEntries(bytes, header.at, entries);
    if (end === undefined) problems.push(tooManyParts('certificates in the BKS keystore'));
    else if (keyring.isGiven && !fits(bytes, header, end, keyring)) {
      const detail = 'no password fits the BKS keystore, though its certificates need none';
      problems.push(problemPart('wrong_password', detail));
    }
  } catch (error) {
    if (!(error instanceof KeystoreError)) throw error;
    problems.push(problemPart('malformed', `the BKS keystore is cut off or damaged: ${error.message}`));
  }
  return [...entries.flatMap((entry) => entryParts(entry, keyring)), ...problems];
}

function readHeader(bytes: Uint8Array): Header {
  const reader = new JavaReader(bytes);
  const version = reader.length();
  const salt = reader.take(reader.length());
  const rounds = reader.length();
  if (salt.length > MAX_SALT) throw new KeystoreError('the salt is too long', 4);
  return { version, salt, rounds, at: reader.at };
}

/** A type, and an alias of under 256 octets that begins with a character; what is encrypted rarely looks like that. */
function beginsWithEntry(bytes: Uint8Array, at: number): boolean {
  const tag = bytes[at];
  if (tag === undefined) return true;
  if (tag === Tag.end) return bytes.length - at - 1 === MAC_OCTETS;
  return tag <= Tag.sealed && (bytes[at + 1] ?? 0) === 0 && (bytes[at + 3] ?? 0x20) >= 0x20;
}

/** Reads all entries; gives where the last ends, or nothing when there are too many. */
function readEntries(bytes: Uint8Array, start: number, entries: JavaEntry[]): number | undefined {
  const reader = new JavaReader(bytes, start);
  let left = MAX_PARTS;
  for (let tag = reader.u1(); tag !== Tag.end; tag = reader.u1()) {
    if (left-- <= 0) return undefined;
    const alias = reader.utf();
    // The day of creation.
    reader.skip(8);
    const certificates: JavaCertificate[] = [];
    for (let length = reader.length(); length > 0; length--) {
      if (left-- <= 0) return undefined;
      certificates.push(readJavaCertificate(reader));
    }
    switch (tag) {
      case Tag.certificate:
        entries.push({ alias, certificates: [...certificates, readJavaCertificate(reader)] });
        break;
      case Tag.key: {
        const type = reader.u1();
        // Its format and its algorithm.
        reader.utf();
        reader.utf();
        const key = reader.take(reader.length());
        if (type === PRIVATE_KEY) entries.push({ alias, certificates, openKey: () => privateKeyPart(key) });
        break;
      }
      case Tag.secret:
        reader.skip(reader.length());
        break;
      case Tag.sealed: {
        const sealed = reader.take(reader.length());
        // A secret has no chain.
        if (certificates.length > 0) {
          entries.push({ alias, certificates, openKey: (keyring) => openSealedKey(sealed, keyring) });
        }
        break;
      }
      default:
        throw new KeystoreError(`there is no entry of type ${tag}`, reader.at);
    }
  }
  if (reader.remaining !== MAC_OCTETS) throw new KeystoreError('the check sum is not at the end', reader.at);
  return reader.at;
}

/** Whether a password is right; true, too, when there is no time to find out: the certificates are known all the same. */
function fits(bytes: Uint8Array, { version, salt, rounds, at }: Header, end: number, keyring: Keyring): boolean {
  if (rounds > MAX_ROUNDS || rounds === 0) return true;
  // Versions 0 and 1 take the number of octets for one of bits.
  const keyLength = version < 2 ? Math.floor(MAC_OCTETS / 8) : MAC_OCTETS;
  const content = bytes.subarray(at, end);
  try {
    const opened = keyring.open({ form: 'bmp', costMs: pkcs12KdfCostMs('sha1', rounds, keyLength) }, (password) => {
      const key = deriveKey('sha1', Purpose.mac, password, salt, rounds, keyLength);
      return createHmac('sha1', key).update(content).digest().equals(bytes.subarray(end)) ? true : undefined;
    });
    return opened !== undefined;
  } catch (error) {
    if (error instanceof CostError) return true;
    throw error;
  }
}
