import { DerError, DerReader, Tag } from './der.ts';
import { keyIdOfPrivateKey } from './key-id.ts';
import { readEncryption, UnknownEncryption, type Encryption } from './keystore/encryption.ts';
import { CostError, type Keyring } from './keystore/keyring.ts';
import type { PrivateKeyPart } from './part.ts';

/** A key is some thousand octets; more is not read. */
const MAX_CIPHERTEXT = 64 * 1024;
/** The slowest decryption goes over so much in a millisecond. */
const OCTETS_PER_MS = 15_000;
/** What it takes to tell the public key of some algorithms. */
const OPENED_KEY_MS = 0.2;

/** What is known of an unencrypted private key in DER. Nothing of the key is kept. */
export function privateKeyPart(der: Uint8Array): PrivateKeyPart {
  const keyId = keyIdOfPrivateKey(der);
  return keyId === undefined
    ? { kind: 'private-key', encrypted: false }
    : { kind: 'private-key', encrypted: false, keyId };
}

/** What is known of an encrypted private key (EncryptedPrivateKeyInfo, RFC 5958 section 3): more when a password opens it. */
export function encryptedKeyPart(der: Uint8Array, keyring: Keyring): PrivateKeyPart {
  try {
    const parts = DerReader.over(der).expect(Tag.sequence, 'the key').enter();
    const encryption = readEncryption(parts.expect(Tag.sequence, 'the encryption'));
    return openKey(encryption, parts.expect(Tag.octetString, 'the key').content(), keyring, (plain) => plain);
  } catch (error) {
    if (error instanceof DerError || error instanceof UnknownEncryption || error instanceof CostError) return UNOPENED;
    throw error;
  }
}

/** Opens an encrypted key. `keyIn` finds the key in what was decrypted, in DER; there is none when the password was wrong. */
export function openKey(
  encryption: Encryption,
  ciphertext: Uint8Array,
  keyring: Keyring,
  keyIn: (plain: Uint8Array) => Uint8Array | undefined,
): PrivateKeyPart {
  if (ciphertext.length > MAX_CIPHERTEXT) return UNOPENED;
  const costMs = encryption.costMs + OPENED_KEY_MS + ciphertext.length / OCTETS_PER_MS;
  try {
    const opened = keyring.open({ form: encryption.form, costMs }, (password) => {
      const plain = encryption.decrypt(password, ciphertext);
      const key = plain === undefined ? undefined : keyIn(plain);
      const part = key === undefined || !isPrivateKeyInfo(key) ? undefined : privateKeyPart(key);
      plain?.fill(0);
      return part;
    });
    return opened ?? UNOPENED;
  } catch (error) {
    if (error instanceof CostError) return { ...UNOPENED, costMs };
    throw error;
  }
}

const UNOPENED: PrivateKeyPart = { kind: 'private-key', encrypted: true };

/** Whether the octets are what a private key begins with, from their first to their last: a wrong password gives noise. */
function isPrivateKeyInfo(der: Uint8Array): boolean {
  try {
    const reader = DerReader.over(der).expect(Tag.sequence, 'the key');
    const key = reader.enter();
    key.expect(Tag.integer, 'the version').smallInteger();
    key.expect(Tag.sequence, 'the algorithm');
    key.expect(Tag.octetString, 'the key');
    return true;
  } catch (error) {
    if (error instanceof DerError) return false;
    throw error;
  }
}
