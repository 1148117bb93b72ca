/** A password as UTF-16, big-endian: what Java's own formats and the key derivation of PKCS#12 take. */
export function utf16(password: string): Buffer {
  return Buffer.from(password, 'utf16le').swap16();
}
