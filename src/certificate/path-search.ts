import { isSelfSigned, issuerCandidates, type IssuerCheck } from './issuer.ts';
import type { Certificate } from './model.ts';
import { issuerBreach, leafBreach, type Breach } from './path-rules.ts';

/** The end of a certificate whose notAfter cannot be read: it counts as already ended. */
export const UNREADABLE_END = 0;

/** Certificates on one path, leaf and anchor included. */
export const MAX_DEPTH = 8;
/** Signatures are the expensive part, and a hostile list can ask for very many of them. */
export const MAX_SIGNATURE_CHECKS = 64;
/** Partial paths made in one search. */
export const MAX_PATHS = 2000;

/** What is taken as given when a path is built. */
export interface ChainTrust {
  /** Certificates that a path may end at. They end like any other: an expired anchor ends the path. */
  readonly anchors: readonly Certificate[];
  /** Certificates that may stand in a path though they were not served, where there is none without them. */
  readonly intermediates?: readonly Certificate[];
  /** Self-signed certificates that somebody holds: no path may end at them, but who has them needs no way around them. */
  readonly roots?: readonly Certificate[];
}

export interface PathFound {
  /** Leaf first. */
  readonly path?: readonly Certificate[];
  /** A cap was met: there may be a path, or a better one. */
  readonly isExhausted: boolean;
}

/** When a certificate ends, as a number that can be compared; Infinity is never. */
export function endOf({ notAfter }: Certificate): number {
  switch (notAfter.status) {
    case 'known':
      return notAfter.at;
    case 'never':
      return Infinity;
    case 'unreadable':
      return UNREADABLE_END;
  }
}

/**
 * The best path from the leaf to an anchor. `rules: 'none'` asks for signatures alone: what such a path breaks is what
 * keeps clients from it. `at` is when it is asked: an authority whose time has not come yet is left aside.
 */
export function findTrustPath(
  leaf: Certificate,
  served: readonly Certificate[],
  trust: ChainTrust,
  check: IssuerCheck,
  { rules, at }: { readonly rules: 'all' | 'none'; readonly at: number | undefined },
): PathFound {
  const anchors = new Set(trust.anchors.map(({ fingerprint }) => fingerprint));
  // A certificate that is trusted itself needs nobody's leave.
  if (rules === 'all' && !anchors.has(leaf.fingerprint) && leafBreach(leaf) !== undefined) {
    return { isExhausted: false };
  }
  const pools = [trust.anchors, served, trust.intermediates ?? []];
  let isTooLong = false;
  const found = findBest(leaf, (path) => {
    const last = path.at(-1) as Certificate;
    const child = path.at(-2);
    // The signature is checked when the turn comes, for most paths never.
    if (child !== undefined && check.relation(child, last) !== 'issued') return [];
    if (anchors.has(last.fingerprint)) return 'complete';
    const issuers = issuerCandidates(last, pools).filter(
      (issuer) =>
        !isOnPath(issuer, path) &&
        (rules === 'none' || issuerBreach(issuer, path, anchors.has(issuer.fingerprint), at) === undefined),
    );
    if (path.length < MAX_DEPTH) return issuers;
    if (issuers.length > 0) isTooLong = true;
    return [];
  });
  return { ...found, isExhausted: found.isExhausted || check.isExhausted || isTooLong };
}

/** The first rule that a path to an anchor breaks, from the leaf on. */
export function breachOf(path: readonly Certificate[], at: number | undefined): Breach | undefined {
  const [leaf] = path;
  let breach = leaf === undefined ? undefined : leafBreach(leaf);
  for (const [index, issuer] of path.entries()) {
    if (index > 0) breach ??= issuerBreach(issuer, path.slice(0, index), index === path.length - 1, at);
  }
  return breach;
}

/**
 * The path among the served ones alone, from the leaf to where no further issuer was served, or to below one of the roots:
 * a cross-sign of a root that somebody holds is not needed by everybody.
 */
export function findServedPath(
  leaf: Certificate,
  served: readonly Certificate[],
  roots: readonly Certificate[],
  check: IssuerCheck,
): readonly Certificate[] {
  const { path } = findBest(leaf, (open) => {
    const last = open.at(-1) as Certificate;
    // A root ends the path, also where a cross-sign of its name and key was served.
    if (open.length >= MAX_DEPTH || isSelfSigned(last)) return 'complete';
    // What cannot be verified still counts, so that a certificate which OpenSSL cannot read is not left out.
    const issuers = issuerCandidates(last, [served, roots]).filter(
      (issuer) => !isOnPath(issuer, open) && check.relation(last, issuer) !== 'not-issued',
    );
    return issuers.length === 0 ? 'complete' : issuers;
  });
  const sent = new Set(served.map(({ fingerprint }) => fingerprint));
  return path?.filter(({ fingerprint }) => sent.has(fingerprint)) ?? [leaf];
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
): PathFound {
  // The next one to look at is the last.
  const open: OpenPath[] = [{ path: [leaf], end: endOf(leaf) }];
  let left = MAX_PATHS;
  let isExhausted = false;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const following = extend(next.path);
    if (following === 'complete') return { path: next.path, isExhausted };
    if (following.length > left) isExhausted = true;
    // The most promising first, in case they are too many.
    for (const certificate of following.toSorted((one, other) => compare(endOf(other), endOf(one))).slice(0, left)) {
      left -= 1;
      insert(open, { path: [...next.path, certificate], end: Math.min(next.end, endOf(certificate)) });
    }
  }
  return { isExhausted };
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

function isOnPath(certificate: Certificate, path: readonly Certificate[]): boolean {
  return path.some(({ fingerprint }) => fingerprint === certificate.fingerprint);
}
