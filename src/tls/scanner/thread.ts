import { Worker } from 'node:worker_threads';

import type { Handshake, ProbeResult } from '../probe-result.ts';
import type { Answer, PlainOptions, Request } from './messages.ts';

/** Each probe in flight holds a few kilobytes. Left to itself, V8 lets what is short-lived grow to a hundred megabytes. */
const MEMORY = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 16 };

/** A thread that has not answered by so long after the deadline of a probe will not do it any more. */
const OVERDUE_MS = 5_000;
const WATCH_MS = 1_000;

/** After a crash a new thread is started no earlier than this. */
const RESTART_MS = 1_000;

/** A fault of ours that left a probe without a result. */
export class ScannerError extends Error {
  override readonly name = 'ScannerError';
}

export interface ThreadOptions {
  /** The main module of the thread. */
  readonly module: URL;
  /** Milliseconds; only differences matter. */
  readonly now: () => number;
  /** The thread ended by itself, or had to be ended; there will be another. */
  readonly onCrash: (error: Error) => void;
}

interface Pending {
  readonly overdueAt: number;
  resolve(result: ProbeResult): void;
  reject(error: Error): void;
}

/**
 * One scanner thread, started when it is first needed and again after it crashed. What was under way in a crash fails with
 * ScannerError: to try it here would bring the crash here.
 */
export class ScannerThread {
  private readonly options: ThreadOptions;
  private readonly pending = new Map<number, Pending>();
  private worker: Worker | undefined;
  private outgoing: Request[] = [];
  private lastId = 0;
  private crashedAt: number | undefined;
  private restart: NodeJS.Timeout | undefined;
  private watch: NodeJS.Timeout | undefined;
  private isClosed = false;

  constructor(options: ThreadOptions) {
    this.options = options;
  }

  probe(options: PlainOptions, handshake: Handshake, signal: AbortSignal): Promise<ProbeResult> {
    if (this.isClosed) return Promise.reject(new ScannerError('the scanner was closed'));
    const id = ++this.lastId;
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.settle(id);
        this.send({ kind: 'stop', id });
        reject(signal.reason as Error);
      };
      if (this.pending.size === 0) this.keepAlive(true);
      this.pending.set(id, {
        overdueAt: this.options.now() + options.timeoutMs + OVERDUE_MS,
        resolve: (result) => {
          signal.removeEventListener('abort', onAbort);
          resolve(result);
        },
        reject: (error) => {
          signal.removeEventListener('abort', onAbort);
          reject(error);
        },
      });
      signal.addEventListener('abort', onAbort, { once: true });
      this.send({ kind: 'probe', id, handshake, options });
    });
  }

  /** Ends the thread; what is under way fails. */
  async close(): Promise<void> {
    this.isClosed = true;
    clearTimeout(this.restart);
    clearInterval(this.watch);
    const { worker } = this;
    this.worker = undefined;
    this.failAll('the scanner was closed');
    await worker?.terminate();
  }

  private send(request: Request): void {
    if (this.outgoing.length === 0) queueMicrotask(() => this.flush());
    this.outgoing.push(request);
  }

  private flush(): void {
    if (this.isClosed || this.restart !== undefined) return;
    const wait = this.crashedAt === undefined ? 0 : this.crashedAt + RESTART_MS - this.options.now();
    if (this.worker === undefined && wait > 0) {
      this.restart = setTimeout(() => {
        this.restart = undefined;
        this.flush();
      }, wait);
      return;
    }
    this.worker ??= this.start();
    this.worker.postMessage(this.outgoing);
    this.outgoing = [];
  }

  private start(): Worker {
    const worker = new Worker(this.options.module, {
      env: {},
      name: 'scanner',
      resourceLimits: MEMORY,
    });
    worker.on('message', (answers: readonly Answer[]) => {
      for (const answer of answers) this.take(answer);
    });
    worker.on('error', (error) => this.crashed(worker, error instanceof Error ? error : new Error(String(error))));
    worker.on('exit', (code) => this.crashed(worker, new Error(`the thread ended with code ${code}`)));
    this.watch ??= setInterval(() => this.endOverdue(), WATCH_MS).unref();
    return worker;
  }

  private take(answer: Answer): void {
    const pending = this.settle(answer.id);
    if (answer.kind === 'result') pending?.resolve(answer.result);
    else pending?.reject(new ScannerError(answer.message));
  }

  private settle(id: number): Pending | undefined {
    const pending = this.pending.get(id);
    this.pending.delete(id);
    if (this.pending.size === 0) this.keepAlive(false);
    return pending;
  }

  /** Whether the process is to go on for the sake of the thread. */
  private keepAlive(isNeeded: boolean): void {
    if (isNeeded) this.worker?.ref();
    else this.worker?.unref();
  }

  /** The oldest is the first, as far as deadlines do not differ much. */
  private endOverdue(): void {
    const [oldest] = this.pending.values();
    if (this.worker === undefined || oldest === undefined || this.options.now() < oldest.overdueAt) return;
    void this.worker.terminate();
    this.crashed(this.worker, new Error('the thread did not answer by the deadline of a probe'));
  }

  private crashed(worker: Worker, error: Error): void {
    if (this.worker !== worker) return;
    this.worker = undefined;
    this.crashedAt = this.options.now();
    this.options.onCrash(error);
    // What was not sent yet waits for the next thread.
    const unsent = new Set(this.outgoing.map(({ id }) => id));
    this.failAll(`the thread that made the probe ended: ${error.message}`, unsent);
  }

  private failAll(why: string, but: ReadonlySet<number> = new Set()): void {
    for (const [id, pending] of this.pending) {
      if (but.has(id)) continue;
      this.pending.delete(id);
      pending.reject(new ScannerError(why));
    }
  }
}
