/** When something runs: at a fixed interval (with a stable phase by name, so that not all start at once), or by a cron expression in a time zone. */
export type Schedule = { readonly everyMs: number } | { readonly cron: string; readonly timezone: string };

/** One piece of queued work. `fence` grows with every hand-out of a key: it goes with every record. */
export interface Job<T> {
  readonly key: string;
  readonly data: T;
  readonly fence: bigint;
  /** How often it was handed out before without an end: the node that had it died, was paused or was stopped. */
  readonly returns: number;
}

export interface QueueOptions {
  /** Jobs under way at once. */
  readonly concurrency: number;
  /** Jobs handed to one call of the worker at most. */
  readonly batch: number;
  /** A job still running after this long is aborted. */
  readonly deadlineMs: number;
  /** Where nodes share the work: only those of this zone take it. */
  readonly zone?: string;
}

/** What is done about a job that was handed out again and again and never came to an end: it may be what ends its nodes. */
export type Abandon<T> = (job: Pick<Job<T>, 'key' | 'data' | 'fence'>) => Promise<void>;

/** Resolves when the job is queued; false when a job of that key is queued or running already: it is not queued twice. */
export type Enqueue<T> = (key: string, data: T) => Promise<boolean>;

/**
 * Moves work; does not know what it is.
 *
 * Promised: a schedule runs once per due time (for `cluster`: over all nodes), never overlapping itself; a due time
 * missed while stopped runs once at start, not once per miss; a queued job is worked at least once, never two of one
 * key at a time. Not promised: exact times (the tick is a second), order between keys.
 */
export interface Engine {
  every(
    name: string,
    schedule: Schedule,
    scope: 'cluster' | 'node',
    run: (signal: AbortSignal) => Promise<void>,
  ): Promise<void>;
  /** After this no new run of that name starts; a running one is aborted and waited for. */
  unschedule(name: string): Promise<void>;
  /** Makes a schedule due now. */
  trigger(name: string): Promise<void>;
  queue<T>(
    name: string,
    options: QueueOptions,
    work: (jobs: readonly Job<T>[], signal: AbortSignal) => Promise<void>,
    abandon?: Abandon<T>,
  ): Promise<Enqueue<T>>;
  start(): Promise<void>;
  /** Starts nothing new, lets what runs end until the signal aborts, then aborts it and waits. */
  stop(signal: AbortSignal): Promise<void>;
}
