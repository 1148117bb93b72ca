import type { DueTimes } from './due-times.ts';
import type { EngineLog } from './log.ts';
import type { Plan } from './plan.ts';

export interface SchedulesParts {
  readonly dueTimes: DueTimes;
  now(): number;
  readonly log: EngineLog;
  /** How long after its due time a run began. */
  onLag(name: string, lagMs: number): void;
}

type Run = (signal: AbortSignal) => Promise<void>;

interface Entry {
  readonly name: string;
  plan: Plan;
  run: Run;
  due: number;
  /** The due time was set by hand: it waits for a run that is under way instead of being skipped. */
  triggered: boolean;
  removed: boolean;
  /** A change of the due time in the store that is under way. */
  moving: Promise<void> | undefined;
  running: { readonly controller: AbortController; readonly done: Promise<void> } | undefined;
}

/** Runs each schedule once per due time and never twice at once. The due times live in the store. */
export interface Schedules {
  set(name: string, plan: Plan, run: Run): Promise<void>;
  remove(name: string): Promise<void>;
  trigger(name: string): Promise<void>;
  /** From now on what is due is run; resolves when what is due now has begun. */
  open(): Promise<void>;
  tick(): void;
  /** Begins nothing more. */
  close(): void;
  /** Aborts what is under way; its due times are given back, so that it runs at the next start. */
  abort(reason: unknown): void;
  /** Resolves when nothing is under way. */
  settled(): Promise<void>;
}

export function createSchedules({ dueTimes, now, log, onLag }: SchedulesParts): Schedules {
  const entries = new Map<string, Entry>();
  let state: 'new' | 'open' | 'closed' = 'new';
  let lastTick = -Infinity;

  /** One change of an entry's due time at a time; an error of the store is logged, and the next tick tries again. */
  function move(entry: Entry, work: () => Promise<void>): Promise<void> {
    const before = entry.moving;
    async function moved(): Promise<void> {
      await before;
      try {
        await work();
      } catch (err) {
        log.error({ schedule: entry.name, err }, 'a due time could not be moved: it is tried again');
      }
    }
    const moving = moved().then(() => {
      if (entry.moving === moving) entry.moving = undefined;
    });
    entry.moving = moving;
    return moving;
  }

  /** Moves the due time from what is known to `due`; where another was faster, theirs is taken over. */
  async function claim(entry: Entry, due: number): Promise<boolean> {
    const claimed = await dueTimes.claim(entry.name, entry.due, due);
    if (claimed) entry.due = due;
    else await load(entry);
    return claimed;
  }

  async function load(entry: Entry): Promise<void> {
    await dueTimes.init(entry.name, entry.plan.first(now()));
    const due = await dueTimes.next(entry.name);
    if (due === undefined) throw new Error(`the store does not remember the due time of ${entry.name}`);
    entry.due = due;
  }

  async function bound(entry: Entry): Promise<void> {
    const due = entry.plan.bounded(entry.due, now());
    if (due !== entry.due) await claim(entry, due);
  }

  function check(entry: Entry): void {
    if (state !== 'open' || entry.moving !== undefined || entry.due > now()) return;
    if (entry.triggered && entry.running !== undefined) return;
    void move(entry, () => fall(entry));
  }

  /** The due time has come. */
  async function fall(entry: Entry): Promise<void> {
    const due = entry.due;
    if (entry.removed || !(await claim(entry, entry.plan.following(now())))) return;
    if (entry.removed) return;
    if (state !== 'open') {
      await claim(entry, due);
      return;
    }
    entry.triggered = false;
    if (entry.running === undefined) begin(entry, due);
    else log.warn({ schedule: entry.name }, 'a run was left out: the one before it is still under way');
  }

  function begin(entry: Entry, due: number): void {
    const controller = new AbortController();
    onLag(entry.name, now() - due);
    entry.running = { controller, done: carry(entry, due, controller.signal) };
  }

  async function carry(entry: Entry, due: number, signal: AbortSignal): Promise<void> {
    // Not before the caller has noted that it runs.
    await Promise.resolve();
    try {
      await entry.run(signal);
    } catch (err) {
      if (!signal.aborted) log.error({ schedule: entry.name, err }, 'a scheduled run failed');
    }
    if (signal.aborted && !entry.removed) await move(entry, async () => void (await claim(entry, due)));
    entry.running = undefined;
    if (entry.triggered) check(entry);
  }

  async function settle(entry: Entry): Promise<void> {
    while (entry.moving !== undefined || entry.running !== undefined) {
      await entry.moving;
      await entry.running?.done;
    }
  }

  return {
    async set(name, plan, run) {
      const known = entries.get(name);
      if (known !== undefined) {
        known.plan = plan;
        known.run = run;
        await move(known, () => bound(known));
        return;
      }
      const entry: Entry = {
        name,
        plan,
        run,
        due: Infinity,
        triggered: false,
        removed: false,
        moving: undefined,
        running: undefined,
      };
      entries.set(name, entry);
      try {
        await load(entry);
        await bound(entry);
      } catch (error) {
        entries.delete(name);
        throw error;
      }
      check(entry);
    },

    async remove(name) {
      const entry = entries.get(name);
      if (entry !== undefined) {
        entry.removed = true;
        entries.delete(name);
        entry.running?.controller.abort(new Error(`${name} is no longer scheduled`));
        await settle(entry);
      }
      await dueTimes.forget(name);
    },

    async trigger(name) {
      const entry = entries.get(name);
      if (entry === undefined) throw new Error(`nothing is scheduled under the name ${name}`);
      await move(entry, async () => {
        entry.triggered = true;
        if (entry.due > now()) await claim(entry, now());
      });
      check(entry);
    },

    async open() {
      state = 'open';
      lastTick = now();
      for (const entry of entries.values()) check(entry);
      await Promise.all([...entries.values()].map(async (entry) => entry.moving));
    },

    tick() {
      const at = now();
      const setBack = at < lastTick;
      lastTick = at;
      for (const entry of entries.values()) {
        if (setBack && entry.moving === undefined) void move(entry, () => bound(entry));
        check(entry);
      }
    },

    close() {
      state = 'closed';
    },

    abort(reason) {
      for (const entry of entries.values()) entry.running?.controller.abort(reason);
    },

    async settled() {
      await Promise.all([...entries.values()].map(settle));
    },
  };
}
