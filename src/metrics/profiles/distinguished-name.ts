/** One attribute of a distinguished name: its type as OpenSSL calls it, or dotted, and its value as text. */
export interface Attribute {
  readonly type: string;
  readonly value: string;
}

/** Attributes that Go's crypto/x509/pkix knows by name, in the order in which it writes them. */
const GO_ORDER = [
  ['serialNumber', 'SERIALNUMBER'],
  ['CN', 'CN'],
  ['OU', 'OU'],
  ['O', 'O'],
  ['postalCode', 'POSTALCODE'],
  ['street', 'STREET'],
  ['L', 'L'],
  ['ST', 'ST'],
  ['C', 'C'],
] as const;
const GO_NAMED: ReadonlySet<string> = new Set(GO_ORDER.map(([type]) => type));

/** The types for which Go has no name, by the name that OpenSSL has for them. */
const DOTTED: Readonly<Record<string, string>> = {
  SN: '2.5.4.4',
  title: '2.5.4.12',
  description: '2.5.4.13',
  businessCategory: '2.5.4.15',
  telephoneNumber: '2.5.4.20',
  name: '2.5.4.41',
  GN: '2.5.4.42',
  initials: '2.5.4.43',
  generationQualifier: '2.5.4.44',
  dnQualifier: '2.5.4.46',
  pseudonym: '2.5.4.65',
  organizationIdentifier: '2.5.4.97',
  UID: '0.9.2342.19200300.100.1.1',
  DC: '0.9.2342.19200300.100.1.25',
  emailAddress: '1.2.840.113549.1.9.1',
  unstructuredName: '1.2.840.113549.1.9.2',
  unstructuredAddress: '1.2.840.113549.1.9.8',
  jurisdictionL: '1.3.6.1.4.1.311.60.2.1.1',
  jurisdictionST: '1.3.6.1.4.1.311.60.2.1.2',
  jurisdictionC: '1.3.6.1.4.1.311.60.2.1.3',
};

/** The attributes of a name in the text form of RFC 4514, in the order of the certificate, which is the reverse of the text's. */
export function attributesIn(name: string): readonly Attribute[] {
  const rdns: Attribute[][] = [];
  let rdn: Attribute[] = [];
  // A type, "=", and a value up to the next comma or plus that is not escaped.
  for (const [, type = '', value = '', end = ''] of name.matchAll(/([^=,+]+)=((?:[^\\,+]|\\.)*)([,+]|$)/gsu)) {
    rdn.push({ type, value: unescaped(value) });
    if (end === '+') continue;
    rdns.push(rdn);
    rdn = [];
  }
  return rdns.toReversed().flat();
}

/** The first value of an attribute; empty where there is none. */
export function firstValue(attributes: readonly Attribute[], type: string): string {
  return attributes.find((attribute) => attribute.type === type)?.value ?? '';
}

/** The common name of a name, by its text: the last one, which is what everyone takes. */
export function commonNameOf(name: string): string {
  return attributesIn(name).findLast(({ type }) => type === 'CN')?.value ?? '';
}

/**
 * A name as Go's `pkix.Name.String()` writes it: what it knows in an order of its own, values of one type joined by a plus,
 * and everything else behind it as the hex of its DER (https://go.dev/src/crypto/x509/pkix/pkix.go).
 */
export function goName(name: string): string {
  const attributes = attributesIn(name);
  const known = GO_ORDER.flatMap(([type, label]) => {
    const values = attributes.filter((attribute) => attribute.type === type).map(({ value }) => value);
    // Of these Go keeps the last.
    const kept = type === 'CN' || type === 'serialNumber' ? values.slice(-1) : values;
    return kept.length === 0 ? [] : [kept.map((value) => `${label}=${goValue(value)}`).join('+')];
  });
  const others = attributes
    .filter(({ type }) => !GO_NAMED.has(type))
    .toReversed()
    .map(({ type, value }) => `${DOTTED[type] ?? type}=#${derOf(value)}`);
  return [...known, ...others].join(',');
}

function goValue(value: string): string {
  return value
    .replace(/[,+"\\<>;]/g, '\\$&')
    .replace(/(?!^) $/, '\\ ')
    .replace(/^[ #]/, '\\$&');
}

const UTF8_STRING = 0x0c;
const PRINTABLE_STRING = 0x13;

/** Hex of a value: text as Go would write it anew, and what is no text as it is. */
function derOf(value: string): string {
  if (/^#(?:[0-9A-F]{2})+$/.test(value)) return textWithin(value.slice(1)) ?? value.slice(1).toLowerCase();
  const bytes = Buffer.from(value, 'utf8');
  const tag = /^[A-Za-z0-9 '()+,./:=?-]*$/.test(value) ? PRINTABLE_STRING : UTF8_STRING;
  return Buffer.concat([Buffer.of(tag), lengthOf(bytes.length), bytes]).toString('hex');
}

/** A string within the hex of a DER value, written anew; `undefined` where it is no short string. */
function textWithin(hex: string): string | undefined {
  const der = Buffer.from(hex, 'hex');
  const isString = der[0] === UTF8_STRING || der[0] === PRINTABLE_STRING || der[0] === 0x16;
  if (!isString || der[1] !== der.length - 2) return undefined;
  return derOf(der.subarray(2).toString('utf8'));
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length);
  return length < 0x100 ? Buffer.of(0x81, length) : Buffer.of(0x82, length >> 8, length & 0xff);
}

function unescaped(value: string): string {
  if (!value.includes('\\')) return value;
  const bytes: Buffer[] = [];
  for (const [part] of value.matchAll(/\\[0-9A-Fa-f]{2}|\\.|[^\\]+/gsu)) {
    const isOctet = /^\\[0-9A-Fa-f]{2}$/.test(part);
    bytes.push(isOctet ? Buffer.from(part.slice(1), 'hex') : Buffer.from(part.replace(/^\\/, '')));
  }
  return Buffer.concat(bytes).toString('utf8');
}
