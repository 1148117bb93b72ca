import { MAX_NAMES, type Certificate, type KeyUsage, type NameConstraints } from './model.ts';
import { DerError, Tag, type DerReader } from './der.ts';
import { ADDRESS, DNS, readGeneralName, readUri } from './general-name.ts';
import { readNameConstraints } from './name-constraints.ts';
import { EXTENDED_KEY_USAGES, dottedOid, lookUpOid, oidTable, type OidTable } from './oids.ts';
import type { Problems } from './problems.ts';

/** At most this many URLs of one kind are kept. */
const MAX_URLS = 16;
const MAX_USAGES = 64;
/** A key identifier is a hash; one longer than this is cut. */
const MAX_KEY_ID_OCTETS = 64;

const KEY_USAGES: readonly KeyUsage[] = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
];

const OCSP = '1.3.6.1.5.5.7.48.1';
const CA_ISSUERS = '1.3.6.1.5.5.7.48.2';
const ACCESS_METHODS = oidTable<'ocspUrls' | 'issuerUrls'>({ [OCSP]: 'ocspUrls', [CA_ISSUERS]: 'issuerUrls' });

/** TLS extensions (RFC 7633): status_request and status_request_v2. */
const STATUS_REQUEST = 5;
const STATUS_REQUEST_V2 = 17;

/** What the extensions of a certificate tell, and the defaults where one is absent. */
export type Extensions = Pick<
  Certificate,
  | 'names'
  | 'dnsNames'
  | 'addresses'
  | 'nameCount'
  | 'isCa'
  | 'unknownCritical'
  | 'ocspUrls'
  | 'issuerUrls'
  | 'crlUrls'
  | 'sctCount'
  | 'mustStaple'
> & {
  keyUsage?: readonly KeyUsage[];
  extendedKeyUsage?: readonly string[];
  pathLength?: number;
  nameConstraints?: NameConstraints;
  subjectKeyId?: string;
  authorityKeyId?: string;
};

type Draft = { -readonly [Key in keyof Extensions]: Extensions[Key] } & {
  names: string[];
  dnsNames: string[];
  addresses: string[];
  unknownCritical: string[];
  ocspUrls: string[];
  issuerUrls: string[];
  crlUrls: string[];
};

interface Known {
  /** What a person calls the extension. */
  readonly name: string;
  readonly read: (value: DerReader, draft: Draft, problems: Problems) => void;
}

const NAME_CONSTRAINTS = '2.5.29.30';

/**
 * Extensions that may be critical without harm though nothing of them is kept: policies, their limits and mappings, the
 * issuer's other names, Netscape's certificate type and resources of the Internet (RFC 3779). OpenSSL knows the same ones.
 */
const UNDERSTOOD: ReadonlySet<string> = new Set([
  '2.5.29.18',
  '2.5.29.32',
  '2.5.29.33',
  '2.5.29.36',
  '2.5.29.54',
  '1.3.6.1.5.5.7.1.7',
  '1.3.6.1.5.5.7.1.8',
  '2.16.840.1.113730.1.1',
]);
const MAX_UNKNOWN_CRITICAL = 16;

/** By extension id; the reader is over the contents of the extension's OCTET STRING. */
const KNOWN = oidTable<Known>({
  '2.5.29.14': { name: 'subject key identifier', read: readSubjectKeyId },
  '2.5.29.15': { name: 'key usage', read: readKeyUsage },
  '2.5.29.17': { name: 'subject alternative name', read: readNames },
  '2.5.29.19': { name: 'basic constraints', read: readBasicConstraints },
  [NAME_CONSTRAINTS]: { name: 'name constraints', read: readConstraints },
  '2.5.29.31': { name: 'CRL distribution points', read: readDistributionPoints },
  '2.5.29.35': { name: 'authority key identifier', read: readAuthorityKey },
  '2.5.29.37': { name: 'extended key usage', read: readExtendedKeyUsage },
  '1.3.6.1.5.5.7.1.1': { name: 'authority information access', read: readAuthorityInformation },
  '1.3.6.1.5.5.7.1.24': { name: 'TLS feature', read: readTlsFeature },
  '1.3.6.1.4.1.11129.2.4.2': { name: 'signed certificate timestamps', read: readTimestamps },
});

export function noExtensions(): Draft {
  return {
    names: [],
    dnsNames: [],
    addresses: [],
    unknownCritical: [],
    nameCount: 0,
    isCa: false,
    ocspUrls: [],
    issuerUrls: [],
    crlUrls: [],
    sctCount: 0,
    mustStaple: false,
  };
}

/**
 * The Extensions that `reader` is inside of (RFC 5280 4.2). An extension that cannot be read counts as absent and gives a
 * problem; of one that occurs twice the first counts.
 */
export function readExtensions(reader: DerReader, problems: Problems): Extensions {
  const draft = noExtensions();
  const seen: Known[] = [];
  const visit = (known: Known, value: DerReader): void => {
    if (seen.includes(known)) {
      problems.add(`the extension ${known.name} occurs twice`);
      return;
    }
    seen.push(known);
    try {
      known.read(value, draft, problems);
    } catch (error) {
      if (!(error instanceof DerError)) throw error;
      problems.add(`the extension ${known.name} is malformed`);
      if (known.read === readConstraints) draft.unknownCritical.push(NAME_CONSTRAINTS);
    }
  };
  forEachExtension(reader, KNOWN, problems, visit, (id) => {
    if (!UNDERSTOOD.has(id) && draft.unknownCritical.length < MAX_UNKNOWN_CRITICAL) draft.unknownCritical.push(id);
  });
  return draft;
}

/**
 * Calls `visit` for each extension that `table` holds, with what it holds and a reader over the extension's value, and
 * `visitCritical` for each critical one that it does not hold, with its dotted id. A malformed list ends it.
 */
export function forEachExtension<T>(
  reader: DerReader,
  table: OidTable<T>,
  problems: Problems,
  visit: (known: T, value: DerReader) => void,
  visitCritical?: (id: string) => void,
): void {
  try {
    const list = reader.expect(Tag.sequence, 'the list of extensions').enter();
    while (!list.done) {
      const extension = list.expect(Tag.sequence, 'an extension').enter();
      const known = lookUpOid(table, extension.expect(Tag.oid, 'the id of an extension'));
      if (known === undefined) {
        // DER leaves the flag out where it is false.
        if (extension.peek() !== Tag.boolean) continue;
        const id = dottedOid(extension);
        extension.next();
        if (extension.boolean()) visitCritical?.(id);
        continue;
      }
      if (extension.peek() === Tag.boolean) extension.next();
      visit(known, extension.expect(Tag.octetString, 'the value of an extension').enter());
    }
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    problems.add('the list of extensions is malformed');
  }
}

/**
 * Whether a list of extensions holds a critical one that `understood` does not: what it belongs to must then not be relied
 * on (RFC 5280 4.2, 5.2). Throws `DerError` for a malformed list.
 */
export function hasStrangeCritical(reader: DerReader, understood: OidTable<unknown>): boolean {
  const list = reader.expect(Tag.sequence, 'the list of extensions').enter();
  while (!list.done) {
    const extension = list.expect(Tag.sequence, 'an extension').enter();
    const isKnown = lookUpOid(understood, extension.expect(Tag.oid, 'the id of an extension')) !== undefined;
    if (extension.peek() !== Tag.boolean) continue;
    extension.next();
    if (extension.boolean() && !isKnown) return true;
  }
  return false;
}

/** Lower-case hex of the keyIdentifier of an AuthorityKeyIdentifier (RFC 5280 4.2.1.1). */
export function readAuthorityKeyId(value: DerReader): string | undefined {
  const parts = value.expect(Tag.sequence, 'the authority key identifier').enter();
  if (parts.peek() !== 0x80) return undefined;
  parts.next();
  return keyIdOf(parts);
}

function keyIdOf(reader: DerReader): string {
  return reader.text('hex').slice(0, 2 * MAX_KEY_ID_OCTETS);
}

function readAuthorityKey(value: DerReader, draft: Draft): void {
  const id = readAuthorityKeyId(value);
  if (id !== undefined) draft.authorityKeyId = id;
}

function readSubjectKeyId(value: DerReader, draft: Draft): void {
  draft.subjectKeyId = keyIdOf(value.expect(Tag.octetString, 'the subject key identifier'));
}

function readKeyUsage(value: DerReader, draft: Draft): void {
  value.expect(Tag.bitString, 'the key usage');
  const usages: KeyUsage[] = [];
  for (const [bit, usage] of KEY_USAGES.entries()) {
    if ((value.octet(1 + (bit >> 3)) & (0x80 >> (bit & 7))) !== 0) usages.push(usage);
  }
  draft.keyUsage = usages;
}

function readExtendedKeyUsage(value: DerReader, draft: Draft, problems: Problems): void {
  const list = value.expect(Tag.sequence, 'the extended key usage').enter();
  const usages: string[] = [];
  while (!list.done) {
    if (usages.length >= MAX_USAGES) {
      problems.add(`the extended key usage has more than ${MAX_USAGES} entries`);
      break;
    }
    list.expect(Tag.oid, 'an extended key usage');
    usages.push(lookUpOid(EXTENDED_KEY_USAGES, list) ?? dottedOid(list));
  }
  draft.extendedKeyUsage = usages;
}

function readBasicConstraints(value: DerReader, draft: Draft): void {
  const parts = value.expect(Tag.sequence, 'the basic constraints').enter();
  if (parts.peek() === Tag.boolean) {
    parts.next();
    draft.isCa = parts.boolean();
  }
  if (parts.peek() === Tag.integer) {
    parts.next();
    draft.pathLength = parts.smallInteger();
  }
}

function readNames(value: DerReader, draft: Draft, problems: Problems): void {
  const list = value.expect(Tag.sequence, 'the subject alternative name').enter();
  // A hostile certificate has millions; behind the cap they are counted only.
  while (!list.done) {
    list.next();
    draft.nameCount += 1;
    if (draft.names.length >= MAX_NAMES) continue;
    const name = readGeneralName(list, problems);
    if (name === undefined) continue;
    draft.names.push(name);
    if (list.tag === DNS) draft.dnsNames.push(name);
    else if (list.tag === ADDRESS) draft.addresses.push(name);
  }
  if (draft.nameCount === 0) problems.add('the subject alternative name is empty');
}

function readConstraints(value: DerReader, draft: Draft, problems: Problems): void {
  draft.nameConstraints = readNameConstraints(value, problems);
}

function readDistributionPoints(value: DerReader, draft: Draft): void {
  const list = value.expect(Tag.sequence, 'the CRL distribution points').enter();
  while (!list.done) {
    const point = list.expect(Tag.sequence, 'a CRL distribution point').enter();
    if (point.peek() !== 0xa0) continue;
    point.next();
    const name = point.enter();
    // [0] is the full name; [1] is relative to the issuer and rarely seen.
    if (name.peek() !== 0xa0) continue;
    name.next();
    const names = name.enter();
    while (!names.done) {
      names.next();
      addUrl(draft.crlUrls, readUri(names));
    }
  }
}

function readAuthorityInformation(value: DerReader, draft: Draft): void {
  const list = value.expect(Tag.sequence, 'the authority information').enter();
  while (!list.done) {
    const access = list.expect(Tag.sequence, 'an access description').enter();
    const method = lookUpOid(ACCESS_METHODS, access.expect(Tag.oid, 'an access method'));
    access.next();
    if (method !== undefined) addUrl(draft[method], readUri(access));
  }
}

function addUrl(urls: string[], url: string | undefined): void {
  if (url !== undefined && urls.length < MAX_URLS) urls.push(url);
}

function readTlsFeature(value: DerReader, draft: Draft): void {
  const list = value.expect(Tag.sequence, 'the TLS feature').enter();
  while (!list.done) {
    const feature = list.expect(Tag.integer, 'a TLS feature').smallInteger();
    if (feature === STATUS_REQUEST || feature === STATUS_REQUEST_V2) draft.mustStaple = true;
  }
}

/** RFC 6962 3.3: an OCTET STRING with a two-octet length and entries of a two-octet length each. */
function readTimestamps(value: DerReader, draft: Draft): void {
  value.expect(Tag.octetString, 'the list of signed certificate timestamps');
  const end = Math.min(2 + value.octet(0) * 256 + value.octet(1), value.length);
  let count = 0;
  for (let at = 2; at + 2 < end; at += 2 + value.octet(at) * 256 + value.octet(at + 1)) count += 1;
  draft.sctCount = count;
}
