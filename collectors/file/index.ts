import { statSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import { setImmediate as pause } from 'node:timers/promises';

import { z } from 'zod';

import { defineCollector, type CollectorInstance, type Known } from '../../src/plugin/collector.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Observation } from '../../src/plugin/observation.ts';
import { readContent, type Content } from './content.ts';
import { failureOf, type Failure } from './failure.ts';
import { readBounded, stateOf } from './read.ts';
import { excluder, isPattern, startOf, walk, type Found, type Start } from './walk.ts';

/** Reading synchronously is the fastest way on one thread; after this long others get their turn. */
const SLICE_MS = 4;

/** Files of which something is remembered between looks, at most. */
const MAX_REMEMBERED = 200_000;

/** Names that promise a certificate, a CRL or a keystore: what cannot be read there is worth telling. */
const EXPECTED: ReadonlySet<string> = new Set(
  'pem crt cer cert der ca-bundle crl p7b p7c p12 pfx jks jceks keystore truststore'
    .split(' ')
    .map((name) => `.${name}`),
);

/** Names that promise a private key; that nobody may read it is as it should be. */
const KEY_EXTENSION = '.key';

const options = z.strictObject({
  paths: z
    .array(z.string().min(1))
    .min(1)
    .describe(
      'Files, folders and patterns (`*`, `**`, `?`, `[ab]`, `{a,b}`); relative ones start at the working directory.',
    ),
  exclude: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Patterns to leave out. One without a slash is compared with the name of a file or folder, another with its whole path.',
    ),
  if_missing: z
    .enum(['report', 'ignore'])
    .default('report')
    .describe('What to make of a path that is not there: `ignore` serves lists of usual places.'),
  recursive: z.boolean().default(true).describe('Whether folders are walked with everything below them.'),
  max_bytes: z
    .int()
    .min(1)
    .max(256 * 1024 * 1024)
    .default(10 * 1024 * 1024)
    .describe('Larger files are not read.'),
});

type Options = z.output<typeof options>;

/** What travels with a target. */
const FileData = z.object({ path: z.string() });

export const file = defineCollector({
  type: 'file',
  summary: 'Certificates and CRLs in files and folders',
  options,
  scope: () => 'node',
  create: async (given) => createInstance(given),
});

function createInstance(given: Options): CollectorInstance {
  const isExcluded = excluder(given.exclude);
  /** Files that hold nothing for us, by path, with the version at which that was so: they are not read again. */
  const dull = new Map<string, string>();
  /** Files that were reported though their name promises nothing: when they break, it is told. */
  const reported = new Set<string>();

  function* observeFile(path: string, named: boolean, known: Known): Generator<Observation> {
    const state = stateOf(path);
    if (state.kind === 'failed') {
      // One that went while we walked is no failure: not yielding it says that it is gone.
      if (state.failure.reason === 'not_found' && !named) return;
      if (isWorthTelling(path, named, state.failure)) yield failed(path, state.failure);
      return;
    }
    const { version } = state;
    if (known.version(path) === version) {
      remember(reported, path);
      yield { location: path, version, unchanged: true, items: [], problems: [] };
      return;
    }
    if (!named && dull.get(path) === version) return;
    dull.delete(path);

    const bytes = readBounded(path, given.max_bytes);
    if (!(bytes instanceof Uint8Array)) {
      if (isWorthTelling(path, named, bytes)) yield failed(path, bytes);
      return;
    }
    const content = readContent(bytes, path);
    if (content.kind === 'items') {
      remember(reported, path);
      yield { location: path, version, items: content.items, problems: content.problems };
    } else if (isMissing(content, path, named)) {
      yield failed(path, content.failure);
    } else if (dull.size < MAX_REMEMBERED) {
      dull.set(path, version);
    }
  }

  /** Whether a file without certificates ought to have some. */
  function isMissing(content: Exclude<Content, { kind: 'items' }>, path: string, named: boolean): boolean {
    switch (content.kind) {
      case 'unread':
        return true;
      case 'broken':
        return named || isExpected(path) || reported.has(path);
      case 'other':
        return named;
    }
  }

  /** Whether a file that cannot be read is worth telling: nobody knows what it holds. */
  function isWorthTelling(path: string, named: boolean, failure: Failure): boolean {
    if (named || isExpected(path) || reported.has(path)) return true;
    return failure.reason === 'permission_denied' && extname(path) !== KEY_EXTENSION;
  }

  return {
    async *discover() {
      for (const path of new Set(given.paths)) yield { key: path, data: { path } };
    },

    async *observe(target, known, signal) {
      signal.throwIfAborted();
      const { data } = FileData.safeParse(target.data);
      if (data === undefined) throw new CollectError('not_found', `${target.key} is not a target of this source`);
      const path = resolve(data.path);
      let sliceStart = performance.now();
      let found = 0;
      const start = startAt(path);
      if (start === 'missing') {
        if (given.if_missing === 'ignore') return;
        throw new CollectError('not_found', `${path} does not exist; check the path, and that it is mounted here`);
      }
      const entries: Iterable<Found> =
        start === undefined ? [{ kind: 'file', path }] : walk(start, { recursive: given.recursive, isExcluded });
      for (const entry of entries) {
        if (performance.now() - sliceStart > SLICE_MS) {
          await pause();
          signal.throwIfAborted();
          sliceStart = performance.now();
        }
        if (entry.kind !== 'step') found += 1;
        switch (entry.kind) {
          case 'file':
            yield* observeFile(entry.path, start === undefined, known);
            break;
          case 'broken-link':
            if (isWorthTelling(entry.path, false, entry.failure)) yield failed(entry.path, entry.failure);
            break;
          case 'unread-folder':
            yield failed(entry.path, entry.failure);
            break;
          case 'step':
            break;
        }
      }
      if (start?.pattern !== undefined && found === 0 && given.if_missing === 'report') {
        throw new CollectError(
          'not_found',
          `${target.key} matches nothing; check the pattern, and that its folder is there`,
        );
      }
    },
  };
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

function isExpected(path: string): boolean {
  return EXPECTED.has(extname(path).toLowerCase());
}

function failed(path: string, { reason, detail }: Failure): Observation {
  return { location: path, items: [], problems: [{ reason, detail }] };
}

function remember(set: Set<string>, path: string): void {
  if (set.size < MAX_REMEMBERED && !isExpected(path)) set.add(path);
}
