import { readdirSync, statSync, type Dirent } from 'node:fs';
import { basename, join, matchesGlob, resolve, sep } from 'node:path';

import { failureOf, type Failure } from './failure.ts';

/** Entries of one walk; behind them the rest is reported as not read. */
const MAX_ENTRIES = 1_000_000;
const MAX_DEPTH = 64;

/** Not files, though they look like it; walked only when they are named. */
const PSEUDO_FOLDERS: ReadonlySet<string> = new Set(['/proc', '/sys', '/dev']);

/** What a walk meets, in this order: the entries of a folder by name, folders behind symbolic links last. */
export type Found =
  | { readonly kind: 'file'; readonly path: string }
  /** A symbolic link that cannot be followed. */
  | { readonly kind: 'broken-link'; readonly path: string; readonly failure: Failure }
  /** A folder that could not be read, or not to its end. */
  | { readonly kind: 'unread-folder'; readonly path: string; readonly failure: Failure }
  /** A folder was read: a moment to pause. */
  | { readonly kind: 'step' };

export interface WalkOptions {
  readonly recursive: boolean;
  readonly isExcluded: (path: string) => boolean;
}

interface Folder {
  readonly path: string;
  readonly depth: number;
  /** Everything below belongs to the walk; otherwise only what the pattern matches. */
  readonly taken: boolean;
}

/** Where a walk begins, and what of it is wanted. */
export interface Start {
  readonly folder: string;
  /** An absolute pattern; without one everything is wanted. */
  readonly pattern?: string;
}

/** Whether a path has to be read as a pattern when nothing of that very name exists. */
export function isPattern(path: string): boolean {
  return /[*?[\]{}]/.test(path);
}

/** The start of a walk for an absolute pattern: the folder above its first magic part. */
export function startOf(pattern: string): Start {
  const parts = pattern.split(sep);
  const firstMagic = parts.findIndex(isPattern);
  return { folder: parts.slice(0, firstMagic).join(sep) || sep, pattern };
}

/** A test for patterns of paths to leave out: one without a slash is compared with the name alone. */
export function excluder(patterns: readonly string[]): (path: string) => boolean {
  const names = patterns.filter((pattern) => !pattern.includes('/'));
  const paths = patterns
    .filter((pattern) => pattern.includes('/'))
    .map((pattern) => (pattern.startsWith('**') ? `/${pattern}` : resolve(pattern)));
  return (path) =>
    names.some((pattern) => matchesGlob(basename(path), pattern)) ||
    paths.some((pattern) => matchesGlob(path, pattern));
}

/**
 * Walks a tree synchronously: the caller decides when to pause. Follows symbolic links to files and to folders, enters
 * every folder once, and gives each file the path by which it was found.
 *
 * Names that begin with `..` are left out: by these Kubernetes swaps the content of a volume, and the links beside them
 * show the same files under their real names.
 */
export function* walk(start: Start, options: WalkOptions): Generator<Found, void> {
  const visited = new Set<string>();
  const folders: Folder[] = [{ path: start.folder, depth: 0, taken: start.pattern === undefined }];
  /** Real folders come first, so that a file is found by its real path where there is one. */
  const linked: Folder[] = [];
  const mayHold = folderTest(start);
  let count = 0;

  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop() ?? linked.shift()) {
    let entries: Dirent[];
    try {
      const { dev, ino } = statSync(folder.path, { bigint: true });
      const identity = `${dev}:${ino}`;
      if (visited.has(identity)) continue;
      visited.add(identity);
      entries = readdirSync(folder.path, { withFileTypes: true });
    } catch (error) {
      const failure = failureOf(error, folder.path, 'folder');
      // It went while we walked: that is no failure.
      if (failure.reason !== 'not_found') yield { kind: 'unread-folder', path: folder.path, failure };
      continue;
    }
    yield { kind: 'step' };
    entries.sort((one, other) => (one.name < other.name ? -1 : 1));

    const below: Folder[] = [];
    for (const entry of entries) {
      if (entry.name.startsWith('..')) continue;
      const path = join(folder.path, entry.name);
      if (options.isExcluded(path)) continue;
      if (++count > MAX_ENTRIES) {
        const detail = `${start.folder} holds more than ${MAX_ENTRIES} entries; the rest was not read: name smaller folders`;
        yield { kind: 'unread-folder', path: start.folder, failure: { reason: 'partial', detail } };
        return;
      }
      const wanted = folder.taken || (start.pattern !== undefined && matchesGlob(path, start.pattern));
      const type = typeOf(entry, path);
      switch (type.kind) {
        case 'file':
          if (wanted) yield { kind: 'file', path };
          break;
        case 'folder': {
          const depth = folder.depth + 1;
          // A folder that the pattern names is read; what is below it, like below the start, only when that is wanted.
          const entered = wanted ? options.recursive || !folder.taken : mayHold(path, depth);
          if (!entered || depth > MAX_DEPTH || PSEUDO_FOLDERS.has(path)) break;
          (type.linked ? linked : below).push({ path, depth, taken: wanted });
          break;
        }
        case 'broken-link':
          if (wanted) yield { ...type, path };
          break;
        case 'other':
          break;
      }
    }
    for (const next of below.toReversed()) folders.push(next);
  }
}

/** Whether something below a folder, so many steps below the start, can match the pattern. */
function folderTest({ folder, pattern }: Start): (path: string, depth: number) => boolean {
  if (pattern === undefined) return () => true;
  const base = folder === sep ? 0 : folder.split(sep).length - 1;
  const parts = pattern.split(sep).slice(1);
  // Alternatives that hold a slash are not cut into parts: everything may match.
  if (/\{[^}]*\//.test(pattern)) return () => true;
  const anyDepthFrom = parts.findIndex((part) => part.includes('**'));
  return (path, depth) => {
    const level = base + depth;
    if (anyDepthFrom >= 0 && level > anyDepthFrom) return true;
    return level < parts.length && matchesGlob(path, sep + parts.slice(0, level).join(sep));
  };
}

type EntryType =
  | { readonly kind: 'file' | 'other' }
  | { readonly kind: 'folder'; readonly linked: boolean }
  | { readonly kind: 'broken-link'; readonly failure: Failure };

/** What an entry is, a symbolic link followed. */
function typeOf(entry: Dirent, path: string): EntryType {
  if (entry.isFile()) return { kind: 'file' };
  if (entry.isDirectory()) return { kind: 'folder', linked: false };
  if (!entry.isSymbolicLink()) return { kind: 'other' };
  try {
    const target = statSync(path);
    if (target.isFile()) return { kind: 'file' };
    return target.isDirectory() ? { kind: 'folder', linked: true } : { kind: 'other' };
  } catch (error) {
    return { kind: 'broken-link', failure: failureOf(error, path, 'link') };
  }
}
