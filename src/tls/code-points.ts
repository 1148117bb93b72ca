/* Names of the registry https://www.iana.org/assignments/tls-parameters, as far as a handshake of today has them. */

const GROUPS: ReadonlyMap<number, string> = new Map([
  [0x0017, 'P-256'],
  [0x0018, 'P-384'],
  [0x0019, 'P-521'],
  [0x001d, 'X25519'],
  [0x001e, 'X448'],
  [0x0100, 'ffdhe2048'],
  [0x0101, 'ffdhe3072'],
  [0x11eb, 'SecP256r1MLKEM768'],
  [0x11ec, 'X25519MLKEM768'],
  [0x11ed, 'SecP384r1MLKEM1024'],
]);

function hex(number: number): string {
  return `0x${number.toString(16).padStart(4, '0')}`;
}

/** What a group of the key exchange is called (`X25519`), or its number as `0x001f`. */
export function groupName(number: number): string {
  return GROUPS.get(number) ?? hex(number);
}
