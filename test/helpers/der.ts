/** A DER writer for test fixtures: it writes whatever it is told, also what no one should write. */

/** Universal tags by their number. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  printableString: 0x13,
  t61String: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  universalString: 0x1c,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

/** The definite length octets of `length`, as short as DER wants them. */
export function encodeLength(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return Buffer.from([0x80 | octets.length, ...octets]);
}

/** One element. A string is written as Latin-1. */
export function encode(tag: number, ...contents: readonly (Uint8Array | string)[]): Buffer {
  const body = Buffer.concat(contents.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)));
  return Buffer.concat([Buffer.from([tag]), encodeLength(body.length), body]);
}

export function sequence(...parts: readonly Uint8Array[]): Buffer {
  return encode(TAG.sequence, ...parts);
}

export function set(...parts: readonly Uint8Array[]): Buffer {
  return encode(TAG.set, ...parts);
}

/** An object identifier from its dotted form. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const octets = [first * 40 + second, ...rest].flatMap((arc) => {
    const groups = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) groups.unshift((left % 128) | 0x80);
    return groups;
  });
  return encode(TAG.oid, Buffer.from(octets));
}

/** An INTEGER from its content octets, as they are. */
export function integerOctets(octets: Uint8Array): Buffer {
  return encode(TAG.integer, octets);
}

/** A small non-negative INTEGER. */
export function integer(value: number): Buffer {
  const octets: number[] = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  if (octets.length === 0 || (octets[0] ?? 0) >= 0x80) octets.unshift(0);
  return integerOctets(Buffer.from(octets));
}

export function bitString(contents: Uint8Array, unusedBits = 0): Buffer {
  return encode(TAG.bitString, Buffer.from([unusedBits]), contents);
}

/** `[number]` EXPLICIT around `contents`. */
export function explicit(number: number, ...contents: readonly Uint8Array[]): Buffer {
  return encode(0xa0 | number, ...contents);
}

/** `[number]` IMPLICIT, primitive. */
export function implicit(number: number, contents: Uint8Array | string): Buffer {
  return encode(0x80 | number, contents);
}

/** One attribute of a distinguished name, as an RDN of its own. */
export function rdn(type: string, value: string | Uint8Array, tag: number = TAG.utf8String): Buffer {
  return set(sequence(oid(type), encode(tag, typeof value === 'string' ? Buffer.from(value, 'utf8') : value)));
}

/** A TIME: UTCTime for 1950 to 2049, else GeneralizedTime (RFC 5280 4.1.2.5). Milliseconds are cut. */
export function time(date: Date): Buffer {
  const digits = date
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replace(/[-:T]/g, '');
  const year = date.getUTCFullYear();
  return year >= 1950 && year < 2050 ? encode(TAG.utcTime, digits.slice(2)) : encode(TAG.generalizedTime, digits);
}

/** PEM with lines of 64 characters. */
export function pem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
