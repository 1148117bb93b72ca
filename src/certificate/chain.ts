import { IssuerCheck, isSelfSigned, type VerifyIssuer } from './issuer.ts';
import type { Certificate } from './model.ts';
import type { Breach } from './path-rules.ts';
import {
  breachOf,
  type ChainTrust,
  endOf,
  findServedPath,
  findTrustPath,
  MAX_SIGNATURE_CHECKS,
  type PathFound,
} from './path-search.ts';
import { judgeServedList, type ServedList } from './served-list.ts';

/** An end and the certificate that sets it. */
export interface ChainLimit {
  /** Milliseconds since the epoch; `null` is never; `UNREADABLE_END` when the date cannot be read. */
  readonly at: number | null;
  /** Fingerprint. */
  readonly by: string;
}

/** A certificate of the best path that the server did not send. */
export interface Unserved {
  readonly certificate: Certificate;
  /** `anchor`: a trust store has it, so it need not be sent. `elsewhere`: clients that do not happen to have it fail. */
  readonly from: 'anchor' | 'elsewhere';
}

/**
 * Why no trust path was found.
 *
 * `self-signed`: the leaf vouches for itself. `unknown-root`: a root was served that is not trusted. `unknown-issuer`: the
 * served path ends below an issuer that is neither served nor trusted. `incomplete`: likewise, and there must be an
 * intermediate between, because a public CA issued the leaf and nothing else was served. `breach`: there is a path to an
 * anchor, but one that clients must refuse. `exhausted`: the search met a cap, so there may be one.
 */
export interface Distrust {
  readonly why: 'self-signed' | 'unknown-root' | 'unknown-issuer' | 'incomplete' | 'breach' | 'exhausted';
  /** Fingerprint of the last certificate of the served path. */
  readonly top: string;
  /** Whom the last certificate of the served path names as its issuer; RFC 4514, may hold hostile text. */
  readonly issuer: string;
  /** Lower-case hex of the key identifier of that issuer, where it is named. */
  readonly issuerKeyId?: string;
  /** A public CA issued the leaf: it holds timestamps of public logs (RFC 6962). */
  readonly isPublic: boolean;
  readonly breach?: Breach;
}

/**
 * When clients of a served chain begin to fail.
 *
 * `leaf` is the end of the first certificate served, `servedMin` the earliest end of everything served. `bestPath` is the
 * best trust path that a client can build from what was served and the anchors, else with the help of what is known from
 * elsewhere: the one whose earliest end is latest, anchor included; absent when there is none. `effective` is `bestPath`,
 * else the earliest end on the path that was served from the leaf on; unrelated certificates are left aside, and so are
 * cross-signs of a root that is known to exist.
 */
export interface ChainResult {
  readonly leaf: ChainLimit;
  readonly servedMin: ChainLimit;
  readonly bestPath?: ChainLimit;
  /** Fingerprints on the best path, leaf first, anchor last. */
  readonly bestPathItems?: readonly string[];
  /** Where there is no best path: fingerprints on the path that was served, leaf first. */
  readonly servedPathItems?: readonly string[];
  readonly effective: ChainLimit;
  /** The certificate that limits `effective`, where it was not itself served. */
  readonly limitedBy?: Certificate;
  /** What of the best path was not sent, from the leaf on. */
  readonly unserved: readonly Unserved[];
  /** The list as it was sent, beside the best path, else beside the served one. */
  readonly list: ServedList;
  /** Present exactly where there is no best path. */
  readonly distrust?: Distrust;
  /** The search met a cap: a better path may have been missed. */
  readonly isExhausted: boolean;
}

export interface ChainOptions {
  /** When it is asked, milliseconds since the epoch: authorities whose time has not come are left aside. Default: all count. */
  readonly at?: number;
  /** How signatures are checked; by OpenSSL unless told otherwise. */
  readonly verify?: VerifyIssuer;
}

/**
 * The expiry figures of a served list, leaf first. Paths are built by name and key identifier; an issuer must be a CA
 * that allows what stands below it (path length, key usage, extended key usage for servers, names, no critical extension
 * that is unknown) and whose key verifies the signature. The end of a certificate does not rule it out, since the figures
 * are about any moment: a path that has ended has a figure in the past. Revocation is not asked.
 *
 * The work is bounded: paths of at most 8 certificates, 64 signature checks, 2000 partial paths. Beyond that a path may be
 * missed (`isExhausted`), never invented. Throws `RangeError` when nothing was served.
 */
export function chainFigures(
  served: readonly Certificate[],
  trust: ChainTrust,
  { at, verify }: ChainOptions = {},
): ChainResult {
  const leaf = served[0];
  if (leaf === undefined) throw new RangeError('no certificate was served');
  const check = new IssuerCheck(MAX_SIGNATURE_CHECKS, verify);
  const { path: best, isExhausted } = bestPath(leaf, served, trust, check, at);
  const taken = best ?? findServedPath(leaf, served, trust.roots ?? [], check);
  const limiting = earliest(taken);
  const effective = limitOf(limiting);
  const ids = taken.map(({ fingerprint }) => fingerprint);
  const sent = new Set(served.map(({ fingerprint }) => fingerprint));
  return {
    leaf: limitOf(leaf),
    servedMin: limitOf(earliest(served)),
    ...(best === undefined ? { servedPathItems: ids } : { bestPath: effective, bestPathItems: ids }),
    effective,
    ...(sent.has(limiting.fingerprint) ? {} : { limitedBy: limiting }),
    unserved: (best ?? []).flatMap((certificate, index): Unserved[] =>
      sent.has(certificate.fingerprint)
        ? []
        : [{ certificate, from: index === taken.length - 1 ? 'anchor' : 'elsewhere' }],
    ),
    list: judgeServedList(served, taken),
    ...(best === undefined ? { distrust: whyNot(leaf, served, trust, taken, check, isExhausted, at) } : {}),
    isExhausted,
  };
}

/** What was not sent helps only clients that happen to have it: it counts where there is no path without it. */
function bestPath(
  leaf: Certificate,
  served: readonly Certificate[],
  trust: ChainTrust,
  check: IssuerCheck,
  at: number | undefined,
): PathFound {
  const found = findTrustPath(leaf, served, { anchors: trust.anchors }, check, { rules: 'all', at });
  return found.path === undefined && (trust.intermediates?.length ?? 0) > 0
    ? findTrustPath(leaf, served, trust, check, { rules: 'all', at })
    : found;
}

function whyNot(
  leaf: Certificate,
  served: readonly Certificate[],
  trust: ChainTrust,
  path: readonly Certificate[],
  check: IssuerCheck,
  isExhausted: boolean,
  at: number | undefined,
): Distrust {
  const top = path.at(-1) ?? leaf;
  const facts = {
    top: top.fingerprint,
    issuer: top.issuer.text,
    ...(top.authorityKeyId === undefined ? {} : { issuerKeyId: top.authorityKeyId }),
    isPublic: leaf.sctCount > 0,
  };
  if (isExhausted) return { why: 'exhausted', ...facts };
  const { path: lawless } = findTrustPath(leaf, served, trust, check, { rules: 'none', at });
  const breach = lawless === undefined ? undefined : breachOf(lawless, at);
  if (breach !== undefined) return { why: 'breach', ...facts, breach };
  if (isSelfSigned(top)) return { why: top === leaf ? 'self-signed' : 'unknown-root', ...facts };
  return { why: facts.isPublic && top === leaf ? 'incomplete' : 'unknown-issuer', ...facts };
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
