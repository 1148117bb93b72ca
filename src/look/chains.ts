import type { Certificate } from '../certificate/certificate.ts';
import { chainFigures, type ChainResult, type ChainTrust } from '../certificate/chain.ts';

/** Chains kept at most; a fleet has far fewer distinct ones than endpoints. */
const CACHE_SIZE = 20_000;

/**
 * Chain figures with memory: each distinct served list is verified once. The trust store is loaded when the first chain
 * is seen, so that a run without endpoints never pays for it.
 */
export function createChains(loadTrust: () => ChainTrust): (served: readonly Certificate[]) => ChainResult | undefined {
  const cache = new Map<string, ChainResult>();
  let trust: ChainTrust | undefined;
  return (served) => {
    if (served.length === 0) return undefined;
    const key = served.map((certificate) => certificate.fingerprint).join(' ');
    const known = cache.get(key);
    if (known !== undefined) return known;
    trust ??= loadTrust();
    const figures = chainFigures(served, trust);
    if (cache.size >= CACHE_SIZE) cache.delete(cache.keys().next().value ?? '');
    cache.set(key, figures);
    return figures;
  };
}
