import type { DerReader } from './der.ts';
import type { Problems } from './problems.ts';

/** Tags of the GeneralNames that are text (RFC 5280 4.2.1.6), all IA5String. */
export const EMAIL = 0x81;
export const DNS = 0x82;
export const URI = 0x86;
export const ADDRESS = 0x87;

/** The URI that `reader` is at; `undefined` when the GeneralName is of another kind. */
export function readUri(reader: DerReader): string | undefined {
  return reader.tag === URI ? reader.text('latin1') : undefined;
}

/**
 * The GeneralName that `reader` is at, as text: a DNS name, an address, an e-mail address or a URI. Other kinds
 * (directory names, Windows user names) give `undefined`, and so does an address of a wrong length.
 */
export function readGeneralName(reader: DerReader, problems: Problems): string | undefined {
  switch (reader.tag) {
    case DNS:
    case EMAIL:
    case URI: {
      const text = reader.text('latin1');
      if (/[^\u0021-\u007e]/.test(text)) problems.add('a subject alternative name holds characters that no name has');
      if (text === '') problems.add('a subject alternative name is empty');
      return text;
    }
    case ADDRESS:
      if (reader.length === 4) return [0, 1, 2, 3].map((index) => reader.octet(index)).join('.');
      if (reader.length === 16) return ipv6Text(reader);
      problems.add(`an address among the subject alternative names has ${reader.length} bytes`);
      return undefined;
    default:
      return undefined;
  }
}

/** RFC 5952: lower-case, without leading zeros, the longest run of at least two zero groups as `::`. */
function ipv6Text(reader: DerReader): string {
  const groups = [0, 2, 4, 6, 8, 10, 12, 14].map((index) => reader.octet(index) * 256 + reader.octet(index + 1));
  let bestStart = -1;
  let bestLength = 1;
  let runStart = 0;
  for (let index = 0; index < 8; index++) {
    if (groups[index] !== 0) {
      runStart = index + 1;
    } else if (index + 1 - runStart > bestLength) {
      bestStart = runStart;
      bestLength = index + 1 - runStart;
    }
  }
  const text = groups.map((group) => group.toString(16));
  if (bestStart < 0) return text.join(':');
  return `${text.slice(0, bestStart).join(':')}::${text.slice(bestStart + bestLength).join(':')}`;
}
