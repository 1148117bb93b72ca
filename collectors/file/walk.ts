import { readdirSync, realpathSync, statSync, type Dirent } from 'node:fs';
import { matchesGlob, sep } from 'node:path';

import { failureOf, type Failure } from './failure.ts';
import { Folder } from './folder.ts';
import { isPattern, type PathTest } from './pattern.ts';

/** Entries of one walk; behind them the rest is reported as not read. */
const MAX_ENTRIES = 1_000_000;
const MAX_DEPTH = 64;

/** Not files, though they look like it; walked only when they are named. */
const PSEUDO_FOLDERS: ReadonlySet<string> = new Set(['/proc', '/sys', '/dev']);

/** What a walk meets, in this order: the entries of a folder by name, folders behind symbolic links last. */
export type Found =
  | { readonly kind: 'file'; readonly path: string; readonly name: string; readonly folder: Folder }
  /** A symbolic link that cannot be followed. */
  | { readonly kind: 'broken-link'; readonly path: string; readonly failure: Failure }
  /** A symbolic link to a folder that is not entered. */
  | { readonly kind: 'refused-link'; readonly path: string; readonly failure: Failure }
  /** A folder that could not be read, or not to its end. */
  | { readonly kind: 'unread-folder'; readonly path: string; readonly failure: Failure }
  /** A folder is entered: a moment to pause. */
  | { readonly kind: 'step'; readonly path: string };

export interface WalkOptions {
  readonly recursive: boolean;
  readonly isExcluded: PathTest;
}

interface Step {
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

/** The start of a walk for an absolute pattern: the folder above its first magic part. */
export function startOf(pattern: string): Start {
  const parts = pattern.split(sep);
  const firstMagic = parts.findIndex(isPattern);
  return { folder: parts.slice(0, firstMagic).join(sep) || sep, pattern };
}

/**
 * Walks a tree synchronously: the caller decides when to pause. Follows symbolic links to files and to folders, enters
 * every folder once, and gives each file the path by which it was found.
 *
 * Names that begin with `..` are left out: by these Kubernetes swaps the content of a volume, and the links beside them
 * show the same files under their real names.
 *
 * A link to a folder that holds the start of the walk, or to one of the kernel's, is not entered: it would lead through
 * everything there is.
 */
export function* walk(start: Start, options: WalkOptions): Generator<Found, void> {
  const visited = new Set<string>();
  const folders: Step[] = [{ path: start.folder, depth: 0, taken: start.pattern === undefined }];
  /** Real folders come first, so that a file is found by its real path where there is one. */
  const linked: Step[] = [];
  const mayHold = folderTest(start);
  let count = 0;

  for (let step = folders.pop(); step !== undefined; step = folders.pop() ?? linked.shift()) {
    let entries: Dirent[];
    try {
      const { dev, ino } = statSync(step.path, { bigint: true });
      const identity = `${dev}:${ino}`;
      if (visited.has(identity)) continue;
      visited.add(identity);
      entries = readdirSync(step.path, { withFileTypes: true });
    } catch (error) {
      const failure = failureOf(error, step.path, 'folder');
      // It went while we walked: that is no failure.
      if (failure.reason !== 'not_found') yield { kind: 'unread-folder', path: step.path, failure };
      continue;
    }
    yield { kind: 'step', path: step.path };
    entries.sort((one, other) => (one.name < other.name ? -1 : 1));

    const folder = Folder.of(step.path, () => entries.map(({ name }) => name));
    const prefix = step.path === sep ? sep : step.path + sep;
    const below: Step[] = [];
    for (const entry of entries) {
      if (entry.name.startsWith('..')) continue;
      const path = prefix + entry.name;
      if (options.isExcluded(path)) continue;
      if (++count > MAX_ENTRIES) {
        const detail = `${start.folder} holds more than ${MAX_ENTRIES} entries; the rest was not read: name smaller folders`;
        yield { kind: 'unread-folder', path: start.folder, failure: { reason: 'partial', detail } };
        return;
      }
      const wanted = step.taken || (start.pattern !== undefined && matchesGlob(path, start.pattern));
      const type = typeOf(entry, path);
      switch (type.kind) {
        case 'file':
          if (wanted) yield { kind: 'file', path, name: entry.name, folder };
          break;
        case 'folder': {
          const depth = step.depth + 1;
          // A folder that the pattern names is read; what is below it, like below the start, only when that is wanted.
          const entered = wanted ? options.recursive || !step.taken : mayHold(path, depth);
          if (!entered || depth > MAX_DEPTH || PSEUDO_FOLDERS.has(path)) break;
          const refusal = type.linked ? refusalOf(path, start.folder) : undefined;
          if (refusal !== undefined) yield { kind: 'refused-link', path, failure: refusal };
          else (type.linked ? linked : below).push({ path, depth, taken: wanted });
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

/** Why the folder behind a symbolic link is not entered. One that is inside the walk is left to the memory of what was visited. */
function refusalOf(path: string, start: string): Failure | undefined {
  try {
    const target = realpathSync(path);
    const from = realpathSync(start);
    const isAbove = from !== target && `${from}${sep}`.startsWith(target === sep ? sep : target + sep);
    if (!isAbove && ![...PSEUDO_FOLDERS].some((folder) => target === folder || target.startsWith(folder + sep))) {
      return undefined;
    }
    const detail = `${path} is a symbolic link to ${target}, which is not entered from here; exclude the link, or name the folder in paths`;
    return { reason: 'unsupported', detail };
  } catch (error) {
    return failureOf(error, path, 'link');
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
