import type { Job as BossJob, JobAttempt, PgBoss } from 'pg-boss';

import type { Abandon, Enqueue, Job, QueueOptions } from './engine.ts';
import type { EngineLog } from './log.ts';

/** A job that comes back more often is abandoned. */
const MAX_RETURNS = 3;
/** A node that has not said for so long that it works on something has lost it, seconds; the least that pg-boss takes. */
const SILENCE_S = 10;
/** How often a node says so, milliseconds. */
const TOUCH_MS = 3_000;
/** Where nothing wakes it, a queue is looked at this often, milliseconds. */
const POLL_MS = 1_000;
/** So often it is looked for jobs that were abandoned, milliseconds. */
const BURY_EVERY_MS = 5_000;
/** After this pg-boss takes a job for lost, whatever is said of it: some time after its own deadline, seconds. */
const EXPIRY_GRACE_S = 60;
/** What has ended is kept so long, seconds. */
const KEPT_S = 60;
/** pg-boss sees to it that no time is endless; no deadline of ours comes near, seconds. */
const LONGEST_EXPIRY_S = 86_399;

export interface SharedQueueParts<T> {
  readonly boss: PgBoss;
  readonly name: string;
  readonly options: QueueOptions;
  work(jobs: readonly Job<T>[], signal: AbortSignal): Promise<void>;
  readonly abandon: Abandon<T> | undefined;
  /** A number greater than every one before it, over all nodes. */
  nextFence(): Promise<bigint>;
  readonly log: EngineLog;
}

/** What lies in the database of one job. */
interface Payload<T> {
  readonly key: string;
  readonly data: T;
}

/** What pg-boss answers, though its types do not say so: the ids that are under way here still. */
interface Touched {
  readonly settled?: readonly string[];
}

interface Batch {
  readonly attempts: readonly JobAttempt[];
  readonly controller: AbortController;
  readonly done: Promise<void>;
}

/** Work that lies in PostgreSQL and is shared by nodes: any node queues it, one node at a time works on a key. */
export interface SharedQueue<T> {
  readonly enqueue: Enqueue<T>;
  /** Begins to take work. */
  open(): void;
  /** Takes nothing more; what is queued stays for others. */
  close(): void;
  /** Aborts the batches under way and gives their jobs back. */
  abort(reason: unknown): void;
  /** Resolves when no batch is under way. */
  settled(): Promise<void>;
}

/** Makes the queue in the database where it is not there yet. */
export async function openSharedQueue<T extends object | null>(parts: SharedQueueParts<T>): Promise<SharedQueue<T>> {
  const { boss, options, log } = parts;
  const name = options.zone === undefined ? parts.name : `${parts.name}.${options.zone}`;
  const dead = `${name}.abandoned`;
  await boss.createQueue(dead, { deleteAfterSeconds: KEPT_S });
  await boss.createQueue(name, {
    policy: 'exclusive',
    retryLimit: MAX_RETURNS,
    retryDelay: 0,
    heartbeatSeconds: SILENCE_S,
    expireInSeconds: Math.min(LONGEST_EXPIRY_S, Math.ceil(options.deadlineMs / 1000) + EXPIRY_GRACE_S),
    deleteAfterSeconds: KEPT_S,
    deadLetter: dead,
  });

  const batches = new Set<Batch>();
  let underWay = 0;
  let state: 'new' | 'open' | 'closed' = 'new';
  let taking: Promise<void> | undefined;
  let touching: NodeJS.Timeout | undefined;
  /** Ends the pause under way. */
  let wake: (() => void) | undefined;
  let isWoken = false;
  /** When what was abandoned is looked for again, by the monotonic clock. */
  let buryAt = 0;

  function stir(): void {
    isWoken = true;
    wake?.();
  }

  /** Until something may have changed, or the next look is due. */
  async function pause(): Promise<void> {
    if (isWoken || state !== 'open') return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, POLL_MS);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    wake = undefined;
  }

  async function take(): Promise<void> {
    while (state === 'open') {
      isWoken = false;
      const room = options.concurrency - underWay;
      const jobs = room > 0 ? await fetched(Math.min(options.batch, room)) : [];
      if (jobs.length === 0) {
        if (room > 0) await buryNow();
        await pause();
      } else {
        begin(jobs);
      }
    }
  }

  async function buryNow(): Promise<void> {
    if (parts.abandon === undefined || performance.now() < buryAt) return;
    buryAt = performance.now() + BURY_EVERY_MS;
    await buryOne(parts.abandon);
  }

  async function fetched(batchSize: number): Promise<readonly BossJob<Payload<T>>[]> {
    try {
      return await boss.fetch<Payload<T>>(name, { batchSize });
    } catch (err) {
      log.warn({ queue: parts.name, err }, 'the queue cannot be read; it is tried again');
      return [];
    }
  }

  function begin(jobs: readonly BossJob<Payload<T>>[]): void {
    underWay += jobs.length;
    const attempts = jobs.map(({ id, retryCount }) => ({ id, retryCount }));
    const controller = new AbortController();
    const batch: Batch = { attempts, controller, done: run(jobs, attempts, controller).finally(() => end(batch)) };
    batches.add(batch);
  }

  function end(batch: Batch): void {
    underWay -= batch.attempts.length;
    batches.delete(batch);
    stir();
  }

  async function run(
    jobs: readonly BossJob<Payload<T>>[],
    attempts: readonly JobAttempt[],
    controller: AbortController,
  ): Promise<void> {
    const fields = { queue: parts.name, jobs: jobs.length, first: jobs[0]?.data.key };
    const deadline = setTimeout(() => {
      log.error({ ...fields, deadlineMs: options.deadlineMs }, 'queued work ran past its deadline and is aborted');
      controller.abort(new Error(`not done within ${options.deadlineMs} ms`));
    }, options.deadlineMs);
    let isOver = true;
    try {
      const fence = await parts.nextFence();
      if (state !== 'open') isOver = false;
      else {
        const handed = jobs.map(({ data, retryCount }) => ({ ...data, fence, returns: retryCount }));
        await parts.work(handed, controller.signal);
      }
    } catch (err) {
      log.error({ ...fields, err }, 'queued work failed');
    } finally {
      clearTimeout(deadline);
    }
    // Aborted by a stop: the next who takes it does it.
    if (isGivenBack.has(controller)) isOver = false;
    await settle(attempts, isOver);
  }

  const isGivenBack = new WeakSet<AbortController>();

  /** When the database does not learn of it, it finds the job silent and hands it out again. */
  async function settle(attempts: readonly JobAttempt[], isOver: boolean): Promise<void> {
    try {
      if (isOver) await boss.complete(name, [...attempts]);
      else await boss.fail(name, [...attempts], { reason: 'given back' });
    } catch (err) {
      log.warn({ queue: parts.name, err }, 'the end of queued work could not be noted: it may be done again');
    }
  }

  /** Says of everything under way that somebody works on it; what another has taken over meanwhile is aborted. */
  async function touch(): Promise<void> {
    const current = [...batches];
    if (current.length === 0) return;
    try {
      const attempts = current.flatMap((batch) => batch.attempts);
      const { settled } = (await boss.touch(name, attempts)) as Touched;
      if (settled === undefined) return;
      const ours = new Set(settled);
      for (const batch of current) {
        const { controller } = batch;
        if (batch.attempts.every(({ id }) => ours.has(id)) || controller.signal.aborted || !batches.has(batch)) {
          continue;
        }
        log.warn({ queue: parts.name }, 'queued work is given up: it was handed to another node');
        controller.abort(new Error('another node works on it'));
      }
    } catch (err) {
      log.warn({ queue: parts.name, err }, 'the queue cannot be told what is under way');
    }
  }

  /** What nobody could bring to an end is told, once. */
  async function buryOne(abandon: Abandon<T>): Promise<void> {
    try {
      const [job] = await boss.fetch<Payload<T>>(dead, { batchSize: 1 });
      if (job === undefined) return;
      log.error({ queue: parts.name, key: job.data.key }, 'queued work is abandoned: whoever takes it never ends it');
      await abandon({ ...job.data, fence: await parts.nextFence() });
      await boss.complete(dead, { id: job.id, retryCount: job.retryCount });
      // There may be more.
      buryAt = 0;
      stir();
    } catch (err) {
      log.error({ queue: parts.name, err }, 'abandoned work could not be told of; it is tried again');
    }
  }

  return {
    async enqueue(key, data) {
      if (state === 'closed') return false;
      const id = await boss.send(name, { key, data }, { singletonKey: key });
      if (id === null) return false;
      stir();
      return true;
    },

    open() {
      state = 'open';
      taking = take();
      touching = setInterval(() => void touch(), TOUCH_MS);
    },

    close() {
      state = 'closed';
      wake?.();
    },

    abort(reason) {
      for (const { controller } of batches) {
        isGivenBack.add(controller);
        controller.abort(reason);
      }
    },

    async settled() {
      await taking;
      while (batches.size > 0) await Promise.all([...batches].map(({ done }) => done));
      clearInterval(touching);
    },
  };
}
