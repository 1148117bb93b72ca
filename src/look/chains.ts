import { chainFigures } from '../certificate/chain.ts';
import type { Certificate } from '../certificate/certificate.ts';
import { rememberIssuers, verifyIssuer } from '../certificate/issuer.ts';
import type { ChainTrust } from '../certificate/path-search.ts';
import type { ChainFinder, FoundChain } from '../inventory/chain.ts';
import type { Clock } from '../plugin/context.ts';
import type { TrustOptions } from '../plugin/demands.ts';
import { openCaFiles } from '../tls/ca-files.ts';
import type { Trust } from '../tls/trust.ts';

/** Chains kept at most; a fleet has far fewer distinct ones than endpoints. */
const CACHE_SIZE = 20_000;
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

/** The trust stores are loaded when the first chain is seen, so that a run without endpoints never pays for it. */
export function createChains(loadTrust: () => Pick<Trust, 'mozilla' | 'system'>, clock: Clock): Chains {
  const finders = new Map<string, ChainFinder>();
  const verify = rememberIssuers(verifyIssuer, MAX_PAIRS);

  function create(options: Required<TrustOptions>, hasOwnTrust: boolean): ChainFinder {
    const files = openCaFiles(options.caFiles, clock.now());
    const cache = new Map<string, { readonly found: FoundChain; readonly from: number; readonly until: number }>();
    let fromFiles = files.read(clock.now());
    let trust: ChainTrust | undefined;
    return (served, at) => {
      if (served.length === 0) return undefined;
      const latest = files.read(at);
      if (trust === undefined || latest !== fromFiles) {
        fromFiles = latest;
        trust = { anchors: anchorsOf(options, loadTrust, fromFiles) };
        cache.clear();
      }
      const key = served.map((certificate) => certificate.fingerprint).join(' ');
      const known = cache.get(key);
      if (known !== undefined && at >= known.from && at < known.until) return known.found;
      const figures = chainFigures(served, trust, { at, verify });
      const found = hasOwnTrust ? { ...figures, hasOwnTrust } : figures;
      if (cache.size >= CACHE_SIZE) cache.delete(cache.keys().next().value ?? '');
      cache.set(key, { found, from: at, until: nextStart([...served, ...trust.anchors], at) });
      return found;
    };
  }

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
