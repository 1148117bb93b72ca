import { toDefiniteLengths } from '../ber.ts';
import { DerError, DerReader, Tag } from '../der.ts';
import { lookUpOid, oidTable } from '../oids.ts';
import { problemPart, tooManyParts, type Part } from '../part.ts';
import { readEncryption, UnknownEncryption } from './encryption.ts';
import { CostError, type Keyring } from './keyring.ts';
import { checkMac } from './pkcs12-mac.ts';
import { readSafe, SafeContents } from './pkcs12-safe.ts';

/** Safes of one keystore; the usual number is two. */
const MAX_SAFES = 1_000;
/** The slowest decryption goes over so much in a millisecond. */
const OCTETS_PER_MS = 15_000;

const CONTENT_TYPES = oidTable<'data' | 'signed' | 'enveloped' | 'encrypted'>({
  '1.2.840.113549.1.7.1': 'data',
  '1.2.840.113549.1.7.2': 'signed',
  '1.2.840.113549.1.7.3': 'enveloped',
  '1.2.840.113549.1.7.6': 'encrypted',
});

/**
 * The certificates, revocation lists and keys of a PKCS#12 keystore (RFC 7292), in DER or BER. Safes that are not
 * encrypted are read without a password. The integrity of the whole is checked only where nothing else would tell that
 * the given passwords are wrong: that check takes as long as everything else together.
 */
export function readPkcs12(bytes: Uint8Array, keyring: Keyring): Part[] {
  const found = new SafeContents();
  const problems: Part[] = [];
  try {
    readKeystore(toDefiniteLengths(bytes), keyring, found, problems);
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    problems.push(problemPart('malformed', `the PKCS#12 keystore is cut off or damaged: ${error.message}`));
  }
  if (found.isFull) problems.push(tooManyParts('entries in the PKCS#12 keystore'));
  return [...found.parts(keyring), ...distinct(problems)];
}

function readKeystore(der: Uint8Array, keyring: Keyring, found: SafeContents, problems: Part[]): void {
  const keystore = DerReader.over(der).expect(Tag.sequence, 'the keystore').enter();
  keystore.expect(Tag.integer, 'the version');
  const authenticated = keystore.expect(Tag.sequence, 'the contents').enter();
  const type = lookUpOid(CONTENT_TYPES, authenticated.expect(Tag.oid, 'the type of the contents'));
  if (type !== 'data') {
    problems.push(problemPart('unsupported', 'PKCS#12 that is signed with a public key'));
    return;
  }
  const content = authenticated.expect(0xa0, 'the contents').enter().expect(Tag.octetString, 'the contents').content();
  const safes = DerReader.over(toDefiniteLengths(content)).expect(Tag.sequence, 'the safes').enter();
  for (let count = 0; !safes.done && count < MAX_SAFES; count++) {
    const problem = readContentInfo(safes.expect(Tag.sequence, 'a safe').enter(), keyring, found);
    if (problem !== undefined) problems.push(problem);
  }
  if (keyring.isGiven && !keyring.isProven && problems.length === 0 && keystore.peek() === Tag.sequence) {
    keystore.next();
    if (checkMac(keystore.enter(), content, keyring) === 'wrong') {
      problems.push(
        problemPart('wrong_password', 'no password fits the PKCS#12 keystore, though its certificates need none'),
      );
    }
  }
}

/** Reads one safe; gives what is wrong with it. */
function readContentInfo(safe: DerReader, keyring: Keyring, found: SafeContents): Part | undefined {
  const type = lookUpOid(CONTENT_TYPES, safe.expect(Tag.oid, 'the type of a safe'));
  switch (type) {
    case 'data': {
      const contents = readSafe(safe.expect(0xa0, 'a safe').enter().expect(Tag.octetString, 'a safe').content());
      if (contents === undefined) throw new DerError('a safe cannot be read', safe.start);
      found.add(contents);
      return undefined;
    }
    case 'encrypted':
      return openSafe(safe.expect(0xa0, 'a safe').enter(), keyring, found);
    case 'enveloped':
      return problemPart('unsupported', 'PKCS#12 that is encrypted for a public key');
    case 'signed':
    case undefined:
      return problemPart('unsupported', 'a safe of an unknown type in PKCS#12');
  }
}

/** EncryptedData (RFC 5652 section 8). */
function openSafe(reader: DerReader, keyring: Keyring, found: SafeContents): Part | undefined {
  const data = reader.expect(Tag.sequence, 'the encrypted safe').enter();
  data.expect(Tag.integer, 'the version');
  const info = data.expect(Tag.sequence, 'the encrypted safe').enter();
  info.expect(Tag.oid, 'the type of what is encrypted');
  try {
    const encryption = readEncryption(info.expect(Tag.sequence, 'the encryption'));
    const ciphertext = readCiphertext(info);
    const costMs = encryption.costMs + ciphertext.length / OCTETS_PER_MS;
    const contents = keyring.open({ form: encryption.form, costMs }, (password) => {
      const plain = encryption.decrypt(password, ciphertext);
      return plain === undefined ? undefined : readSafe(plain);
    });
    if (contents === undefined) return wrongPassword(keyring);
    found.add(contents);
    return undefined;
  } catch (error) {
    if (error instanceof UnknownEncryption) {
      return problemPart('unsupported', `PKCS#12 that is encrypted with ${error.message}`);
    }
    if (!(error instanceof CostError)) throw error;
    const problem = problemPart('too_costly', `the PKCS#12 keystore is not opened: ${error.message}`);
    return error.costMs === undefined ? problem : { ...problem, costMs: error.costMs };
  }
}

/** [0] IMPLICIT OCTET STRING, in one piece or, in BER, in several. */
function readCiphertext(reader: DerReader): Uint8Array {
  if (reader.peek() === 0x80) {
    reader.next();
    return reader.content();
  }
  const pieces: Uint8Array[] = [];
  for (const inner = reader.expect(0xa0, 'what is encrypted').enter(); !inner.done;) {
    pieces.push(inner.expect(Tag.octetString, 'a piece of what is encrypted').content());
  }
  return Buffer.concat(pieces);
}

function wrongPassword(keyring: Keyring): Part {
  return problemPart(
    'wrong_password',
    keyring.isGiven
      ? 'no password opens the PKCS#12 keystore, or it is damaged'
      : 'the PKCS#12 keystore needs a password and none is given',
  );
}

/** Two safes that cannot be opened are one problem. */
function distinct(problems: readonly Part[]): readonly Part[] {
  return [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()];
}
