import { isDeepStrictEqual } from 'node:util';

import type { Certificate } from '../../src/certificate/certificate.ts';
import { chainFigures, type ChainResult } from '../../src/certificate/chain.ts';
import { AT, LEAF_NAME, type Graph } from './chain-graphs.ts';

/**
 * What the search for paths must find, worked out another way: every path there is, each judged as a whole and from the
 * anchor down, as RFC 5280 section 6.1 has it. The search builds from the leaf up, judges step by step and stops early.
 */

/** As the search has it. */
const MAX_DEPTH = 8;

/** How a graph came out: for counting what was tried. */
export type Outcome = 'trusted' | 'expired' | 'exhausted' | NonNullable<ChainResult['distrust']>['why'];

/** Compares the search with the oracle. Throws an Error that says what differs. */
export function tryGraph(graph: Graph): Outcome {
  const { served, anchors, intermediates, verify } = graph;
  const figures = chainFigures(served, { anchors, intermediates }, { at: AT, verify });
  const valid = allPaths(graph).filter((path) => isValid(path, anchors));
  const complete = valid.filter((path) => path.every((one) => served.includes(one) || anchors.includes(one)));
  // What was not sent counts only where nothing goes without it.
  const paths = complete.length > 0 ? complete : valid;
  const best = Math.max(...paths.map((path) => Math.min(...path.map(endOf))));
  const found = figures.bestPathItems;

  if (found !== undefined) {
    demand(
      paths.some((path) => isDeepStrictEqual(path.map(idOf), found)),
      'the path that was found is none of those that exist',
    );
    const path = found.map((id) => findById(graph, id));
    demand(endAt(figures.bestPath?.at) === Math.min(...path.map(endOf)), 'the end is not that of the path');
    demand(found.includes(figures.effective.by), 'the limit is not on the path');
    demand(
      isDeepStrictEqual(figures.effective, figures.bestPath),
      'another end than that of the best path is effective',
    );
    const sent = new Set(served.map(idOf));
    demand(
      isDeepStrictEqual(
        figures.unserved.map(({ certificate }) => certificate.fingerprint),
        found.filter((id) => !sent.has(id)),
      ),
      'what was not sent is wrong',
    );
  }
  demand((found === undefined) === (figures.distrust !== undefined), 'there is both a path and none');
  demand(
    endAt(figures.servedMin.at) === Math.min(...served.map(endOf)),
    'the earliest end of what was served is wrong',
  );
  if (figures.isExhausted) return 'exhausted';
  demand((found === undefined) === (paths.length === 0), 'a path was missed, or invented');
  if (found === undefined) return figures.distrust?.why ?? 'exhausted';
  demand(endAt(figures.bestPath?.at) === best, 'there is a better path');
  return best > AT ? 'trusted' : 'expired';
}

function demand(isRight: boolean, otherwise: string): void {
  if (!isRight) throw new Error(otherwise);
}

function idOf({ fingerprint }: Certificate): string {
  return fingerprint;
}

function findById({ served, anchors, intermediates }: Graph, id: string): Certificate {
  const certificate = [...served, ...anchors, ...intermediates].find(({ fingerprint }) => fingerprint === id);
  if (certificate === undefined) throw new Error(`${id} is not in the graph`);
  return certificate;
}

/** Infinity is never. */
function endAt(at: number | null | undefined): number {
  return at ?? Infinity;
}

function endOf({ notAfter }: Certificate): number {
  return notAfter.status === 'known' ? notAfter.at : notAfter.status === 'never' ? Infinity : 0;
}

/** Every path by names, key identifiers and signatures that ends at the first anchor on it. */
function allPaths({ served, anchors, intermediates, verify }: Graph): readonly (readonly Certificate[])[] {
  const all = [...new Set([...served, ...anchors, ...intermediates])];
  const trusted = new Set(anchors);
  const paths: (readonly Certificate[])[] = [];
  const walk = (path: readonly Certificate[]): void => {
    const last = path.at(-1) as Certificate;
    if (trusted.has(last)) {
      paths.push(path);
      return;
    }
    if (path.length === MAX_DEPTH) return;
    for (const next of all) {
      if (path.includes(next) || next.subject.text !== last.issuer.text) continue;
      const { authorityKeyId: wanted } = last;
      if (wanted !== undefined && next.subjectKeyId !== undefined && wanted !== next.subjectKeyId) continue;
      if (verify(last, next) === 'issued') walk([...path, next]);
    }
  };
  walk([served[0] as Certificate]);
  return paths;
}

/** RFC 5280 section 6.1: from the anchor down, with what is still allowed. */
function isValid(path: readonly Certificate[], anchors: readonly Certificate[]): boolean {
  if (path.length === 1) return true;
  const down = path.toReversed();
  let below = Infinity;
  const permitted: (readonly string[])[] = [];
  const excluded: string[] = [];
  for (const [index, certificate] of down.entries()) {
    const isLeaf = index === down.length - 1;
    const usages = certificate.extendedKeyUsage;
    const isSelfIssued = certificate.subject.text === certificate.issuer.text;
    if (certificate.unknownCritical.length > 0) return false;
    if (usages !== undefined && !usages.includes('serverAuth') && !usages.includes('anyExtendedKeyUsage')) return false;
    if (!isAllowedName(certificate, isLeaf, isSelfIssued, permitted, excluded)) return false;
    if (isLeaf) return true;
    const mayLackConstraints = anchors.includes(certificate) && certificate.version < 3;
    if (!certificate.isCa && !mayLackConstraints) return false;
    if (certificate.keyUsage !== undefined && !certificate.keyUsage.includes('keyCertSign')) return false;
    if (certificate.notBefore.status === 'known' && certificate.notBefore.at > AT) return false;
    // The anchor's own name takes nothing from what it allows itself.
    if (index > 0 && !isSelfIssued) {
      if (below === 0) return false;
      below -= 1;
    }
    below = Math.min(below, certificate.pathLength ?? Infinity);
    for (const list of [certificate.nameConstraints?.permitted ?? []]) {
      for (const form of ['dns', 'directory'] as const) {
        const own = list.filter((subtree) => subtree.form === form);
        if (own.length > 0) permitted.push(own.map((subtree) => `${form} ${'name' in subtree ? subtree.name : ''}`));
      }
    }
    for (const subtree of certificate.nameConstraints?.excluded ?? []) {
      if (subtree.form === 'dns' || subtree.form === 'directory') excluded.push(`${subtree.form} ${subtree.name}`);
    }
  }
  return true;
}

/** The few subtrees that graphs are made of, each with what it holds of the few names there are: worked out by hand. */
function holds(subtree: string, name: string): boolean {
  switch (subtree) {
    case 'dns example.com':
    case 'dns .example.com':
      return name === LEAF_NAME;
    case 'directory o=example':
      return name.endsWith(',O=Example');
    case 'directory o=other':
      return name.endsWith(',O=Other');
    default:
      return false;
  }
}

function isAllowedName(
  { subject, dnsNames }: Certificate,
  isLeaf: boolean,
  isSelfIssued: boolean,
  permitted: readonly (readonly string[])[],
  excluded: readonly string[],
): boolean {
  if (isSelfIssued && !isLeaf) return true;
  const names = [...dnsNames.map((name) => ['dns', name] as const), ['directory', subject.text] as const];
  return names.every(
    ([form, name]) =>
      !excluded.some((subtree) => subtree.startsWith(form) && holds(subtree, name)) &&
      permitted.every((list) => !(list[0] ?? '').startsWith(form) || list.some((subtree) => holds(subtree, name))),
  );
}
