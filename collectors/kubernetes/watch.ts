import { setTimeout as sleep } from 'node:timers/promises';

import { CollectError } from '../../src/plugin/error.ts';
import type { Logger } from '../../src/plugin/logger.ts';
import { askOf, type Cluster, type Wanted } from './cluster.ts';
import { ExpiredError } from './api-error.ts';
import { dict, text } from './object.ts';

/** The API server ends a watch by itself after this long; it is then begun anew where it stood. */
const WATCH_S = 300;
const GRACE_MS = 30_000;
/** Changes that come together are one. */
const SETTLE_MS = 300;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
/** Failures in a row after which the watch is left to the next look by schedule. */
const MAX_FAILURES = 6;
/** One event holds metadata alone. */
const MAX_LINE_BYTES = 1024 * 1024;

/**
 * Yields once when the kind is watched, and then after changes of it. Only metadata goes over the wire: a watch sees no
 * private key. Throws CollectError when it may not watch, or could not for long.
 */
export async function* watchObjects(
  cluster: Cluster,
  wanted: Wanted,
  log: Logger,
  signal: AbortSignal,
  pauseMs = FIRST_PAUSE_MS,
): AsyncGenerator<void, void, undefined> {
  let isDirty = false;
  let failure: Error | undefined;
  let isOver = false;
  let wake = (): void => undefined;
  const notice = (): void => {
    isDirty = true;
    wake();
  };
  const stopping = new AbortController();
  const both = AbortSignal.any([signal, stopping.signal]);
  const following = follow(cluster, wanted, log, notice, pauseMs, both)
    .catch((error: unknown) => {
      if (!both.aborted) failure = error instanceof Error ? error : new Error(String(error));
    })
    .finally(() => {
      isOver = true;
      wake();
    });
  const onAbort = (): void => wake();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    for (;;) {
      if (!isDirty && !isOver && !signal.aborted) await new Promise<void>((resolve) => (wake = resolve));
      signal.throwIfAborted();
      if (isDirty) {
        await sleep(SETTLE_MS, undefined, { signal });
        isDirty = false;
        yield;
        continue;
      }
      if (failure !== undefined) throw failure;
      return;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    stopping.abort(new Error('nobody watches any more'));
    await following;
  }
}

/** Calls `notice` when the watch stands, and at each change. Returns when the cluster does not know the kind. */
async function follow(
  cluster: Cluster,
  wanted: Wanted,
  log: Logger,
  notice: () => void,
  pauseMs: number,
  signal: AbortSignal,
): Promise<void> {
  let failures = 0;
  let at: { readonly path: string; resourceVersion: string } | undefined;
  while (!signal.aborted) {
    try {
      if (at === undefined) {
        const position = await cluster.position(wanted, signal);
        if (position === undefined) return;
        at = { ...position };
        // What changed before that is not an event: it is looked at now.
        notice();
      }
      for await (const event of eventsOf(cluster, wanted, at, signal)) {
        failures = 0;
        if (event.resourceVersion !== undefined) at.resourceVersion = event.resourceVersion;
        if (event.isChange) notice();
      }
      // It ended by itself. Nothing is missed meanwhile, and a server that ends it at once is not asked all the time.
      await sleep(pauseMs, undefined, { signal });
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ExpiredError) {
        at = undefined;
        await sleep(pauseMs, undefined, { signal });
        continue;
      }
      if (!(error instanceof CollectError)) throw error;
      failures += 1;
      if (failures >= MAX_FAILURES || error.reason === 'permission_denied') throw error;
      log.debug({ cluster: cluster.api.server, resource: wanted.resource.name, error }, 'a watch broke off');
      const pause = Math.min(LONGEST_PAUSE_MS, pauseMs * 2 ** (failures - 1));
      await sleep(Math.max(pause, error.retryAfterMs ?? 0), undefined, { signal });
    }
  }
}

interface WatchEvent {
  readonly isChange: boolean;
  readonly resourceVersion: string | undefined;
}

async function* eventsOf(
  cluster: Cluster,
  wanted: Wanted,
  at: { readonly path: string; readonly resourceVersion: string },
  signal: AbortSignal,
): AsyncGenerator<WatchEvent, void, undefined> {
  const ask = { ...askOf(wanted), verb: 'watch' } as const;
  const query = {
    watch: '1',
    allowWatchBookmarks: 'true',
    resourceVersion: at.resourceVersion,
    timeoutSeconds: String(WATCH_S),
    ...(wanted.fieldSelector === undefined ? {} : { fieldSelector: wanted.fieldSelector }),
  };
  using response = await cluster.api.watch(at.path, query, ask, WATCH_S * 1000 + GRACE_MS, signal);
  for await (const line of cluster.api.lines(response, ask, MAX_LINE_BYTES, signal)) {
    const event = dict(parse(line));
    const object = dict(event['object']);
    const resourceVersion = text(dict(object['metadata'])['resourceVersion']);
    switch (event['type']) {
      case 'ADDED':
      case 'MODIFIED':
      case 'DELETED':
        yield { isChange: true, resourceVersion };
        break;
      case 'BOOKMARK':
        yield { isChange: false, resourceVersion };
        break;
      default: {
        const { code, message } = object;
        const said = typeof message === 'string' ? message : 'an event of a kind that is not known';
        if (code === 410) throw new ExpiredError(said);
        throw new CollectError(
          'service_error',
          `the watch of ${wanted.resource.name} of ${cluster.api.server}: ${said}`,
        );
      }
    }
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch (error) {
    // Cut off in the middle of an object: the next watch begins before it.
    throw new CollectError('closed', 'a watch was cut off in the middle of an event', { cause: error });
  }
}
