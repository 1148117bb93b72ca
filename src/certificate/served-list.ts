import { issuerCandidates } from './issuer.ts';
import type { Certificate } from './model.ts';

/** What is to be said of a list of certificates as a server sent it, beside the path that clients take. */
export interface ServedList {
  /** The certificates of the path do not stand in the order of the path (RFC 5246 section 7.4.2 wants that). */
  readonly isOutOfOrder: boolean;
  /** Fingerprints of what was sent more than once. */
  readonly repeated: readonly string[];
  /** Fingerprints of what is not on the path but another way up from it: a cross-sign, a CA's other certificate. */
  readonly alternates: readonly string[];
  /** Fingerprints of what has nothing to do with the leaf. */
  readonly unrelated: readonly string[];
}

/** Judges a list as it was sent. By names and key identifiers alone: what is beside the path is not worth a signature. */
export function judgeServedList(served: readonly Certificate[], path: readonly Certificate[]): ServedList {
  const positions = new Map<string, number>();
  const repeated = new Set<string>();
  for (const [index, { fingerprint }] of served.entries()) {
    if (positions.has(fingerprint)) repeated.add(fingerprint);
    else positions.set(fingerprint, index);
  }
  const order = path.flatMap(({ fingerprint }) => positions.get(fingerprint) ?? []);
  const onPath = new Set(path.map(({ fingerprint }) => fingerprint));
  const related = relatedTo(path, served);
  const beside = [...positions.keys()].filter((fingerprint) => !onPath.has(fingerprint));
  return {
    isOutOfOrder: order.some((position, index) => position < (order[index - 1] ?? 0)),
    repeated: [...repeated],
    alternates: beside.filter((fingerprint) => related.has(fingerprint)),
    unrelated: beside.filter((fingerprint) => !related.has(fingerprint)),
  };
}

/** Fingerprints of the served ones that may stand above some certificate of the path, or above one of those. */
function relatedTo(path: readonly Certificate[], served: readonly Certificate[]): ReadonlySet<string> {
  const related = new Set<string>();
  const open = [...path];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const issuer of issuerCandidates(next, [served])) {
      if (related.has(issuer.fingerprint)) continue;
      related.add(issuer.fingerprint);
      open.push(issuer);
    }
  }
  return related;
}
