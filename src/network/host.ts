import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';

import { NetworkError } from './network.ts';

/** RFC 1035 section 2.3.4, as text without the trailing dot. */
const MAX_NAME_LENGTH = 253;

/** A DNS label as it is met in practice: RFC 1123 letters, digits and hyphens, and the underscore of service names. */
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

/** Something that a lenient parser (`inet_aton`, the URL standard) would take for a part of an IPv4 address. */
const NUMBER = /^(?:[0-9]+|0x[0-9a-f]*)$/;

/** Host text that is safe to look up: a literal address, or a name in lower-case ASCII. */
export type Host =
  | { readonly kind: 'address'; readonly address: string; readonly family: 4 | 6 }
  /** `absolute`: it was written with a trailing dot, so the search list does not apply. */
  | { readonly kind: 'name'; readonly name: string; readonly absolute: boolean };

/**
 * Reads host text (an IPv6 address without brackets). Internationalised names become their ASCII form.
 *
 * Text such as `0x7f.1`, `2130706433` or `127.1` is refused: lenient parsers turn it into an address, and a check made
 * on the text would have been made on something else. Throws NetworkError `dns`.
 */
export function parseHost(text: string): Host {
  const family = isIP(text);
  if (family === 4 || family === 6) return { kind: 'address', address: text, family };

  const absolute = text.endsWith('.');
  const bare = absolute ? text.slice(0, -1) : text;
  const name = isAscii(bare) ? bare.toLowerCase() : domainToASCII(bare);
  const labels = name.split('.');

  if (NUMBER.test(labels.at(-1) ?? '')) {
    throw new NetworkError(
      'dns',
      `${show(text)} is not a host name, and not an address in the usual form; write an address as 192.0.2.1 or 2001:db8::1`,
    );
  }
  if (name.length > MAX_NAME_LENGTH || !labels.every((label) => LABEL.test(label))) {
    throw new NetworkError('dns', `${show(text)} is not a host name; letters, digits, hyphens and dots are allowed`);
  }
  return { kind: 'name', name, absolute };
}

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) > 0x7f) return false;
  }
  return true;
}

/** Host text that was refused may hold anything: what is not printable ASCII is shown as JSON escapes. */
function show(text: string): string {
  const cut = text.length > 80 ? `${text.slice(0, 80)}…` : text;
  return JSON.stringify(cut).replace(
    /[^\x20-\x7e…]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
