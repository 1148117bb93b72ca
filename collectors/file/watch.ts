import { statSync, watch, type FSWatcher } from 'node:fs';
import { setImmediate as pause, setTimeout as sleep } from 'node:timers/promises';

import type { Logger } from '../../src/plugin/logger.ts';

/** Folders of one target that are watched; each holds memory of the kernel. */
const MAX_FOLDERS = 10_000;
/** One replacement makes several events; what comes within this time is one change. */
const SETTLE_MS = 300;
const SLICE_MS = 4;

/** `watch` of `node:fs`, as far as it is used here. */
export type StartWatch = (path: string, options: { readonly persistent: false }, notice: () => void) => FSWatcher;

interface Watched {
  readonly watcher: FSWatcher;
  /** Device, inode and birth, for inodes are used again: another folder of the same name has to be watched anew. */
  readonly identity: string;
}

/**
 * Yields once when all folders are watched, and then whenever something in them has changed. `list` gives the folders as
 * they are now. Ends when there is nothing left to watch. An event is never more than a hint: when the kernel drops some,
 * it has given others before.
 *
 * Where the system allows no more watches the folders so far stay watched, and a warning says how many are not.
 */
export async function* watchFolders(
  list: () => Iterable<string | undefined>,
  log: Logger,
  target: string,
  signal: AbortSignal,
  start: StartWatch = watch,
): AsyncIterable<void> {
  const watched = new Map<string, Watched>();
  let isDirty = false;
  let hasWarned = false;
  let wake = (): void => undefined;
  const notice = (): void => {
    isDirty = true;
    wake();
  };

  /** Why a folder is not watched; undefined when it is. */
  function add(path: string): string | undefined {
    const { dev, ino, birthtimeNs } = statSync(path, { bigint: true });
    const identity = `${dev}:${ino}:${birthtimeNs}`;
    const before = watched.get(path);
    if (before?.identity === identity) return undefined;
    if (before === undefined && watched.size >= MAX_FOLDERS) return `there are more than ${MAX_FOLDERS}`;
    before?.watcher.close();
    watched.delete(path);
    const watcher = start(path, { persistent: false }, notice);
    watcher.on('error', notice);
    watched.set(path, { watcher, identity });
    return undefined;
  }

  async function watchAll(): Promise<void> {
    const found = new Set<string>();
    let unwatched = 0;
    let why = '';
    let sliceStart = performance.now();
    for (const path of list()) {
      if (performance.now() - sliceStart > SLICE_MS) {
        await pause();
        signal.throwIfAborted();
        sliceStart = performance.now();
      }
      if (path === undefined) continue;
      found.add(path);
      try {
        const obstacle = add(path);
        if (obstacle === undefined) continue;
        why = obstacle;
      } catch (error) {
        const { code = 'error' } = error as NodeJS.ErrnoException;
        // It went meanwhile, or nobody may read it: a look tells of that.
        if (code === 'ENOENT' || code === 'EACCES') continue;
        why = code === 'ENOSPC' || code === 'EMFILE' ? LIMIT_REACHED : code;
      }
      unwatched += 1;
    }
    for (const [path, { watcher }] of watched) {
      if (found.has(path)) continue;
      watcher.close();
      watched.delete(path);
    }
    if (unwatched > 0 && !hasWarned) {
      hasWarned = true;
      log.warn(
        { target, folders: watched.size, unwatched, why },
        'some folders are not watched: what changes in them is seen at the next look by schedule',
      );
    }
  }

  const onAbort = (): void => wake();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    for (;;) {
      // What changes from here on is an event; so what is looked at after this is not older than the next one.
      isDirty = false;
      await watchAll();
      yield;
      if (watched.size === 0) return;
      if (!isDirty && !signal.aborted) await new Promise<void>((resolve) => (wake = resolve));
      signal.throwIfAborted();
      await sleep(SETTLE_MS, undefined, { signal });
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    for (const { watcher } of watched.values()) watcher.close();
  }
}

const LIMIT_REACHED =
  'the system allows no more watches (raise fs.inotify.max_user_watches or max_user_instances, or watch less)';
