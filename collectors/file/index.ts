import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { setImmediate as pause } from 'node:timers/promises';

import { z } from 'zod';

import { defineCollector, type CollectorInstance, type Target } from '../../src/plugin/collector.ts';
import type { Context } from '../../src/plugin/context.ts';
import { CollectError } from '../../src/plugin/error.ts';
import { failureOf } from './failure.ts';
import { Folder } from './folder.ts';
import { createLooker, failed, namedEntry } from './look.ts';
import { options, type Options } from './options.ts';
import { anyOf, isPattern } from './pattern.ts';
import { startOf, walk, type Found, type Start } from './walk.ts';
import { watchFolders } from './watch.ts';

/** Reading synchronously is the fastest way on one thread; after this long others get their turn. */
const SLICE_MS = 4;

/** What travels with a target. */
const FileData = z.object({ path: z.string() });

export const file = defineCollector({
  type: 'file',
  summary: 'Certificates and CRLs in files, keystores, kubeconfigs and folders',
  options,
  scope: () => 'node',
  create: async (given, context) => createInstance(given, context),
});

function createInstance(given: Options, context: Context): CollectorInstance {
  const isExcluded = anyOf(given.exclude);
  const looker = createLooker(given, context);

  return {
    async *discover() {
      for (const path of new Set(given.paths)) yield { key: path, data: { path } };
    },

    async *observe(target, known, signal) {
      signal.throwIfAborted();
      const { data } = FileData.safeParse(target.data);
      if (data === undefined) throw new CollectError('not_found', `${target.key} is not a target of this source`);
      const path = resolve(data.path);
      const start = startAt(path);
      if (start === 'missing') {
        if (given.if_missing === 'ignore') return;
        throw new CollectError('not_found', `${path} does not exist; check the path, and that it is mounted here`);
      }
      if (start === undefined) {
        const looked = await looker.look(namedEntry(path, Folder.at(dirname(path))), known);
        if (looked !== undefined) yield looked;
        return;
      }

      let sliceStart = performance.now();
      let found = 0;
      const entries: Iterable<Found> = walk(start, { recursive: given.recursive, isExcluded });
      for (const entry of entries) {
        if (performance.now() - sliceStart > SLICE_MS) {
          await pause();
          signal.throwIfAborted();
          sliceStart = performance.now();
        }
        if (entry.kind !== 'step') found += 1;
        switch (entry.kind) {
          case 'file': {
            const { path: where, name, folder } = entry;
            const looked = looker.look({ path: where, name, folder, named: false }, known);
            const observation = looked instanceof Promise ? await looked : looked;
            if (observation !== undefined) yield observation;
            break;
          }
          case 'broken-link':
            if (looker.isWorthTelling(entry.path, false, entry.failure)) yield failed(entry.path, entry.failure);
            break;
          case 'refused-link':
          case 'unread-folder':
            yield failed(entry.path, entry.failure);
            break;
          case 'step':
            break;
        }
      }
      if (start.pattern !== undefined && found === 0 && given.if_missing === 'report') {
        throw new CollectError(
          'not_found',
          `${target.key} matches nothing; check the pattern, and that its folder is there`,
        );
      }
    },

    ...(given.watch ? { watch } : {}),
  };

  function watch(target: Target, signal: AbortSignal): AsyncIterable<void> {
    const path = resolve(FileData.parse(target.data).path);
    return watchFolders(() => foldersAt(path), context.log, target.key, signal);
  }

  /** The folders in which a change concerns a path; `undefined` in between, for a pause. */
  function* foldersAt(path: string): Iterable<string | undefined> {
    const start = startAt(path);
    if (start === 'missing' || start === undefined) {
      yield dirname(path);
      return;
    }
    for (const entry of walk(start, { recursive: given.recursive, isExcluded })) {
      yield entry.kind === 'step' ? entry.path : undefined;
    }
  }
}

/** Where to walk for a configured path; undefined when it is a file. Throws CollectError when that cannot be told. */
function startAt(path: string): Start | 'missing' | undefined {
  try {
    return statSync(path).isDirectory() ? { folder: path } : undefined;
  } catch (error) {
    const failure = failureOf(error, path, 'file');
    if (failure.reason !== 'not_found') throw new CollectError(failure.reason, failure.detail, { cause: error });
    return isPattern(path) ? startOf(path) : 'missing';
  }
}
