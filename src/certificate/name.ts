import { isUtf8 } from 'node:buffer';
import type { DistinguishedName } from './model.ts';
import { DerError, Tag, type DerReader } from './der.ts';
import { ATTRIBUTES, dottedOid, lookUpOid } from './oids.ts';
import type { Problems } from './problems.ts';

/** More attributes of one name than this are not written out. */
const MAX_ATTRIBUTES = 64;
/** Octets of a value that has no text, which are written out in hex. */
const MAX_HEX_OCTETS = 256;

/**
 * The Name that `reader` is at. A name that breaks the rules is read as far as it goes, and `problems` says what is wrong.
 *
 * The text is that of `openssl x509 -nameopt RFC2253,utf8,-esc_msb`: RFC 4514 with OpenSSL's short names, most specific
 * first, unknown types dotted with the value in hex; control characters as `\0A`.
 */
export function readName(reader: DerReader, what: string, problems: Problems): DistinguishedName {
  const der = reader.element();
  const rdns: string[] = [];
  let commonName: string | undefined;
  let count = 0;
  try {
    const names = reader.enter();
    while (!names.done) {
      if (++count > MAX_ATTRIBUTES) {
        problems.add(`the ${what} has more than ${MAX_ATTRIBUTES} attributes`);
        break;
      }
      const set = names.expect(Tag.set, `an attribute of the ${what}`).enter();
      let rdn = '';
      while (!set.done) {
        const attribute = set.expect(Tag.sequence, `an attribute of the ${what}`).enter();
        const type = attribute.expect(Tag.oid, `an attribute type of the ${what}`);
        const shortName = lookUpOid(ATTRIBUTES, type);
        const label = shortName ?? dottedOid(type);
        attribute.next();
        const value = readText(attribute, what, problems);
        if (value !== undefined && shortName === 'CN') commonName = value;
        const text = value === undefined || shortName === undefined ? hexOf(attribute) : escapeValue(value);
        rdn += rdn === '' ? `${label}=${text}` : `+${label}=${text}`;
      }
      rdns.push(rdn);
    }
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    problems.add(`the ${what} is malformed`);
  }
  const text = rdns.toReversed().join(',');
  return commonName === undefined ? { der, text } : { der, text, commonName };
}

/**
 * Moves `reader` to the Name that comes next. OpenSSL takes one whose tag lacks the bit for "constructed", so we do.
 */
export function expectName(reader: DerReader, what: string, problems: Problems): DerReader {
  if (reader.peek() !== (Tag.sequence & ~0x20)) return reader.expect(Tag.sequence, `the ${what}`);
  problems.add(`the ${what} is not marked as constructed`);
  reader.next();
  return reader;
}

/** The value of a string type; `undefined` where the type is no string. */
function readText(reader: DerReader, what: string, problems: Problems): string | undefined {
  switch (reader.tag) {
    case Tag.utf8String:
      if (isUtf8(reader.content())) return reader.text('utf8');
      problems.add(`the ${what} holds a UTF8String that is not UTF-8`);
      return reader.text('latin1');
    case Tag.printableString: {
      const text = reader.text('latin1');
      if (!/^[A-Za-z0-9 '()+,./:=?-]*$/.test(text)) {
        problems.add(`the ${what} holds characters that a PrintableString cannot have`);
      }
      return text;
    }
    case Tag.ia5String:
    case Tag.visibleString: {
      const text = reader.text('latin1');
      if (/[\u0080-\u00ff]/.test(text)) problems.add(`the ${what} holds an IA5String that is not ASCII`);
      return text;
    }
    // T.61 itself is dead; everyone writes Latin-1 into it.
    case Tag.t61String:
    case 0x12: // NumericString
      return reader.text('latin1');
    case Tag.bmpString:
      return readUtf16(reader, what, problems);
    case Tag.universalString:
      return readUtf32(reader, what, problems);
    default:
      return undefined;
  }
}

function readUtf16(reader: DerReader, what: string, problems: Problems): string {
  const whole = reader.length - (reader.length % 2);
  const text = Buffer.from(reader.content().subarray(0, whole)).swap16().toString('utf16le');
  if (whole === reader.length && text.isWellFormed()) return text;
  problems.add(`the ${what} holds a malformed BMPString`);
  return text.toWellFormed();
}

function readUtf32(reader: DerReader, what: string, problems: Problems): string {
  let text = '';
  let wellFormed = reader.length % 4 === 0;
  for (let index = 0; index + 4 <= reader.length; index += 4) {
    const high = reader.octet(index) * 256 + reader.octet(index + 1);
    const codePoint = high * 65_536 + reader.octet(index + 2) * 256 + reader.octet(index + 3);
    const valid = codePoint <= 0x10ffff && (codePoint < 0xd800 || codePoint > 0xdfff);
    wellFormed &&= valid;
    text += valid ? String.fromCodePoint(codePoint) : '\ufffd';
  }
  if (!wellFormed) problems.add(`the ${what} holds a malformed UniversalString`);
  return text;
}

/** RFC 4514 2.4: `#` and the hex digits of the whole value. */
function hexOf(reader: DerReader): string {
  const element = reader.element();
  const hex = Buffer.from(element.subarray(0, MAX_HEX_OCTETS)).toString('hex').toUpperCase();
  return element.length > MAX_HEX_OCTETS ? `#${hex}…` : `#${hex}`;
}

/** RFC 4514 2.4: escapes a value, control characters in hex. */
function escapeValue(value: string): string {
  // Nearly every value needs nothing.
  if (!/["+,;<>\\\p{Cc}]|^[ #]| $/u.test(value)) return value;
  return value
    .replace(/["+,;<>\\]/g, '\\$&')
    .replace(/\p{Cc}/gu, escapeControl)
    .replace(/(?!^) $/, '\\ ')
    .replace(/^[ #]/, '\\$&');
}

/** RFC 4514 2.4: a backslash and two hex digits for each octet of the UTF-8 form. */
function escapeControl(character: string): string {
  return Buffer.from(character, 'utf8').toString('hex').toUpperCase().replace(/../g, '\\$&');
}
