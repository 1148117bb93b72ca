import { chainFigures } from '../certificate/chain.ts';
import type { Certificate } from '../certificate/certificate.ts';
import type { ChainTrust } from '../certificate/path-search.ts';
import { isSelfSigned, rememberIssuers, verifyIssuer } from '../certificate/issuer.ts';
import type { ChainFinder, FoundChain } from '../inventory/chain.ts';
import type { Clock } from '../plugin/context.ts';
import type { TrustOptions } from '../plugin/demands.ts';
import { openCaFiles } from '../tls/ca-files.ts';
import type { Trust } from '../tls/trust.ts';

/** Chains kept at most; a fleet has far fewer distinct ones than endpoints. */
const CACHE_SIZE = 20_000;
/** Authorities that are remembered from what servers sent. */
const MAX_KNOWN = 2_000;
/** Pairs of authorities whose signature is remembered. */
const MAX_PAIRS = 10_000;

/** Finds chains for sources that trust whom they say. */
export interface Chains {
  /**
   * Chain figures with memory: each distinct served list is verified once. Sources that trust the same share it. What a
   * source does not say is as `general` says, else everything is trusted that this machine trusts. Throws an Error that
   * names the CA file that cannot be read.
   */
  finder(own?: TrustOptions, general?: TrustOptions): ChainFinder;
}

/**
 * The trust stores are loaded when the first chain is seen, so that a run without endpoints never pays for it. Given
 * `seen`, it remembers what servers send, to name the intermediate that another one leaves out, and to know of the roots,
 * those of `caFiles` too, that make a cross-sign needless; these are the first. At most 2000 are kept.
 */
export function createChains(
  loadTrust: () => Pick<Trust, 'mozilla' | 'system'>,
  clock: Clock,
  seen?: readonly Certificate[],
): Chains {
  const finders = new Map<string, ChainFinder>();
  const verify = rememberIssuers(verifyIssuer, MAX_PAIRS);
  const known = new Map<string, Certificate>();
  /** The same as lists: other ones when there is more. */
  let elsewhere: Elsewhere = { intermediates: [], roots: [] };

  function create(options: Required<TrustOptions>, hasOwnTrust: boolean): ChainFinder {
    const files = openCaFiles(options.caFiles, clock.now());
    const cache = new Map<string, Cached>();
    let fromFiles = files.read(clock.now());
    let anchors: readonly Certificate[] | undefined;
    learnRoots(fromFiles);
    return (served, at) => {
      if (served.length === 0) return undefined;
      const latest = files.read(at);
      if (anchors === undefined || latest !== fromFiles) {
        fromFiles = latest;
        learnRoots(fromFiles);
        anchors = anchorsOf(options, loadTrust, fromFiles);
        cache.clear();
      }
      const key = served.map((certificate) => certificate.fingerprint).join(' ');
      const last = cache.get(key);
      // What is trusted without help needs none.
      const isCurrent = last !== undefined && (last.found.distrust === undefined || last.with === elsewhere);
      if (isCurrent && at >= last.from && at < last.until) return last.found;
      const figures = chainFigures(served, { anchors, ...elsewhere }, { at, verify });
      const found = hasOwnTrust ? { ...figures, hasOwnTrust } : figures;
      if (cache.size >= CACHE_SIZE) cache.delete(cache.keys().next().value ?? '');
      cache.set(key, { found, from: at, until: nextStart([...served, ...anchors], at), with: elsewhere });
      // Behind the answer: what this server sends is no news about itself. The first may be any printer's own.
      learn(served.slice(1));
      return found;
    };
  }

  function learn(certificates: readonly Certificate[]): void {
    if (seen === undefined) return;
    const before = known.size;
    for (const certificate of certificates) {
      if (known.size >= MAX_KNOWN) break;
      if (certificate.isCa) known.set(certificate.fingerprint, certificate);
    }
    if (known.size === before) return;
    const { intermediates = [], roots = [] } = Object.groupBy(known.values(), (authority) =>
      isSelfSigned(authority) ? 'roots' : 'intermediates',
    );
    elsewhere = { intermediates, roots };
  }

  function learnRoots(certificates: readonly Certificate[]): void {
    learn(certificates.filter((certificate) => isSelfSigned(certificate)));
  }

  learn(seen ?? []);

  return {
    finder(own = {}, general = {}) {
      const { system = true, mozilla = true, caFiles = [] } = { ...general, ...own };
      const hasOwnTrust = Object.keys({ ...general, ...own }).length > 0;
      const key = JSON.stringify([system, mozilla, caFiles, hasOwnTrust]);
      const finder = finders.get(key) ?? create({ system, mozilla, caFiles }, hasOwnTrust);
      finders.set(key, finder);
      return finder;
    },
  };
}

/** Authorities that this server did not send, but somebody has. */
type Elsewhere = Required<Pick<ChainTrust, 'intermediates' | 'roots'>>;

interface Cached {
  readonly found: FoundChain;
  /** It is right from here… */
  readonly from: number;
  /** … to before here. */
  readonly until: number;
  /** What was known from elsewhere. */
  readonly with: Elsewhere;
}

function anchorsOf(
  { system, mozilla }: TrustOptions,
  loadTrust: () => Pick<Trust, 'mozilla' | 'system'>,
  fromFiles: readonly Certificate[],
): readonly Certificate[] {
  const stores = system === true || mozilla === true ? loadTrust() : undefined;
  const all = [
    ...(mozilla === true ? (stores?.mozilla ?? []) : []),
    ...(system === true ? (stores?.system ?? []) : []),
    ...fromFiles,
  ];
  return [...new Map(all.map((certificate) => [certificate.fingerprint, certificate])).values()];
}

/** The next instant at which one of them becomes valid: until then the same answer is right. */
function nextStart(certificates: readonly Certificate[], at: number): number {
  let next = Infinity;
  for (const { notBefore } of certificates) {
    if (notBefore.status === 'known' && notBefore.at > at) next = Math.min(next, notBefore.at);
  }
  return next;
}
