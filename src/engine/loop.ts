/** Work that runs again and again in this process: when it asked to, when it is woken, and at least every `atMostMs`. */
export interface Loop {
  /** Runs it soon, or once more right after the present run. */
  wake(): void;
  /** Aborts the present run, waits for it, runs no more. */
  stop(): Promise<void>;
}

export interface LoopOptions {
  now(): number;
  readonly atMostMs: number;
  onError(error: unknown): void;
}

/** Never sooner than this after the last run ended, so that a run that asks for "now" cannot spin. */
const AT_LEAST_MS = 50;

/** `run` gives the moment at which it wants to run again, or undefined when only a wake or `atMostMs` calls for it. */
export function startLoop(run: (signal: AbortSignal) => Promise<number | undefined>, options: LoopOptions): Loop {
  const stopping = new AbortController();
  let wake: () => void = () => undefined;
  let woken = false;

  async function turn(): Promise<number> {
    try {
      const next = await run(stopping.signal);
      return next === undefined ? options.atMostMs : next - options.now();
    } catch (error) {
      if (!stopping.signal.aborted) options.onError(error);
      return options.atMostMs;
    }
  }

  async function pause(ms: number): Promise<void> {
    if (woken || stopping.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.min(Math.max(ms, AT_LEAST_MS), options.atMostMs));
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    wake = () => undefined;
  }

  async function turns(): Promise<void> {
    while (!stopping.signal.aborted) {
      woken = false;
      await pause(await turn());
    }
  }

  const ended = turns();
  return {
    wake() {
      woken = true;
      wake();
    },
    async stop() {
      stopping.abort();
      wake();
      await ended;
    },
  };
}
