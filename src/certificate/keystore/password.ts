/** How a format makes octets of a password. */
export type PasswordForm =
  /** UTF-8: PBES2 (RFC 8018) and PBMAC1 (RFC 9579). */
  | 'utf8'
  /** UTF-16 with two zero octets behind it: the key derivation of PKCS#12 (RFC 7292 B.1). */
  | 'bmp'
  /** UTF-16: the check sum and the key protection of JKS. */
  | 'utf16'
  /** The low seven bits of each character: PBE in the provider of JCEKS. */
  | 'ascii';

/** A password as UTF-16, big-endian. */
export function utf16(password: string): Buffer {
  return Buffer.from(password, 'utf16le').swap16();
}

/**
 * The octets that may stand for a password: as the format wants it first, behind it what programs are known to have
 * written in its place.
 */
export function passwordOctets(password: string, form: PasswordForm): readonly Uint8Array[] {
  switch (form) {
    case 'utf8':
      // Latin-1 where a program took the bytes of its terminal, UTF-16 where one took those of the older derivation.
      return isAscii(password)
        ? [Buffer.from(password)]
        : distinct([Buffer.from(password), ...latin1(password), bmp(password)]);
    case 'bmp':
      // OpenSSL before 1.1.0 made a character of each octet of UTF-8. No password at all is not the same as an empty one.
      return password === ''
        ? [bmp(''), new Uint8Array()]
        : distinct([bmp(password), bmp(Buffer.from(password).toString('latin1'))]);
    case 'utf16':
      return [utf16(password)];
    case 'ascii':
      return [Buffer.from(password, 'latin1').map((octet) => octet & 0x7f)];
  }
}

function bmp(password: string): Buffer {
  return utf16(`${password}\0`);
}

function latin1(password: string): readonly Uint8Array[] {
  const octets = Buffer.from(password, 'latin1');
  return octets.toString('latin1') === password ? [octets] : [];
}

function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length;
}

function distinct(octets: readonly Buffer[] | readonly Uint8Array[]): readonly Uint8Array[] {
  return [...new Map(octets.map((each) => [Buffer.from(each).toString('hex'), each])).values()];
}
