/** Work that runs again and again in this process: when it asked to, when it is woken, and at least every `atMostMs`. */
export interface Loop {
  /** Runs it soon, or once more soon after the present run. */
  wake(): void;
  /** Aborts the present run, waits for it, runs no more. */
  stop(): Promise<void>;
}

export interface LoopOptions {
  now(): number;
  readonly atMostMs: number;
  onError(error: unknown): void;
}

/** Never sooner than this after the last run ended: neither a run that asks for "now" nor one that is woken all the time can spin. */
const AT_LEAST_MS = 50;
/** After a failure it runs again so soon, after each further one in a row twice as late: a database that was restarted is there again. */
const AGAIN_MS = 250;

/** `run` gives the moment at which it wants to run again, or undefined when only a wake or `atMostMs` calls for it. */
export function startLoop(run: (signal: AbortSignal) => Promise<number | undefined>, options: LoopOptions): Loop {
  const stopping = new AbortController();
  let isWoken = false;
  /** In a row. */
  let failures = 0;
  /** Of the pause under way. */
  let endPause: (() => void) | undefined;

  async function turn(): Promise<number> {
    try {
      const next = await run(stopping.signal);
      failures = 0;
      return next === undefined ? options.atMostMs : next - options.now();
    } catch (error) {
      if (!stopping.signal.aborted) options.onError(error);
      failures += 1;
      return Math.min(options.atMostMs, AGAIN_MS * 2 ** (failures - 1));
    }
  }

  /** A wake shortens it, but not below the least; a stop ends it. */
  async function pause(ms: number): Promise<void> {
    if (stopping.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const since = performance.now();
      let timer = setTimeout(resolve, isWoken ? AT_LEAST_MS : Math.max(AT_LEAST_MS, Math.min(ms, options.atMostMs)));
      endPause = () => {
        clearTimeout(timer);
        const left = AT_LEAST_MS - (performance.now() - since);
        if (stopping.signal.aborted || left <= 0) resolve();
        else timer = setTimeout(resolve, left);
      };
    });
    endPause = undefined;
  }

  async function turns(): Promise<void> {
    // Not before the caller has got the loop: a run may want to wake it.
    await Promise.resolve();
    while (!stopping.signal.aborted) {
      isWoken = false;
      await pause(await turn());
    }
  }

  const ended = turns();
  return {
    wake() {
      isWoken = true;
      endPause?.();
    },
    async stop() {
      stopping.abort();
      endPause?.();
      await ended;
    },
  };
}
