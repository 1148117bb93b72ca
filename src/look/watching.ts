import type { CollectorInstance, Target } from '../plugin/collector.ts';
import type { Logger } from '../plugin/logger.ts';
import type { Wait } from './attempt.ts';
import { untilAborted } from './single-look.ts';

/** While a look is under way the next one has to wait for its end. */
const RETRY_MS = 500;
/** What changes all the time is looked at this often at most, */
const SHORTEST_GAP_MS = 2_000;
/** and for so small a share of the time, however long a look takes. */
const GAP_PER_LOOK = 20;

export interface WatchingParts {
  readonly source: string;
  readonly instance: CollectorInstance;
  readonly log: Logger;
  readonly wait: Wait;
  /** Queues a look; false when one is queued or under way. */
  look(target: Target): Promise<boolean>;
  /** How long the latest look at a target took, milliseconds. */
  lastLookMs(key: string): number;
}

/** Lets a source be looked at as soon as something changes, between the looks by schedule. */
export interface Watching {
  /** Watches exactly these targets; one whose watch has ended is watched anew. */
  keep(targets: Iterable<Target>): void;
  close(): Promise<void>;
}

/** Undefined where the collector does not watch. */
export function createWatching(parts: WatchingParts): Watching | undefined {
  const { source, instance, log, wait } = parts;
  if (instance.watch === undefined) return undefined;
  const watch = instance.watch.bind(instance);
  const running = new Map<string, { readonly controller: AbortController; readonly ended: Promise<void> }>();

  async function follow(target: Target, signal: AbortSignal): Promise<void> {
    try {
      for await (const _ of untilAborted(watch(target, signal), signal)) {
        // One under way may have passed what has just changed.
        while (!(await parts.look(target))) await wait(RETRY_MS, signal);
        await wait(Math.max(SHORTEST_GAP_MS, GAP_PER_LOOK * parts.lastLookMs(target.key)), signal);
      }
    } catch (error) {
      if (signal.aborted) return;
      log.warn(
        { source, target: target.key, error },
        'changes are not watched for: they are seen at the next look by schedule',
      );
    }
  }

  return {
    keep(targets) {
      const wanted = new Map([...targets].map((target) => [target.key, target]));
      for (const [key, { controller }] of running) {
        if (!wanted.has(key)) controller.abort(new Error('the target is gone'));
      }
      for (const [key, target] of wanted) {
        if (running.has(key)) continue;
        const controller = new AbortController();
        const ended = follow(target, controller.signal).finally(() => running.delete(key));
        running.set(key, { controller, ended });
      }
    },
    async close() {
      const all = [...running.values()];
      for (const { controller } of all) controller.abort(new Error('the source is closed'));
      await Promise.all(all.map(({ ended }) => ended));
    },
  };
}
