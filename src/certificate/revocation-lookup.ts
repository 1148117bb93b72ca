import { DerError, DerReader, Tag } from './der.ts';
import { hasStrangeCritical } from './extensions.ts';
import { readUri } from './general-name.ts';
import type { Certificate, RevocationList } from './model.ts';
import { nameKey } from './name-key.ts';
import { oidTable, lookUpOid } from './oids.ts';
import { instantOf, revocationReason, serialKey } from './revocation.ts';
import { publicKeyOf, readSigned, verifySigned } from './signature.ts';
import { readTime } from './time.ts';

/** What a revocation list says of one certificate. */
export type ListStatement =
  | { readonly status: 'good' }
  | { readonly status: 'revoked'; readonly revokedAt?: number; readonly reason?: string }
  /** The list is not about it, or holds something that is not understood here. */
  | { readonly status: 'unknown'; readonly problem: string };

const ISSUING_POINT = '2.5.29.28';
/**
 * Critical extensions of a list that are understood. Not the delta indicator (2.5.29.27): a delta list says nothing of
 * what did not change.
 */
const UNDERSTOOD = oidTable<true>({ '2.5.29.20': true, '2.5.29.35': true, [ISSUING_POINT]: true });
/** Of an entry: the reason and the date of invalidity. Not the certificate issuer (2.5.29.29), which makes a list indirect. */
const ENTRY_UNDERSTOOD = oidTable<true>({ '2.5.29.21': true, '2.5.29.24': true });
const ENTRY_REASON = oidTable<'reason'>({ '2.5.29.21': 'reason' });
const POINT = oidTable<'point'>({ [ISSUING_POINT]: 'point' });

const MAX_URLS = 64;

/** Which certificates a list is about (RFC 5280 5.2.5); everything of the issuer where it does not say. */
interface Scope {
  readonly urls: readonly string[];
  readonly onlyUsers: boolean;
  readonly onlyAuthorities: boolean;
  readonly onlyAttributes: boolean;
  readonly onlySomeReasons: boolean;
  readonly indirect: boolean;
}

/** A list as read for looking things up. */
interface Parts {
  readonly entries: DerReader | undefined;
  /** Absent when the list is about everything that its issuer has issued. */
  readonly scope: Scope | undefined;
  readonly strange: boolean;
}

/**
 * Whether `issuer` has made the list: its name is the issuer's, the key may sign lists, and has signed this one
 * (RFC 5280 6.3.3 (f), (g)). The reason in words when it has not. Never throws. Takes the time of hashing it.
 */
export function whyNotSignedBy(list: RevocationList, issuer: Certificate): string | undefined {
  if (nameKey(list.issuer.text) !== nameKey(issuer.subject.text)) return 'it is the list of another issuer';
  if (issuer.keyUsage !== undefined && !issuer.keyUsage.includes('cRLSign')) {
    return "the issuer's certificate does not allow it to sign lists";
  }
  try {
    const signed = readSigned(DerReader.over(list.der).expect(Tag.sequence, 'the revocation list').enter(), 'the list');
    switch (verifySigned(signed, publicKeyOf(issuer))) {
      case 'valid':
        return undefined;
      case 'invalid':
        return 'its signature is not that of the issuer';
      case 'unverifiable':
        return 'its signature is of a kind that cannot be verified here';
    }
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    return `its encoding is broken: ${error.message}`;
  }
}

/**
 * What a list says of certificates of its issuer, in their order. All are found in one pass over the entries, so that ten
 * megabytes take milliseconds, whatever the number of certificates. Neither signature nor dates are checked here. Never
 * throws.
 *
 * An indirect or delta list, and one with a critical extension that is not understood, say nothing of anyone. A list for
 * a part of the certificates (by distribution point, RFC 5280 5.2.5) says nothing of those that do not name its URL:
 * otherwise one part could be shown in place of another.
 */
export function lookUpRevocation(list: RevocationList, certificates: readonly Certificate[]): readonly ListStatement[] {
  try {
    const parts = readParts(list.der);
    const general = generalProblem(parts);
    if (general !== undefined) return certificates.map(() => ({ status: 'unknown', problem: general }));
    const found = findEntries(parts.entries, certificates);
    return certificates.map((certificate) => statementOf(parts, certificate, found.get(serialKey(certificate.serial))));
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    return certificates.map(() => ({ status: 'unknown', problem: `the list is broken: ${error.message}` }));
  }
}

function readParts(der: Uint8Array): Parts {
  const outer = DerReader.over(der).expect(Tag.sequence, 'the revocation list').enter();
  const tbs = outer.expect(Tag.sequence, 'the signed part').enter();
  if (tbs.peek() === Tag.integer) tbs.next();
  tbs.expect(Tag.sequence, 'the signature algorithm');
  tbs.expect(Tag.sequence, 'the issuer');
  while (tbs.peek() === Tag.utcTime || tbs.peek() === Tag.generalizedTime) tbs.next();
  let entries: DerReader | undefined;
  if (tbs.peek() === Tag.sequence) {
    tbs.next();
    entries = tbs.enter();
  }
  if (tbs.peek() !== 0xa0) return { entries, scope: undefined, strange: false };
  tbs.next();
  return { entries, scope: readScope(tbs.enter()), strange: hasStrangeCritical(tbs.enter(), UNDERSTOOD) };
}

function readScope(extensions: DerReader): Scope | undefined {
  const value = extensionValue(extensions, POINT);
  if (value === undefined) return undefined;
  const point = value.expect(Tag.sequence, 'the issuing distribution point').enter();
  const scope = {
    urls: [] as readonly string[],
    onlyUsers: false,
    onlyAuthorities: false,
    onlyAttributes: false,
    onlySomeReasons: false,
    indirect: false,
  };
  while (!point.done) {
    switch (point.next()) {
      case 0xa0:
        scope.urls = readUrls(point.enter());
        break;
      case 0x81:
        scope.onlyUsers = point.boolean();
        break;
      case 0x82:
        scope.onlyAuthorities = point.boolean();
        break;
      case 0x83:
        scope.onlySomeReasons = true;
        break;
      case 0x84:
        scope.indirect = point.boolean();
        break;
      case 0x85:
        scope.onlyAttributes = point.boolean();
        break;
      default:
        throw new DerError('the issuing distribution point holds something unknown', point.start);
    }
  }
  return scope;
}

/** The URLs of a DistributionPointName; a name relative to the issuer gives none, and so fits nothing. */
function readUrls(name: DerReader): readonly string[] {
  const urls: string[] = [];
  if (name.peek() !== 0xa0) return ['(a name relative to the issuer)'];
  name.next();
  const names = name.enter();
  while (!names.done && urls.length < MAX_URLS) {
    names.next();
    urls.push(readUri(names) ?? '(a name that is no URL)');
  }
  return urls;
}

function extensionValue(reader: DerReader, table: Parameters<typeof lookUpOid<string>>[0]): DerReader | undefined {
  const list = reader.expect(Tag.sequence, 'the list of extensions').enter();
  while (!list.done) {
    const extension = list.expect(Tag.sequence, 'an extension').enter();
    const known = lookUpOid(table, extension.expect(Tag.oid, 'the id of an extension'));
    if (extension.peek() === Tag.boolean) extension.next();
    if (known !== undefined) return extension.expect(Tag.octetString, 'the value of an extension').enter();
  }
  return undefined;
}

function generalProblem({ scope, strange }: Parts): string | undefined {
  if (scope?.indirect === true) return 'it is an indirect list, of certificates of several issuers';
  if (strange) return 'it has a critical extension that is not known here, as delta lists do';
  if (scope?.onlyAttributes === true) return 'it is for attribute certificates alone';
  return undefined;
}

function statementOf({ scope }: Parts, certificate: Certificate, entry: Uint8Array | undefined): ListStatement {
  if (scope !== undefined) {
    if (scope.onlyUsers && certificate.isCa) return unknown('it is not for certificates of authorities');
    if (scope.onlyAuthorities && !certificate.isCa) return unknown('it is for certificates of authorities alone');
    if (scope.urls.length > 0 && !scope.urls.some((url) => certificate.crlUrls.includes(url))) {
      return unknown(
        'it is for other certificates of the issuer: it names none of the URLs that the certificate names',
      );
    }
  }
  if (entry !== undefined) return readEntry(entry);
  if (scope?.onlySomeReasons === true) return unknown('it is for some reasons of revocation alone');
  return { status: 'good' };
}

function unknown(problem: string): ListStatement {
  return { status: 'unknown', problem };
}

/** Fewer octets of a serial number than this are compared as they are. */
const TAIL = 4;

/** The entries of these certificates, by serial key, in one pass that makes nothing for the entries of others. */
function findEntries(
  entries: DerReader | undefined,
  certificates: readonly Certificate[],
): ReadonlyMap<string, Uint8Array> {
  const found = new Map<string, Uint8Array>();
  if (entries === undefined) return found;
  const wanted = new Set<string>();
  const tails = new Set<number>();
  for (const { serial } of certificates) {
    const octets = Buffer.from(serial, 'hex');
    wanted.add(serialKey(serial));
    tails.add(tailOf(octets.length, (index) => octets[index] ?? 0));
  }
  while (!entries.done) {
    if (entries.next() !== Tag.sequence) throw new DerError('an entry has the wrong type', entries.start);
    const length = entries.octet(1);
    // A serial number whose length has more than one octet is odd enough for the long way.
    if (length < 0x80 && !tails.has(tailOf(length, (index) => entries.octet(2 + index)))) continue;
    const entry = entries.enter().expect(Tag.integer, 'the serial number of an entry');
    const key = serialKey(entry.text('hex'));
    // Of two entries for one certificate the first counts.
    if (wanted.has(key) && !found.has(key)) found.set(key, entries.element());
  }
  return found;
}

/** The last octets as a number; leading zeros make no difference. */
function tailOf(length: number, octet: (index: number) => number): number {
  let tail = 0;
  for (let index = Math.max(0, length - TAIL); index < length; index++) tail = ((tail << 8) | octet(index)) >>> 0;
  return tail;
}

function readEntry(element: Uint8Array): ListStatement {
  const entry = DerReader.over(element).expect(Tag.sequence, 'an entry').enter();
  entry.next();
  if (entry.done) throw new DerError('the date of a revocation is missing', entry.end);
  const revokedAt = instantOf(readTime(entry.next(), entry.content()));
  const when = revokedAt === undefined ? {} : { revokedAt };
  if (entry.done) return { status: 'revoked', ...when };
  const extensions = element.subarray(entry.end);
  if (hasStrangeCritical(DerReader.over(extensions), ENTRY_UNDERSTOOD)) {
    return unknown('its entry has a critical extension that is not known here');
  }
  const value = extensionValue(DerReader.over(extensions), ENTRY_REASON);
  const reason =
    value === undefined
      ? undefined
      : revocationReason(value.expect(Tag.enumerated, 'the reason of a revocation').octet(0));
  return { status: 'revoked', ...when, ...(reason === undefined ? {} : { reason }) };
}
