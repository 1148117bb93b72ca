import type { DueTimes } from './due-times.ts';
import type { EngineLog } from './log.ts';
import type { Plan } from './plan.ts';

export interface SchedulesParts {
  readonly dueTimes: DueTimes;
  now(): number;
  readonly log: EngineLog;
  /** How long after its due time a run began. */
  onLag(name: string, lagMs: number): void;
  /**
   * For schedules shared by nodes: a run that begins sets the due time so far ahead only, and again and again while it
   * goes on. When its node dies or is paused, the time passes and another node runs it.
   */
  readonly leaseMs?: number;
}

/** Of a lease, the share that is left when it is prolonged. */
const PROLONGED_AT = 2 / 3;
/** A shared run that failed is run again so soon, unless it is due earlier. */
const RETRY_MS = 5_000;

type Run = (signal: AbortSignal) => Promise<void>;

interface Entry {
  readonly name: string;
  /** Shared by nodes. */
  leased: boolean;
  plan: Plan;
  run: Run;
  due: number;
  /** The due time was set by hand: it waits for a run that is under way instead of being skipped. */
  triggered: boolean;
  removed: boolean;
  /** A change of the due time in the store that is under way. */
  moving: Promise<void> | undefined;
  running: Running | undefined;
}

interface Running {
  readonly controller: AbortController;
  readonly done: Promise<void>;
  /** Another node runs it now. */
  lost: boolean;
}

/** Runs each schedule once per due time and never twice at once. The due times live in the store. */
export interface Schedules {
  set(name: string, plan: Plan, run: Run, scope: 'cluster' | 'node'): Promise<void>;
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

export function createSchedules({ dueTimes, now, log, onLag, leaseMs }: SchedulesParts): Schedules {
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
    let due = await dueTimes.next(entry.name);
    if (due === undefined) {
      await dueTimes.init(entry.name, entry.plan.first(now()));
      due = await dueTimes.next(entry.name);
    }
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
    if (entry.removed) return;
    const following = entry.plan.following(now());
    if (!(await claim(entry, leaseOf(entry) ?? following))) {
      lose(entry);
      return;
    }
    if (entry.removed) return;
    if (state !== 'open') {
      await claim(entry, due);
      return;
    }
    entry.triggered = false;
    if (entry.running === undefined) begin(entry, due, following);
    // A lease that ran out while nobody else was there goes on.
    else if (!entry.leased) {
      log.warn({ schedule: entry.name }, 'a run was left out: the one before it is still under way');
    }
  }

  function leaseOf(entry: Entry): number | undefined {
    return entry.leased && leaseMs !== undefined ? now() + leaseMs : undefined;
  }

  /** Another node has taken over what runs here. */
  function lose({ running, name }: Entry): void {
    if (running === undefined || running.lost) return;
    running.lost = true;
    log.warn({ schedule: name }, 'a run is given up: another node has taken over');
    running.controller.abort(new Error(`another node runs ${name}`));
  }

  /** Runs only while an entry is running. */
  async function prolong(entry: Entry): Promise<void> {
    const until = leaseOf(entry);
    if (until === undefined || entry.running === undefined || entry.removed) return;
    if (!(await claim(entry, until))) lose(entry);
  }

  function begin(entry: Entry, due: number, following: number): void {
    const controller = new AbortController();
    onLag(entry.name, now() - due);
    entry.running = { controller, done: carry(entry, due, following, controller.signal), lost: false };
  }

  async function carry(entry: Entry, due: number, following: number, signal: AbortSignal): Promise<void> {
    // Not before the caller has noted that it runs.
    await Promise.resolve();
    let hasFailed = false;
    try {
      await entry.run(signal);
    } catch (err) {
      hasFailed = true;
      if (!signal.aborted) log.error({ schedule: entry.name, err }, 'a scheduled run failed');
    }
    const isOurs = !entry.removed && entry.running?.lost !== true;
    if (isOurs && (signal.aborted || entry.leased)) {
      await move(entry, async () => {
        const next = signal.aborted ? due : nextOf(entry, following, hasFailed);
        // A trigger came meanwhile and has moved it.
        if (entry.triggered && !signal.aborted) return;
        await claim(entry, next);
      });
    }
    entry.running = undefined;
    if (entry.triggered) check(entry);
  }

  /** The due time after a shared run that has ended. */
  function nextOf(entry: Entry, following: number, hasFailed: boolean): number {
    const next = following > now() ? following : entry.plan.following(now());
    return hasFailed ? Math.min(next, now() + RETRY_MS) : next;
  }

  /** Also after `close`: what is under way then is waited for. */
  function endsSoon({ leased, triggered, running, moving, due }: Entry, at: number): boolean {
    if (
      !leased ||
      triggered ||
      leaseMs === undefined ||
      running === undefined ||
      running.lost ||
      moving !== undefined
    ) {
      return false;
    }
    return due - at < leaseMs * PROLONGED_AT;
  }

  async function settle(entry: Entry): Promise<void> {
    while (entry.moving !== undefined || entry.running !== undefined) {
      await entry.moving;
      await entry.running?.done;
    }
  }

  return {
    async set(name, plan, run, scope) {
      const leased = leaseMs !== undefined && scope === 'cluster';
      const known = entries.get(name);
      if (known !== undefined) {
        known.plan = plan;
        known.run = run;
        known.leased = leased;
        await move(known, () => bound(known));
        return;
      }
      const entry: Entry = {
        name,
        leased,
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
        if (endsSoon(entry, at)) void move(entry, () => prolong(entry));
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
