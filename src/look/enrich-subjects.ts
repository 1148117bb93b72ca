import { certificateIn, type Certificate } from '../certificate/certificate.ts';
import { findIssuer } from '../certificate/issuer.ts';
import type { CertificateEnricher, WantedCertificate, WantedName } from '../enrich/enricher.ts';
import { isNameToAsk } from '../enrich/names.ts';
import type { EnricherName, Inquiry } from '../inventory/fact.ts';
import { nameSubject } from '../plugin/fact-subject.ts';
import type { FactIndex } from '../inventory/fact-index.ts';
import type { KnownCertificate } from '../inventory/model.ts';
import type { FactReader } from '../inventory/port.ts';

/** Certificates that enrichers look after, names, and authorities that are kept to find issuers. */
const MAX_CERTIFICATES = 100_000;
const MAX_NAMES = 100_000;
const MAX_AUTHORITIES = 10_000;
const PAGE = 500;
/** Issuers of one certificate whose signature is checked. */
const MAX_CHECKS = 8;

export interface SubjectsParts {
  readonly facts: FactReader;
  der(fingerprint: string): Promise<Uint8Array | undefined>;
  /** Certificates that this machine trusts: issuers that the inventory need not hold. */
  readonly anchors: readonly Certificate[];
  readonly index: FactIndex;
}

/** What there is to ask about. */
export interface Subjects {
  /** Takes everything in that is in the inventory now; `anew` forgets what was known, else only what is new is read. */
  walk(anew: boolean, signal: AbortSignal): Promise<void>;
  /** Whether the enricher has a reason to know of the subject. */
  isWanted(enricher: EnricherName, subject: string): boolean;
  dueCertificates(enricher: CertificateEnricher, now: number, limit: number): Promise<readonly WantedCertificate[]>;
  dueNames(now: number, limit: number): readonly WantedName[];
  /** The certificates that a subject is about. */
  fingerprints(subject: string): readonly string[];
  /** Certificates and names that were left out because there are too many. */
  readonly leftOut: number;
}

interface Entry {
  readonly applicable: readonly EnricherName[];
  readonly endAt: number;
}

/** Keeps track of the subjects for these enrichers. */
export function createSubjects(
  parts: SubjectsParts,
  enrichers: readonly CertificateEnricher[],
  withNames: boolean,
  now: () => number,
): Subjects {
  let entries = new Map<string, Entry>();
  let names = new Map<string, { readonly name: string; readonly holders: string[] }>();
  let authorities: Certificate[] = [];
  let cursor = 0;
  let leftOut = 0;

  async function load(fingerprint: string): Promise<Certificate | undefined> {
    const der = await parts.der(fingerprint);
    return der === undefined ? undefined : certificateIn(der);
  }

  const issuerOf = (certificate: Certificate): Certificate | undefined =>
    findIssuer(certificate, [authorities, parts.anchors], MAX_CHECKS);

  /** Certificates behind the cursor, which moves with them. */
  async function* pages(signal: AbortSignal): AsyncIterable<readonly KnownCertificate[]> {
    for (let more = true; more;) {
      signal.throwIfAborted();
      const page = await parts.facts.currentCertificates(cursor, PAGE);
      ({ cursor, more } = page);
      yield page.certificates;
    }
  }

  return {
    async walk(anew, signal) {
      if (anew) {
        entries = new Map();
        names = new Map();
        authorities = [];
        cursor = 0;
        leftOut = 0;
      }
      const found: KnownCertificate[] = [];
      const added: Certificate[] = [];
      for await (const page of pages(signal)) {
        for (const known of page) {
          if (entries.has(known.id)) continue;
          if (found.length + entries.size >= MAX_CERTIFICATES) {
            leftOut += 1;
            continue;
          }
          found.push(known);
          if (!known.isCa || authorities.length + added.length >= MAX_AUTHORITIES) continue;
          const authority = await load(known.id);
          if (authority !== undefined) added.push(authority);
        }
      }
      // A new array, because the index over an array is kept as long as the array is.
      if (added.length > 0) authorities = [...authorities, ...added];
      for (const known of found) {
        signal.throwIfAborted();
        entries.set(known.id, await entryOf(known));
      }
    },

    isWanted: (enricher, subject) =>
      enricher === 'names' ? names.has(subject) : (entries.get(subject)?.applicable.includes(enricher) ?? false),

    async dueCertificates(enricher, at, limit) {
      const due: WantedCertificate[] = [];
      for (const [subject, entry] of entries) {
        if (due.length >= limit) break;
        if (!entry.applicable.includes(enricher.name) || entry.endAt <= at) continue;
        const previous = parts.index.get(enricher.name, subject);
        if (isAnsweredFor(previous, at)) continue;
        const certificate = await load(subject);
        if (certificate === undefined) continue;
        const issuer = issuerOf(certificate);
        due.push({
          subject,
          certificate,
          ...(issuer === undefined ? {} : { issuer }),
          ...(previous === undefined ? {} : { previous }),
        });
      }
      return due;
    },

    dueNames(at, limit) {
      const due: WantedName[] = [];
      for (const [subject, { name }] of names) {
        if (due.length >= limit) break;
        const previous = parts.index.get('names', subject);
        if (isAnsweredFor(previous, at)) continue;
        due.push({ subject, name, ...(previous === undefined ? {} : { previous }) });
      }
      return due;
    },

    fingerprints: (subject) => names.get(subject)?.holders ?? [subject],

    get leftOut() {
      return leftOut;
    },
  };

  async function entryOf(known: KnownCertificate): Promise<Entry> {
    const endAt = endOf(known);
    if (endAt <= now()) return { applicable: [], endAt };
    if (withNames && isForServers(known)) noteNames(known);
    if (enrichers.length === 0) return { applicable: [], endAt };
    const certificate = await load(known.id);
    if (certificate === undefined) return { applicable: [], endAt };
    const issuer = issuerOf(certificate);
    return {
      applicable: enrichers.filter((enricher) => enricher.applies(certificate, issuer)).map(({ name }) => name),
      endAt,
    };
  }

  function noteNames(known: KnownCertificate): void {
    for (const name of known.names.filter(isNameToAsk)) {
      const subject = nameSubject(name);
      const held = names.get(subject);
      if (held !== undefined) held.holders.push(known.id);
      else if (names.size < MAX_NAMES) names.set(subject, { name, holders: [known.id] });
      else leftOut += 1;
    }
  }
}

/** Whether it was asked, and need not be yet. What was asked in a time that is still to come (the clock was set back) is not heeded. */
export function isAnsweredFor(previous: Inquiry | undefined, at: number): boolean {
  return previous !== undefined && previous.askedAt <= at && previous.askAgainAt > at;
}

/** The names of clients are names of people and programs. */
function isForServers({ isCa, extendedKeyUsage }: KnownCertificate): boolean {
  return !isCa && (extendedKeyUsage === undefined || extendedKeyUsage.includes('serverAuth'));
}

function endOf({ notAfter }: KnownCertificate): number {
  switch (notAfter.status) {
    case 'known':
      return notAfter.at;
    case 'never':
    case 'unreadable':
      return Infinity;
  }
}
