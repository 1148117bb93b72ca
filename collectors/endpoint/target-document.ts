import { formatEndpoint, parseEndpoint, TargetError, type Endpoint } from './target.ts';

/** A target that a document names. */
export interface ListedTarget {
  readonly endpoint: Endpoint;
  /** Without those that are the discovery's own: `__address__`, `__meta_…`. */
  readonly labels: Readonly<Record<string, string>>;
}

/** The first thing that is wrong with a document; lines and columns begin at 1 and are absent where they are not known. */
export interface DocumentFault {
  readonly kind: 'fault';
  readonly line?: number;
  readonly column?: number;
  readonly message: string;
}

export type DocumentResult = { readonly kind: 'targets'; readonly targets: readonly ListedTarget[] } | DocumentFault;

/** A fault at a place in the value of a document. */
export interface ValueFault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Of one document. */
const MAX_TARGETS = 200_000;

/** As Prometheus knows them, and as notafter does. */
const LABEL_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * The targets in the value of a document: a list of targets, of groups `{targets, labels}` as Prometheus writes them
 * (https://prometheus.io/docs/prometheus/latest/configuration/configuration/#file_sd_config), or both.
 */
export function targetsOf(value: unknown): readonly ListedTarget[] | ValueFault {
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value)) {
    return { path: [], message: 'expected a list of targets, or of groups with targets and labels' };
  }
  const listed: ListedTarget[] = [];
  for (const [index, entry] of (value as readonly unknown[]).entries()) {
    const found = typeof entry === 'string' ? one(entry, {}, [index]) : groupOf(entry, index);
    if ('path' in found) return found;
    for (const target of found) listed.push(target);
    if (listed.length > MAX_TARGETS) {
      return {
        path: [index],
        message: `more than ${MAX_TARGETS} targets in one document; share them out over several`,
      };
    }
  }
  return listed;
}

function groupOf(group: unknown, index: number): readonly ListedTarget[] | ValueFault {
  if (typeof group !== 'object' || group === null || Array.isArray(group)) {
    return { path: [index], message: 'expected a target, or a group with targets and labels' };
  }
  const { targets = [], labels = {}, ...others } = group as Readonly<Record<string, unknown>>;
  const [other] = Object.keys(others);
  if (other !== undefined) return { path: [index, other], message: 'unknown key; a group has targets and labels' };
  if (!Array.isArray(targets)) return { path: [index, 'targets'], message: 'expected a list of targets' };
  const kept = labelsOf(labels, index);
  if ('path' in kept) return kept;
  const listed: ListedTarget[] = [];
  for (const [position, text] of (targets as readonly unknown[]).entries()) {
    const path = [index, 'targets', position];
    if (typeof text !== 'string') return { path, message: 'expected a target such as example.com:443' };
    const found = one(text, kept.labels, path);
    if ('path' in found) return found;
    listed.push(...found);
  }
  return listed;
}

function labelsOf(value: unknown, index: number): { readonly labels: Readonly<Record<string, string>> } | ValueFault {
  if (value === null) return { labels: {} };
  if (typeof value !== 'object' || Array.isArray(value)) {
    return { path: [index, 'labels'], message: 'expected labels, such as {owner: payments}' };
  }
  const labels: Record<string, string> = {};
  for (const [name, text] of Object.entries(value)) {
    if (name.startsWith('__')) continue;
    const path = [index, 'labels', name];
    if (!LABEL_NAME.test(name)) return { path, message: 'a label name has letters, digits and "_"' };
    if (typeof text !== 'string' && typeof text !== 'number' && typeof text !== 'boolean') {
      return { path, message: 'expected a text' };
    }
    labels[name] = String(text);
  }
  return { labels };
}

function one(
  text: string,
  labels: Readonly<Record<string, string>>,
  path: ValueFault['path'],
): readonly [ListedTarget] | ValueFault {
  try {
    return [{ endpoint: parseEndpoint(text), labels }];
  } catch (error) {
    if (!(error instanceof TargetError)) throw error;
    return { path, message: error.message };
  }
}

/** Reads a document with one target a line; `#` begins a comment. */
export function targetsOfLines(text: string): DocumentResult {
  const targets: ListedTarget[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.replace(/(?:^|\s)#.*$/s, '').trim();
    if (line === '') continue;
    const found = one(line, {}, [index]);
    if ('path' in found) {
      return { kind: 'fault', line: index + 1, column: raw.indexOf(line) + 1, message: found.message };
    }
    targets.push(...found);
    if (targets.length > MAX_TARGETS) {
      return {
        kind: 'fault',
        line: index + 1,
        message: `more than ${MAX_TARGETS} targets in one file; share them out over several`,
      };
    }
  }
  return { kind: 'targets', targets };
}

/** Puts the lists together, each target once: who named it first gives its labels, the others those that it had not. */
export function mergeTargets(lists: Iterable<ListedTarget>): ReadonlyMap<string, ListedTarget> {
  const merged = new Map<string, ListedTarget>();
  for (const target of lists) {
    const key = formatEndpoint(target.endpoint);
    const before = merged.get(key);
    merged.set(key, before === undefined ? target : { ...before, labels: { ...target.labels, ...before.labels } });
  }
  return merged;
}
