import type { Enqueue, Job, QueueOptions } from './engine.ts';
import type { EngineLog } from './log.ts';

/** Work in memory: at most `concurrency` jobs under way, in batches, never two of one key. */
export interface WorkQueue<T> {
  readonly enqueue: Enqueue<T>;
  /** Begins to hand out work; every hand-out takes its fence from `nextFence`. */
  open(nextFence: () => bigint): void;
  /** Hands out nothing more and takes nothing more; gives the number of jobs that were left. */
  close(): number;
  /** Aborts the batches under way. */
  abort(reason: unknown): void;
  /** Resolves when no batch is under way. */
  settled(): Promise<void>;
}

export function createWorkQueue<T>(
  name: string,
  options: QueueOptions,
  work: (jobs: readonly Job<T>[], signal: AbortSignal) => Promise<void>,
  log: EngineLog,
): WorkQueue<T> {
  for (const option of ['concurrency', 'batch', 'deadlineMs'] as const) {
    const value = options[option];
    if (!(value >= 1)) throw new Error(`queue ${name}: ${option} must be at least 1, not ${value}`);
  }
  /** Every key that is queued or under way. */
  const keys = new Set<string>();
  /** Job by key, in the order they came. */
  const waiting = new Map<string, T>();
  const batches = new Map<AbortController, Promise<void>>();
  let underWay = 0;
  let nextFence: (() => bigint) | undefined;
  let closed = false;
  let planned: NodeJS.Immediate | undefined;

  /** Later, so that those who enqueue many at once get full batches. */
  function plan(): void {
    if (planned !== undefined || nextFence === undefined || closed) return;
    planned = setImmediate(() => {
      planned = undefined;
      handOut();
    });
  }

  function handOut(): void {
    while (nextFence !== undefined && !closed && waiting.size > 0 && underWay < options.concurrency) {
      const jobs: Job<T>[] = [];
      for (const [key, data] of waiting) {
        if (jobs.length >= options.batch || underWay + jobs.length >= options.concurrency) break;
        waiting.delete(key);
        jobs.push({ key, data, fence: nextFence(), returns: 0 });
      }
      underWay += jobs.length;
      const controller = new AbortController();
      batches.set(controller, run(jobs, controller));
    }
  }

  async function run(jobs: readonly Job<T>[], controller: AbortController): Promise<void> {
    const fields = { queue: name, jobs: jobs.length, first: jobs[0]?.key };
    const deadline = setTimeout(() => {
      log.error({ ...fields, deadlineMs: options.deadlineMs }, 'queued work ran past its deadline and is aborted');
      controller.abort(new Error(`not done within ${options.deadlineMs} ms`));
    }, options.deadlineMs);
    try {
      await work(jobs, controller.signal);
    } catch (err) {
      log.error({ ...fields, err }, 'queued work failed');
    } finally {
      clearTimeout(deadline);
      for (const { key } of jobs) keys.delete(key);
      underWay -= jobs.length;
      batches.delete(controller);
      plan();
    }
  }

  return {
    async enqueue(key, data) {
      if (closed || keys.has(key)) return false;
      keys.add(key);
      waiting.set(key, data);
      plan();
      return true;
    },

    open(fences) {
      nextFence = fences;
      plan();
    },

    close() {
      closed = true;
      clearImmediate(planned);
      planned = undefined;
      const left = waiting.size;
      waiting.clear();
      return left;
    },

    abort(reason) {
      for (const controller of batches.keys()) controller.abort(reason);
    },

    async settled() {
      while (batches.size > 0) await Promise.all(batches.values());
    },
  };
}
