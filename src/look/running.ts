import type { Target } from '../plugin/collector.ts';
import type { Source } from './ports.ts';
import type { Watching } from './watching.ts';

/** What is queued. */
export interface LookJob {
  readonly source: string;
  /** The definition under which the targets were found. */
  readonly definition: string;
  /** One, but where nodes share the work. */
  readonly targets: readonly Target[];
}

/** A source that is looked at. */
export interface Running {
  readonly source: Source;
  readonly definition: string;
  isNew: boolean;
  /** What the latest round found. */
  targets: ReadonlyMap<string, Target>;
  /** Targets of the first round that have not been looked at yet; undefined until they are known. */
  awaited: Set<string> | undefined;
  /**
   * Targets looked at since the definition changed: the others are looked at as if they were not known, since labels and
   * passwords reach what did not change itself as well. Undefined when the definition is the one of before, and nobody
   * else can have been the first with it.
   */
  readonly renewed: Set<string> | undefined;
  readonly underWay: Map<AbortController, Promise<unknown>>;
  /** How long the latest looks took, by target key, milliseconds. */
  readonly lastLookMs: Map<string, number>;
  readonly watching: Watching | undefined;
}

/** Lets a reload stop the look, too, and wait for it. */
export async function stoppable<T>(
  run: Running,
  signal: AbortSignal,
  start: (stopping: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const stop = (): void => controller.abort(signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  const looking = start(controller.signal);
  run.underWay.set(controller, looking);
  try {
    return await looking;
  } finally {
    run.underWay.delete(controller);
    signal.removeEventListener('abort', stop);
  }
}
