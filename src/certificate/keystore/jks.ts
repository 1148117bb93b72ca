import { hash } from 'node:crypto';

import { MAX_PARTS, problemPart, tooManyParts, type Part } from '../part.ts';
import { encryptedKeyPart } from '../private-key.ts';
import { entryParts, readJavaCertificate, type JavaCertificate, type JavaEntry } from './java-entry.ts';
import { JavaReader } from './java-reader.ts';
import { skipSerializedObject } from './java-serialization.ts';
import { CostError, type Keyring } from './keyring.ts';
import { KeystoreError } from './keystore-error.ts';

const MAGIC_OCTETS = 4;
/** A SHA-1 over the password, a phrase and all before it. */
const TRAILER_OCTETS = 20;
const TRAILER_PHRASE = 'Mighty Aphrodite';
/** SHA-1 goes over so much in a millisecond. */
const OCTETS_PER_MS = 500_000;

/** Type of an entry. */
const Tag = { key: 1, trusted: 2, secret: 3 } as const;

/**
 * The certificates and keys of a Java keystore in Sun's own formats, JKS and JCEKS. Certificates lie in the clear: no
 * password is needed for them. With passwords the integrity is checked, and a list of which none fits is a problem beside
 * the certificates.
 */
export function readJks(bytes: Uint8Array, keyring: Keyring): Part[] {
  const entries: JavaEntry[] = [];
  const problems: Part[] = [];
  try {
    if (!readEntries(bytes, entries)) problems.push(tooManyParts('certificates in the Java keystore'));
    else if (keyring.isGiven && !fits(bytes, keyring)) {
      problems.push(
        problemPart('wrong_password', 'no password fits the Java keystore, though its certificates need none'),
      );
    }
  } catch (error) {
    if (!(error instanceof KeystoreError)) throw error;
    problems.push(problemPart('malformed', `the Java keystore is cut off or damaged: ${error.message}`));
  }
  return [...entries.flatMap((entry) => entryParts(entry, keyring)), ...problems];
}

/** Reads all entries; gives whether it came to the end. */
function readEntries(bytes: Uint8Array, entries: JavaEntry[]): boolean {
  const reader = new JavaReader(bytes, MAGIC_OCTETS);
  const version = reader.length();
  if (version !== 1 && version !== 2) throw new KeystoreError(`there is no version ${version}`, MAGIC_OCTETS);
  let left = MAX_PARTS;
  for (let count = reader.length(); count > 0; count--) {
    if (left-- <= 0) return false;
    const tag = reader.length();
    const alias = reader.utf();
    // The day of creation.
    reader.skip(8);
    switch (tag) {
      case Tag.key: {
        const protectedKey = reader.take(reader.length());
        const certificates: JavaCertificate[] = [];
        entries.push({ alias, certificates, openKey: (keyring) => encryptedKeyPart(protectedKey, keyring) });
        for (let length = reader.length(); length > 0; length--) {
          if (left-- <= 0) return false;
          certificates.push(readJavaCertificate(reader, version === 2));
        }
        break;
      }
      case Tag.trusted:
        entries.push({ alias, certificates: [readJavaCertificate(reader, version === 2)] });
        break;
      case Tag.secret:
        skipSerializedObject(reader);
        break;
      default:
        throw new KeystoreError(`there is no entry of type ${tag}`, reader.at);
    }
  }
  if (reader.remaining !== TRAILER_OCTETS) throw new KeystoreError('the check sum is not at the end', reader.at);
  return true;
}

/** Whether a password is right; true, too, when there is no time to find out: the certificates are known all the same. */
function fits(bytes: Uint8Array, keyring: Keyring): boolean {
  const content = bytes.subarray(0, bytes.length - TRAILER_OCTETS);
  const trailer = bytes.subarray(bytes.length - TRAILER_OCTETS);
  const lock = { form: 'utf16', costMs: bytes.length / OCTETS_PER_MS } as const;
  try {
    const opened = keyring.open(lock, (password) => {
      const digest = hash('sha1', Buffer.concat([password, Buffer.from(TRAILER_PHRASE), content]), 'buffer');
      return digest.equals(trailer) ? true : undefined;
    });
    return opened !== undefined;
  } catch (error) {
    if (error instanceof CostError) return true;
    throw error;
  }
}
