import { Worker } from 'node:worker_threads';

import type { Limits } from '../plugin/context.ts';
import { CollectError } from '../plugin/error.ts';

/** Work that is under way at once; what is stuck blocks one place until its time is over. */
const MAX_WORKERS = 4;
/** A worker without work is ended after this time: it holds 8 MiB and is there again in some 50 ms. */
const IDLE_MS = 5_000;
/** A thread that has not begun by then never will. */
const START_DEADLINE_MS = 30_000;
/** Recursion over hostile nesting ends here, as an error and not as a crash. */
const STACK_MB = 4;

export interface Task {
  /** Address of the module. */
  readonly module: string;
  readonly input: unknown;
}

export type Answer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly output: unknown }
  | { readonly kind: 'failed'; readonly message: string };

/** Runs pure functions on hostile content in threads that can be ended. */
export interface Isolation {
  /** See `Context.isolate`. */
  isolate<Output>(module: URL, input: unknown, limits: Limits): Promise<Output>;
  /** Ends every thread; what is under way fails. */
  close(): Promise<void>;
}

/** A thread, and who waits for its next answer. */
interface Hand {
  readonly worker: Worker;
  readonly memoryMb: number;
  onAnswer: (answer: Answer) => void;
  onEnd: (error: Error | undefined) => void;
  idle: NodeJS.Timeout | undefined;
}

interface Waiting {
  readonly task: Task;
  readonly limits: Limits;
  resolve(output: unknown): void;
  reject(error: Error): void;
}

export function createIsolation(maxWorkers = MAX_WORKERS): Isolation {
  const hands = new Set<Hand>();
  const free: Hand[] = [];
  const waiting: Waiting[] = [];

  function next(): void {
    for (let job = waiting[0]; job !== undefined; job = waiting[0]) {
      const hand = take(job.limits.memoryMb);
      if (hand === undefined) return;
      waiting.shift();
      void work(hand, job);
    }
  }

  /** A free thread with so much memory, or a new one in the place of another that is free. */
  function take(memoryMb: number): Hand | undefined {
    const fitting = free.findLastIndex((hand) => hand.memoryMb === memoryMb);
    if (fitting >= 0) return free.splice(fitting, 1)[0];
    if (hands.size >= maxWorkers) {
      const unfit = free.shift();
      if (unfit === undefined) return undefined;
      end(unfit);
    }
    return start(memoryMb);
  }

  function start(memoryMb: number): Hand {
    const worker = new Worker(asBuilt(new URL('./isolated-worker.ts', import.meta.url)), {
      env: {},
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: memoryMb, stackSizeMb: STACK_MB },
    });
    const hand: Hand = { worker, memoryMb, onAnswer: () => {}, onEnd: () => {}, idle: undefined };
    let failure: Error | undefined;
    worker.on('message', (answer: Answer) => hand.onAnswer(answer));
    worker.on('error', (error: Error) => {
      failure = error;
    });
    worker.on('exit', () => {
      forget(hand);
      hand.onEnd(failure);
      next();
    });
    hands.add(hand);
    return hand;
  }

  async function work(hand: Hand, job: Waiting): Promise<void> {
    clearTimeout(hand.idle);
    hand.worker.ref();
    try {
      if (hand.idle === undefined) await answerOf(hand, START_DEADLINE_MS);
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window
      hand.worker.postMessage(job.task);
      const answer = await answerOf(hand, job.limits.timeMs);
      if (answer.kind === 'done') job.resolve(answer.output);
      else job.reject(new CollectError('internal', answer.kind === 'failed' ? answer.message : 'it began twice'));
      release(hand);
    } catch (error) {
      end(hand);
      job.reject(error instanceof Error ? error : new Error(String(error)));
    }
    next();
  }

  function release(hand: Hand): void {
    hand.worker.unref();
    hand.idle = setTimeout(() => end(hand), IDLE_MS).unref();
    free.push(hand);
  }

  function forget(hand: Hand): void {
    clearTimeout(hand.idle);
    hands.delete(hand);
    const index = free.indexOf(hand);
    if (index >= 0) free.splice(index, 1);
  }

  function end(hand: Hand): void {
    forget(hand);
    void hand.worker.terminate();
  }

  return {
    isolate: <Output>(module: URL, input: unknown, limits: Limits) =>
      new Promise<Output>((resolve, reject) => {
        const task = { module: asBuilt(module).href, input };
        waiting.push({ task, limits, resolve: (output) => resolve(output as Output), reject });
        next();
      }),
    async close() {
      await Promise.all(
        [...hands].map(async (hand) => {
          clearTimeout(hand.idle);
          await hand.worker.terminate();
        }),
      );
    },
  };
}

/** The next answer of a thread. Rejects when it takes longer, or when the thread ends. */
function answerOf(hand: Hand, timeMs: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const detail = `it takes more than ${timeMs / 1000} s to read, and was given up; it may be made to take long`;
      reject(new CollectError('too_large', detail));
    }, timeMs);
    hand.onAnswer = (answer) => {
      clearTimeout(timer);
      resolve(answer);
    };
    hand.onEnd = (error) => {
      clearTimeout(timer);
      reject(endedBy(error, hand.memoryMb));
    };
  });
}

function endedBy(error: Error | undefined, memoryMb: number): CollectError {
  const isMemory = error !== undefined && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
  return isMemory
    ? new CollectError(
        'too_large',
        `it takes more than ${memoryMb} MiB of memory to read, and was given up; it may be made to take much`,
      )
    : new CollectError('internal', `the thread that read it ended: ${error?.message ?? 'nobody knows why'}`);
}

/** Modules are named as they stand in the source; what is built has them under another ending. */
function asBuilt(module: URL): URL {
  return import.meta.url.endsWith('.js') ? new URL(module.href.replace(/\.ts$/, '.js')) : module;
}
