import type { PrivateKeyPart } from '../part.ts';
import { openKey } from '../private-key.ts';
import { JavaReader } from './java-reader.ts';
import type { Keyring } from './keyring.ts';
import { KeystoreError } from './keystore-error.ts';
import { pkcs12Encryption } from './encryption.ts';

/** Bouncy Castle writes 1 024 to 2 047. */
const MAX_ROUNDS = 100_000;

/** What is known of a private key that BKS has sealed: encrypted by PBEWithSHAAnd3-KeyTripleDES-CBC. */
export function openSealedKey(sealed: Uint8Array, keyring: Keyring): PrivateKeyPart {
  try {
    const reader = new JavaReader(sealed);
    const salt = reader.take(reader.length());
    const rounds = reader.length();
    if (rounds === 0 || rounds > MAX_ROUNDS) return { kind: 'private-key', encrypted: true };
    const encryption = pkcs12Encryption({ cipher: '3des', keyLength: 24 }, salt, rounds);
    return openKey(encryption, reader.take(reader.remaining), keyring, unwrapped);
  } catch (error) {
    if (error instanceof KeystoreError) return { kind: 'private-key', encrypted: true };
    throw error;
  }
}

/** The key in DER, out of its type, its format and its algorithm. */
function unwrapped(plain: Uint8Array): Uint8Array | undefined {
  try {
    const reader = new JavaReader(plain);
    reader.skip(1);
    reader.utf();
    reader.utf();
    return reader.take(reader.length());
  } catch (error) {
    if (error instanceof KeystoreError) return undefined;
    throw error;
  }
}
