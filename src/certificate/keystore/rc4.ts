/** RC4, which OpenSSL keeps in a provider that is not loaded. There is no padding that a wrong key would break. */
export function decryptRc4(key: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  const state = Uint8Array.from({ length: 256 }, (_, index) => index);
  for (let index = 0, other = 0; index < 256; index++) {
    other = (other + (state[index] as number) + (key[index % key.length] as number)) & 0xff;
    swap(state, index, other);
  }
  const plain = new Uint8Array(ciphertext.length);
  for (let at = 0, index = 0, other = 0; at < ciphertext.length; at++) {
    index = (index + 1) & 0xff;
    other = (other + (state[index] as number)) & 0xff;
    swap(state, index, other);
    const sum = ((state[index] as number) + (state[other] as number)) & 0xff;
    plain[at] = (ciphertext[at] as number) ^ (state[sum] as number);
  }
  return plain;
}

function swap(state: Uint8Array, left: number, right: number): void {
  const kept = state[left] as number;
  state[left] = state[right] as number;
  state[right] = kept;
}
