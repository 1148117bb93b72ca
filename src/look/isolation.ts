import { fork, type ChildProcess } from 'node:child_process';
import { getCompileCacheDir } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Limits } from '../plugin/context.ts';
import { CollectError } from '../plugin/error.ts';

/** Work that is under way at once; what is stuck blocks one place until its time is over. */
const MAX_WORKERS = 4;
/** A process without work is ended after this time: it holds some 40 MiB and is there again in 50 ms. */
const IDLE_MS = 5_000;
/** A process that has not begun by then never will. */
const START_DEADLINE_MS = 30_000;

export interface Task {
  /** Address of the module. */
  readonly module: string;
  readonly input: unknown;
  readonly timeMs: number;
}

export type Answer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly output: unknown }
  | { readonly kind: 'failed'; readonly message: string };

/**
 * Runs pure functions on hostile content in processes that can be ended. Threads would be cheaper, but where one of them
 * asks for too much memory at once, it is the whole process that ends.
 */
export interface Isolation {
  /** See `Context.isolate`. */
  isolate<Output>(module: URL, input: unknown, limits: Limits): Promise<Output>;
  /** Ends every process; what is under way fails. */
  close(): Promise<void>;
}

/** A process, and who waits for its next answer. */
interface Hand {
  readonly child: ChildProcess;
  readonly memoryMb: number;
  onAnswer: (answer: Answer) => void;
  onEnd: (why: string) => void;
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

  /** A free process with so much memory, or a new one in the place of another that is free. */
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
    // A folder of this version of Node, inside of the one that was named.
    const compiled = getCompileCacheDir();
    const child = fork(fileURLToPath(asBuilt(new URL('./isolated-process.ts', import.meta.url))), {
      env: compiled === undefined ? {} : { NODE_COMPILE_CACHE: path.dirname(compiled) },
      execArgv: [`--max-old-space-size=${memoryMb}`],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const hand: Hand = { child, memoryMb, onAnswer: () => {}, onEnd: () => {}, idle: undefined };
    child.on('message', (answer) => hand.onAnswer(answer as Answer));
    child.on('error', (error) => gone(hand, error.message));
    child.on('exit', (code, signal) => gone(hand, signal ?? `code ${code}`));
    hands.add(hand);
    return hand;
  }

  function gone(hand: Hand, why: string): void {
    forget(hand);
    hand.onEnd(why);
    next();
  }

  async function work(hand: Hand, job: Waiting): Promise<void> {
    clearTimeout(hand.idle);
    hand.child.ref();
    hand.child.channel?.ref();
    try {
      if (hand.idle === undefined) await answerOf(hand, START_DEADLINE_MS);
      hand.child.send(job.task, (error) => {
        if (error !== null) hand.onEnd(error.message);
      });
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
    hand.child.unref();
    hand.child.channel?.unref();
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
    hand.child.kill('SIGKILL');
  }

  return {
    isolate: <Output>(module: URL, input: unknown, limits: Limits) =>
      new Promise<Output>((resolve, reject) => {
        const task = { module: asBuilt(module).href, input, timeMs: limits.timeMs };
        waiting.push({ task, limits, resolve: (output) => resolve(output as Output), reject });
        next();
      }),
    async close() {
      await Promise.all(
        [...hands].map(async (hand) => {
          const ended = new Promise((resolve) => {
            hand.child.once('exit', resolve);
          });
          end(hand);
          await ended;
        }),
      );
    },
  };
}

/** The next answer of a process. Rejects when it takes longer, or when the process ends. */
function answerOf(hand: Hand, timeMs: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const detail = `it takes more than ${timeMs / 1000} s to read, and was given up; it may be made to take long`;
      reject(new CollectError('too_costly', detail));
    }, timeMs);
    hand.onAnswer = (answer) => {
      clearTimeout(timer);
      resolve(answer);
    };
    hand.onEnd = (why) => {
      clearTimeout(timer);
      reject(endedBy(why, hand.memoryMb));
    };
  });
}

/** V8 ends a process whose objects do not fit with abort(). */
function endedBy(why: string, memoryMb: number): CollectError {
  return why === 'SIGABRT' || why === 'SIGTRAP' || why === 'code 134'
    ? new CollectError(
        'too_costly',
        `it takes more than ${memoryMb} MiB of memory to read, and was given up; it may be made to take much`,
      )
    : new CollectError('internal', `the process that read it ended: ${why}`);
}

/** Modules are named as they stand in the source; what is built has them under another ending. */
function asBuilt(module: URL): URL {
  return import.meta.url.endsWith('.js') ? new URL(module.href.replace(/\.ts$/, '.js')) : module;
}
