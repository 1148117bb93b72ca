/** The bytes are not the keystore that they seemed to be. `offset` is where, from the start of the file. */
export class KeystoreError extends Error {
  override readonly name = 'KeystoreError';

  constructor(rule: string, offset: number) {
    super(`${rule} (byte ${offset})`);
  }
}
