import { createTask, type Logger, type ScheduledTask, type TaskOptions } from 'node-cron';

import type { EngineLog } from './log.ts';

/** Calls back about once a second until it is stopped, and leaves nothing behind then. */
export type Ticker = (onTick: () => void) => () => void;

const DAY_MS = 86_400_000;

/** Longer than any tick takes, shorter than anyone notices. */
const SILENCE_MS = 3_000;

/**
 * The tick of node-cron, one task for each beat.
 *
 * One task of `* * * * * *` would do while the clock behaves. When the clock is set back, node-cron waits until the old
 * time comes again; when it leaps forward (a suspended machine, a board that starts in 1970), node-cron walks through
 * every second in between: minutes, or for ever. A task for the next second alone has nothing to walk through, and a
 * timer of the monotonic clock plans anew when that second does not come.
 */
export function cronTicker(log: EngineLog): Ticker {
  const options: TaskOptions = {
    timezone: 'UTC',
    // A tick that comes late comes all the same.
    missedExecutionTolerance: DAY_MS,
    suppressMissedWarning: true,
    logger: routed(log),
  };
  return (onTick) => {
    let task: ScheduledTask | undefined;
    let silence: NodeJS.Timeout | undefined;

    function arm(): void {
      const second = nextSecond(options);
      task = createTask(
        `${second.getUTCSeconds()} ${second.getUTCMinutes()} ${second.getUTCHours()} * * *`,
        beat,
        options,
      );
      void task.start();
      silence = setTimeout(beat, SILENCE_MS);
    }

    function disarm(): void {
      clearTimeout(silence);
      void task?.destroy();
      task = undefined;
    }

    function beat(): void {
      // A beat that was under way when the ticker was stopped.
      if (task === undefined) return;
      disarm();
      arm();
      onTick();
    }

    arm();
    return disarm;
  };
}

/** By the clock that node-cron itself goes by. */
function nextSecond(options: TaskOptions): Date {
  const task = createTask('* * * * * *', () => {}, options);
  void task.destroy();
  const [next] = task.getNextRuns(1);
  if (next === undefined) throw new Error('node-cron knows no next second');
  return next;
}

/** node-cron writes to the console unless it is told otherwise. */
function routed(log: EngineLog): Logger {
  return {
    debug: () => {},
    info: () => {},
    warn: (detail) => log.warn({ detail }, 'node-cron warns'),
    error: (detail, err) =>
      log.error(
        { detail: detail instanceof Error ? undefined : detail, err: detail instanceof Error ? detail : err },
        'node-cron failed',
      ),
  };
}
