import { IssuerCheck, isSelfSigned, issuerCandidates } from './issuer.ts';
import type { Certificate } from './model.ts';

/** What is taken as given when a path is built. */
export interface ChainTrust {
  /** Certificates that a path may end at. They end like any other: an expired anchor ends the path. */
  readonly anchors: readonly Certificate[];
  /** Certificates that were not served but may stand in a path. */
  readonly intermediates?: readonly Certificate[];
}

/** An end and the certificate that sets it. */
export interface ChainLimit {
  /** Milliseconds since the epoch; `null` is never; `UNREADABLE_END` when the date cannot be read. */
  readonly at: number | null;
  /** Fingerprint. */
  readonly by: string;
}

/**
 * When clients of a served chain begin to fail.
 *
 * `leaf` is the end of the first certificate served, `servedMin` the earliest end of everything served. `bestPath` is the
 * best trust path that a client can build from what was served and what it knows: the one whose earliest end is latest,
 * anchor included; absent when there is none. `effective` is `bestPath`, else the earliest end on the path that was
 * served from the leaf on, unrelated certificates left aside.
 */
export interface ChainResult {
  readonly leaf: ChainLimit;
  readonly servedMin: ChainLimit;
  readonly bestPath?: ChainLimit;
  /** Fingerprints on the best path, leaf first, anchor last. */
  readonly bestPathItems?: readonly string[];
  readonly effective: ChainLimit;
  /** The certificate that limits `effective`, where it was not itself served. */
  readonly limitedBy?: Certificate;
}

/** The end of a certificate whose notAfter cannot be read: it counts as already ended. */
export const UNREADABLE_END = 0;

/** Certificates on one path, leaf and anchor included. */
const MAX_DEPTH = 8;
/** Signatures are the expensive part, and a hostile list can ask for very many of them. */
const MAX_SIGNATURE_CHECKS = 64;
/** Partial paths made. */
const MAX_PATHS = 2000;

/**
 * The expiry figures of a served list, leaf first. Paths are built by name and key identifier; an issuer must be a CA
 * that allows the length of the path and whose key verifies the signature. Validity times do not matter to that (the
 * figures are about any moment), nor do name constraints, key usages beyond keyCertSign, and revocation.
 *
 * The work is bounded: paths of at most 8 certificates, 64 signature checks, 2000 partial paths. Beyond that a path may be
 * missed, never invented. Throws `RangeError` when nothing was served.
 */
export function chainFigures(served: readonly Certificate[], trust: ChainTrust): ChainResult {
  const leaf = served[0];
  if (leaf === undefined) throw new RangeError('no certificate was served');
  const check = new IssuerCheck(MAX_SIGNATURE_CHECKS);
  const best = findTrustPath(leaf, served, trust, check);
  const effectivePath = best ?? findServedPath(leaf, served, check);
  const limiting = earliest(effectivePath);
  const effective = limitOf(limiting);
  const wasServed = served.some(({ fingerprint }) => fingerprint === limiting.fingerprint);
  return {
    leaf: limitOf(leaf),
    servedMin: limitOf(earliest(served)),
    ...(best === undefined ? {} : { bestPath: effective, bestPathItems: best.map(({ fingerprint }) => fingerprint) }),
    effective,
    ...(wasServed ? {} : { limitedBy: limiting }),
  };
}

/** When a certificate ends, as a number that can be compared; Infinity is never. */
function endOf(certificate: Certificate): number {
  const { notAfter } = certificate;
  switch (notAfter.status) {
    case 'known':
      return notAfter.at;
    case 'never':
      return Infinity;
    case 'unreadable':
      return UNREADABLE_END;
  }
}

function limitOf(certificate: Certificate): ChainLimit {
  const end = endOf(certificate);
  return { at: end === Infinity ? null : end, by: certificate.fingerprint };
}

/** The one that ends first; of several the one nearest to the leaf. */
function earliest(path: readonly Certificate[]): Certificate {
  let first = path[0] as Certificate;
  for (const certificate of path) if (endOf(certificate) < endOf(first)) first = certificate;
  return first;
}

interface OpenPath {
  readonly path: readonly Certificate[];
  /** The earliest end on it. */
  readonly end: number;
}

/**
 * Looks through the paths from the leaf in the order of their earliest end, latest first. An end can only come nearer as
 * a path grows, so the first that is complete is the best.
 */
function findBest(
  leaf: Certificate,
  extend: (path: readonly Certificate[]) => readonly Certificate[] | 'complete',
): readonly Certificate[] | undefined {
  // The next one to look at is the last.
  const open: OpenPath[] = [{ path: [leaf], end: endOf(leaf) }];
  let left = MAX_PATHS;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const following = extend(next.path);
    if (following === 'complete') return next.path;
    // The most promising first, in case they are too many.
    for (const certificate of following.toSorted((one, other) => compare(endOf(other), endOf(one))).slice(0, left)) {
      left -= 1;
      insert(open, { path: [...next.path, certificate], end: Math.min(next.end, endOf(certificate)) });
    }
  }
  return undefined;
}

/** Puts a path before those that are better: that end later or, ending together, are shorter or were found before. */
function insert(open: OpenPath[], added: OpenPath): void {
  let low = 0;
  let high = open.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const { path, end } = open[middle] as OpenPath;
    if ((compare(end, added.end) || added.path.length - path.length) >= 0) high = middle;
    else low = middle + 1;
  }
  open.splice(low, 0, added);
}

function compare(one: number, other: number): number {
  // Not the difference, which is NaN for two that never end.
  return Number(one > other) - Number(one < other);
}

function findTrustPath(
  leaf: Certificate,
  served: readonly Certificate[],
  trust: ChainTrust,
  check: IssuerCheck,
): readonly Certificate[] | undefined {
  const anchors = new Set(trust.anchors.map(({ fingerprint }) => fingerprint));
  const pools = [trust.anchors, served, trust.intermediates ?? []];
  return findBest(leaf, (path) => {
    const last = path.at(-1) as Certificate;
    const child = path.at(-2);
    // The signature is checked when the turn comes, for most paths never.
    if (child !== undefined && check.relation(child, last) !== 'issued') return [];
    if (anchors.has(last.fingerprint)) return 'complete';
    if (path.length >= MAX_DEPTH) return [];
    return issuerCandidates(last, pools).filter(
      (issuer) => !isOnPath(issuer, path) && mayIssue(issuer, path, anchors.has(issuer.fingerprint)),
    );
  });
}

/** The path among the served ones alone, from the leaf to where no further issuer was served. */
function findServedPath(leaf: Certificate, served: readonly Certificate[], check: IssuerCheck): readonly Certificate[] {
  const path = findBest(leaf, (open) => {
    const last = open.at(-1) as Certificate;
    // A root ends the path, also where a cross-sign of its name and key was served.
    if (open.length >= MAX_DEPTH || isSelfSigned(last)) return 'complete';
    // What cannot be verified still counts, so that a certificate which OpenSSL cannot read is not left out.
    const issuers = issuerCandidates(last, [served]).filter(
      (issuer) => !isOnPath(issuer, open) && check.relation(last, issuer) !== 'not-issued',
    );
    return issuers.length === 0 ? 'complete' : issuers;
  });
  return path ?? [leaf];
}

function isOnPath(certificate: Certificate, path: readonly Certificate[]): boolean {
  return path.some(({ fingerprint }) => fingerprint === certificate.fingerprint);
}

/** Whether a certificate may be the issuer of the last one of a path: RFC 5280 6.1.4 (k) to (n), as OpenSSL reads it. */
function mayIssue(issuer: Certificate, path: readonly Certificate[], isAnchor: boolean): boolean {
  // A root from before version 3 could not say that it is a CA.
  if (!issuer.isCa && !(isAnchor && issuer.version < 3)) return false;
  if (issuer.pathLength === undefined) return true;
  const between = path.slice(1).filter(({ subject, issuer: above }) => subject.text !== above.text);
  return between.length <= issuer.pathLength;
}
