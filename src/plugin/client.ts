import { nameKey } from '../certificate/name-key.ts';
import type { CertificateTime } from '../certificate/time.ts';
import type { Verdict } from './observation.ts';

/**
 * A configured client identity is seen at the endpoints to which it is shown, each at the place `client/<name>`: its
 * leaf in the role `client`, what is sent behind it as `intermediate`.
 */
const PREFIX = 'client/';

/** Acceptable issuers of one endpoint that are kept. A longer list says nothing about what it does not hold. */
export const MAX_ACCEPTABLE_ISSUERS = 500;

/** The place key of a configured client identity. */
export function clientPlace(name: string): string {
  return `${PREFIX}${name}`;
}

/** The name of the client identity whose place this is; `undefined` for any other place. */
export function clientNameOf(place: string): string | undefined {
  return place.startsWith(PREFIX) ? place.slice(PREFIX.length) : undefined;
}

/** What each configured client identity presents, in the order in which it is sent; by the name of the identity. */
export function presentedBy<Seen extends { readonly place: string; readonly index: number }>(
  sightings: readonly Seen[],
): ReadonlyMap<string, readonly Seen[]> {
  const presented = new Map<string, Seen[]>();
  for (const sighting of sightings) {
    const name = clientNameOf(sighting.place);
    if (name === undefined) continue;
    const members = presented.get(name);
    if (members === undefined) presented.set(name, [sighting]);
    else members.push(sighting);
  }
  for (const members of presented.values()) members.sort((a, b) => a.index - b.index);
  return presented;
}

/** The verdict on a configured client identity, `null` for nobody. */
export function verdictOn(verdicts: readonly Verdict[], name: string | null): Verdict | undefined {
  return verdicts.find((verdict) => verdict.name === name);
}

/**
 * Whether a server says that it accepts what a client presents (RFC 8446 section 4.2.4). `unspecified`: it names no
 * issuers, or so many that not all are known. It is a hint and no verdict.
 */
export type Acceptance = 'named' | 'not-named' | 'unspecified';

/** Compares the names of a client's issuers (of its leaf and of what it sends behind) with those that the server names. */
export function acceptanceOf(issuers: Iterable<string>, acceptable: readonly string[]): Acceptance {
  if (acceptable.length === 0) return 'unspecified';
  const named = new Set(acceptable.map((name) => nameKey(name)));
  for (const issuer of issuers) if (named.has(nameKey(issuer))) return 'named';
  return acceptable.length < MAX_ACCEPTABLE_ISSUERS ? 'not-named' : 'unspecified';
}

/** What tells whether one certificate may be the issuer of another, and when it ends. */
export interface Link {
  readonly id: string;
  /** Names as RFC 4514 text. */
  readonly subject: string;
  readonly issuer: string;
  readonly subjectKeyId?: string;
  readonly authorityKeyId?: string;
  readonly notAfter: CertificateTime;
}

/**
 * Of the authorities that a server trusts, the one that lets a client in for the longest time: one that is above what the
 * client presents, or is itself presented. `undefined` when none is: what is known of the server's trust store is then not
 * what decides.
 */
export function admittingAuthority<Authority extends Link>(
  presented: readonly Link[],
  trusted: readonly Authority[],
): Authority | undefined {
  return trusted
    .filter((authority) => presented.some((link) => link.id === authority.id || mayHaveIssued(authority, link)))
    .toSorted((a, b) => lastInstant(b) - lastInstant(a))[0];
}

function mayHaveIssued(authority: Link, link: Link): boolean {
  if (nameKey(authority.subject) !== nameKey(link.issuer)) return false;
  const { authorityKeyId } = link;
  const { subjectKeyId } = authority;
  return authorityKeyId === undefined || subjectKeyId === undefined || authorityKeyId === subjectKeyId;
}

function lastInstant({ notAfter }: Link): number {
  return notAfter.status === 'known' ? notAfter.at : notAfter.status === 'never' ? Infinity : 0;
}
