import { CertificateError, type Certificate, type RevocationList } from '../certificate/certificate.ts';
import { readPem } from '../certificate/pem.ts';
import { parseRevocationList } from '../certificate/revocation-list.ts';
import { lookUpRevocation, whyNotSignedBy, type ListStatement } from '../certificate/revocation-lookup.ts';
import { instantOf } from '../certificate/revocation.ts';
import type { RevocationFact } from '../inventory/fact.ts';
import type { Answer, CertificateEnricher, EnrichContext, WantedCertificate } from './enricher.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, clamp, httpUrls, problemOf, vain } from './retry.ts';

/** Distribution points of one certificate that are tried, in the order in which it names them. */
const MAX_URLS = 3;
/** The largest lists of the public web have some ten megabytes. */
const MAX_LIST_BYTES = 64 * 1024 * 1024;
const DEADLINE_MS = 60_000;
/** Lists kept so that a certificate which comes later needs no second download. */
const MAX_KEPT_BYTES = 32 * 1024 * 1024;
/** Clocks differ; a list from further ahead than this is not yet to be relied on. */
const SKEW_MS = 5 * MINUTE_MS;

/** A list as downloaded, and for whom its signature was checked. */
interface Download {
  readonly list: RevocationList;
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
  freshUntil: number;
  /** By the fingerprint of an issuer: why the list is not its, or undefined when it is. */
  readonly problems: Map<string, string | undefined>;
}

/** A certificate for which no list has said anything definite yet, and what was said last. */
interface Open {
  readonly one: WantedCertificate;
  readonly last: Answer | undefined;
}

/**
 * Looks certificates up in the revocation lists of their issuers (RFC 5280 6.3.3), verified against the issuer's key. A
 * list is downloaded once for all the certificates that name it, and again a quarter of its period later (an hour at the
 * least, a day at the most), only if it has changed.
 */
export function createCrl(): CertificateEnricher {
  /** The one used longest ago is the first. */
  const kept = new Map<string, Download>();

  function keep(url: string, fresh: Download): void {
    kept.delete(url);
    kept.set(url, fresh);
    let bytes = 0;
    for (const { list } of kept.values()) bytes += list.der.length;
    for (const [oldest, { list }] of kept) {
      if (bytes <= MAX_KEPT_BYTES) return;
      kept.delete(oldest);
      bytes -= list.der.length;
    }
  }

  /** Throws NetworkError and ListFault. */
  async function download(url: string, context: EnrichContext, signal: AbortSignal): Promise<Download> {
    const known = kept.get(url);
    if (known !== undefined && context.clock.now() < known.freshUntil) return known;
    const headers = {
      ...(known?.etag === undefined ? {} : { 'if-none-match': known.etag }),
      ...(known?.lastModified === undefined ? {} : { 'if-modified-since': known.lastModified }),
    };
    const response = await context.fetch(url, { headers, maxBytes: MAX_LIST_BYTES, deadlineMs: DEADLINE_MS }, signal);
    const now = context.clock.now();
    if (response.status === 304 && known !== undefined) {
      known.freshUntil = now + pauseOf(known.list, now);
      keep(url, known);
      return known;
    }
    if (response.status !== 200) throw new ListFault(`the URL of the list answers HTTP ${response.status}`);
    const list = readList(response.body);
    const fresh: Download = {
      list,
      etag: response.headers.get('etag'),
      lastModified: response.headers.get('last-modified'),
      freshUntil: now + pauseOf(list, now),
      problems: new Map(),
    };
    keep(url, fresh);
    return fresh;
  }

  /** The answers of one list for those that name its URL, in their order. */
  async function consult(
    url: string,
    wanted: readonly WantedCertificate[],
    context: EnrichContext,
    signal: AbortSignal,
  ): Promise<readonly Answer[]> {
    let found: Download;
    try {
      found = await download(url, context, signal);
    } catch (error) {
      const problem = error instanceof ListFault ? error.message : problemOf(error);
      return wanted.map((one) => vain(one, context.clock.now(), problem));
    }
    const at = context.clock.now();
    const statements = lookUpRevocation(
      found.list,
      wanted.map(({ certificate }) => certificate),
    );
    return wanted.map(({ subject, issuer }, index) => {
      const statement = statements[index] ?? { status: 'unknown', problem: 'the list says nothing of it' };
      const learned = { ...factOf(found, statement, issuer, url, at), at };
      return { subject, learned, askAgainAt: found.freshUntil };
    });
  }

  async function* enrich(
    wanted: readonly WantedCertificate[],
    context: EnrichContext,
    signal: AbortSignal,
  ): AsyncIterable<Answer> {
    let open: readonly Open[] = wanted.map((one) => ({ one, last: undefined }));
    for (let turn = 0; open.length > 0; turn++) {
      const next: Open[] = [];
      for (const [url, group] of Map.groupBy(open, ({ one }) => urlsOf(one)[turn])) {
        const asked = group.map(({ one }) => one);
        const answers = url === undefined ? [] : await consult(url, asked, context, signal);
        for (const [index, { one, last }] of group.entries()) {
          const answer = answers[index];
          if (answer === undefined) yield last ?? vain(one, context.clock.now(), 'it names no URL that can be fetched');
          else if (isDefinite(answer)) yield answer;
          // A further distribution point may know what this one does not.
          else next.push({ one, last: last?.learned === undefined ? answer : last });
        }
      }
      open = next;
    }
  }

  return {
    name: 'crl',
    applies: (certificate, issuer) => issuer !== undefined && httpUrls(certificate.crlUrls, 1).length > 0,
    enrich,
  };
}

function urlsOf({ certificate }: WantedCertificate): readonly string[] {
  return httpUrls(certificate.crlUrls, MAX_URLS);
}

function isDefinite({ learned }: Answer): boolean {
  return learned?.kind === 'revocation' && learned.status !== 'unknown';
}

/** What was downloaded is no list, or nothing was. */
class ListFault extends Error {}

/** DER, as it should be, or the PEM that some serve. */
function readList(body: Uint8Array): RevocationList {
  try {
    const block = isPem(body) ? readPem(body).find(({ label }) => label === 'X509 CRL') : undefined;
    return parseRevocationList(block?.der ?? body);
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    throw new ListFault(`what lies at the URL of the list cannot be read: ${error.message}`);
  }
}

function isPem(body: Uint8Array): boolean {
  return Buffer.from(body.subarray(0, 10)).toString('latin1') === '-----BEGIN';
}

function pauseOf(list: RevocationList, now: number): number {
  const from = instantOf(list.thisUpdate);
  const until = instantOf(list.nextUpdate);
  if (from === undefined || until === undefined) return DAY_MS;
  const quarter = clamp((until - from) / 4, HOUR_MS, DAY_MS);
  // A little after the next one is due; when it is late, every hour.
  return until > now ? Math.min(quarter, until - now + 5 * MINUTE_MS) : HOUR_MS;
}

function factOf(
  { list, problems }: Download,
  statement: ListStatement,
  issuer: Certificate | undefined,
  url: string,
  now: number,
): RevocationFact {
  const thisUpdateAt = instantOf(list.thisUpdate);
  const nextUpdateAt = instantOf(list.nextUpdate);
  const base = {
    kind: 'revocation',
    by: 'crl',
    url,
    ...(thisUpdateAt === undefined ? {} : { thisUpdateAt }),
    ...(nextUpdateAt === undefined ? {} : { nextUpdateAt }),
  } as const;
  const problem = whyUseless(list, problems, issuer, now);
  if (problem !== undefined) return { ...base, status: 'unknown', problem };
  if (statement.status === 'good' && nextUpdateAt !== undefined && nextUpdateAt <= now) {
    return { ...base, status: 'unknown', problem: 'the list is out of date' };
  }
  return { ...base, ...statement };
}

function whyUseless(
  list: RevocationList,
  problems: Map<string, string | undefined>,
  issuer: Certificate | undefined,
  now: number,
): string | undefined {
  if (issuer === undefined) return 'the issuer is not known';
  if (!problems.has(issuer.fingerprint)) problems.set(issuer.fingerprint, whyNotSignedBy(list, issuer));
  const unsigned = problems.get(issuer.fingerprint);
  if (unsigned !== undefined) return `the list cannot be relied on: ${unsigned}`;
  const from = instantOf(list.thisUpdate);
  if (from === undefined || from > now + SKEW_MS) return 'the list is from the future, or its date cannot be read';
  return undefined;
}
