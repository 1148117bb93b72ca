import type { Certificate } from '../../src/certificate/certificate.ts';
import type { Leaf } from './content.ts';
import type { Folder } from './folder.ts';
import { certificateStem, keyStem } from './pair.ts';

const DAY_MS = 86_400_000;
/** Files beside an ended certificate that are searched for its successor. */
const MAX_SIBLINGS = 100;

/** From this moment on it matters whether a certificate is a leftover: shortly before its end. */
export function mattersFrom({ notAfter }: Certificate): number | undefined {
  return notAfter.status === 'known' ? notAfter.at - DAY_MS : undefined;
}

/** Whether `next` is there in the place of `last`: of the same names, valid now, and for longer. */
function succeeds(next: Certificate, last: Certificate, now: number): boolean {
  if (next.isCa || next.notAfter.status === 'unreadable' || last.notAfter.status !== 'known') return false;
  if (next.notAfter.status === 'known' && next.notAfter.at <= Math.max(now, last.notAfter.at)) return false;
  if (next.notBefore.status !== 'known' || next.notBefore.at > now) return false;
  return namesOf(next) === namesOf(last);
}

function namesOf({ names, subject }: Certificate): string {
  return names.length > 0 ? [...new Set(names)].toSorted().join('\n') : `subject ${subject.text}`;
}

/** What is needed to look for successors of the certificates in one file. */
export interface LeftoverSearch {
  readonly path: string;
  readonly folder: Folder;
  readonly name: string;
  readonly now: number;
  /** The leaves in another file; empty when it cannot be read. */
  readLeaves(path: string): Promise<readonly Certificate[]>;
}

/**
 * Where the successor lies of each leaf that has ended, or is about to: in the same file or in one beside it. Whoever
 * renews by hand leaves the old certificate there, and nobody uses it any more.
 */
export async function findSuccessors(
  leaves: readonly Leaf[],
  search: LeftoverSearch,
): Promise<ReadonlyMap<Leaf, string>> {
  const { now, path, folder } = search;
  const successors = new Map<Leaf, string>();
  const open = leaves.filter(({ certificate }) => (mattersFrom(certificate) ?? Infinity) <= now);
  for (const leaf of open) {
    if (leaves.some((other) => succeeds(other.certificate, leaf.certificate, now))) successors.set(leaf, path);
  }
  if (successors.size === open.length) return successors;
  const siblings = folder.names.filter(
    (name) => name !== search.name && certificateStem(name) !== undefined && keyStem(name) === undefined,
  );
  for (const sibling of siblings.toSorted().slice(0, MAX_SIBLINGS)) {
    const there = `${folder.path}/${sibling}`;
    const found = await search.readLeaves(there);
    for (const leaf of open) {
      if (!successors.has(leaf) && found.some((next) => succeeds(next, leaf.certificate, now))) {
        successors.set(leaf, there);
      }
    }
    if (successors.size === open.length) break;
  }
  return successors;
}
