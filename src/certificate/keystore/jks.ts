import { hash } from 'node:crypto';

import { certificatePart, MAX_PARTS, problemPart, tooManyParts, type KeystoreUse, type Part } from '../part.ts';
import { JavaReader } from './java-reader.ts';
import { skipSerializedObject } from './java-serialization.ts';
import { KeystoreError } from './keystore-error.ts';
import { utf16 } from './password.ts';

const MAGIC_OCTETS = 4;
/** A SHA-1 over the password, a phrase and all before it. */
const TRAILER_OCTETS = 20;
const TRAILER_PHRASE = 'Mighty Aphrodite';

/** Type of an entry. */
const Tag = { key: 1, trusted: 2, secret: 3 } as const;

/**
 * The certificates of a Java keystore in Sun's own formats, JKS and JCEKS. They lie in the clear: no password is needed.
 * With passwords its integrity is checked, and a list of which none fits is a problem beside the certificates.
 */
export function readJks(bytes: Uint8Array, passwords: readonly string[]): Part[] {
  const parts: Part[] = [];
  try {
    readEntries(bytes, parts);
  } catch (error) {
    if (!(error instanceof KeystoreError)) throw error;
    parts.push(problemPart('malformed', `the Java keystore is cut off or damaged: ${error.message}`));
    return parts;
  }
  if (passwords.length > 0 && !passwords.some((password) => fits(bytes, password))) {
    parts.push(problemPart('wrong_password', 'no password fits the Java keystore; its certificates need none'));
  }
  return parts;
}

function readEntries(bytes: Uint8Array, parts: Part[]): void {
  const reader = new JavaReader(bytes, MAGIC_OCTETS);
  const version = reader.length();
  if (version !== 1 && version !== 2) throw new KeystoreError(`there is no version ${version}`, MAGIC_OCTETS);
  for (let entries = reader.length(); entries > 0; entries--) {
    if (parts.length >= MAX_PARTS) {
      parts.push(tooManyParts('certificates in the Java keystore'));
      return;
    }
    const tag = reader.length();
    const alias = reader.utf();
    // The day of creation.
    reader.skip(8);
    switch (tag) {
      case Tag.key: {
        reader.skip(reader.length());
        const chainLength = reader.length();
        for (let position = 0; position < chainLength && parts.length < MAX_PARTS; position++) {
          parts.push(readCertificate(reader, version, alias, position === 0 ? 'identity' : 'chain'));
        }
        break;
      }
      case Tag.trusted:
        parts.push(readCertificate(reader, version, alias, 'trusted'));
        break;
      case Tag.secret:
        skipSerializedObject(reader);
        break;
      default:
        throw new KeystoreError(`there is no entry of type ${tag}`, reader.at);
    }
  }
  if (reader.remaining !== TRAILER_OCTETS) throw new KeystoreError('the check sum is not at the end', reader.at);
}

function readCertificate(reader: JavaReader, version: number, alias: string, use: KeystoreUse): Part {
  const type = version === 2 ? reader.utf() : 'X.509';
  const der = reader.take(reader.length());
  if (type !== 'X.509') return { ...problemPart('unsupported', 'a certificate that is not X.509'), alias };
  return certificatePart(der, { alias, use }, 'in the Java keystore');
}

function fits(bytes: Uint8Array, password: string): boolean {
  const content = bytes.subarray(0, bytes.length - TRAILER_OCTETS);
  const digest = hash('sha1', Buffer.concat([utf16(password), Buffer.from(TRAILER_PHRASE), content]), 'buffer');
  return digest.equals(bytes.subarray(bytes.length - TRAILER_OCTETS));
}
