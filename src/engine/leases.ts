import type { DueTimes } from './due-times.ts';

/** What a node that died or is paused held is another's after this, milliseconds. */
const LEASE_MS = 12_000;
/** A lease with less left is prolonged; one with less than the margin left is used no more. */
const PROLONGED_AT_MS = 8_000;
const MARGIN_MS = 2_000;

/** Things of which each is done by one node at a time. */
export interface Leases {
  /** Whether this node has it now, or gets it: nobody else does. Asks the store only where time makes it necessary. */
  hold(name: string): Promise<boolean>;
  /** Whether this node has it still, without asking anybody. False after a pause. */
  isHeld(name: string): boolean;
  /** Prolongs what is held; to be called every few seconds. */
  keep(): Promise<void>;
  /** Lets others have them at once. */
  release(): Promise<void>;
}

/** The time of `clock` must be the same for all nodes, but for a second or so. */
export function createLeases(dueTimes: DueTimes, clock: { now(): number }): Leases {
  /** Until when each is held. */
  const held = new Map<string, number>();
  /** What the store is asked for now: who asks for the same meanwhile gets the same answer, and not his own turned down. */
  const asked = new Map<string, Promise<boolean>>();

  function take(name: string): Promise<boolean> {
    const underWay = asked.get(name);
    if (underWay !== undefined) return underWay;
    const answer = ask(name).finally(() => asked.delete(name));
    asked.set(name, answer);
    return answer;
  }

  async function ask(name: string): Promise<boolean> {
    const key = keyOf(name);
    const known = held.get(name) ?? (await dueTimes.next(key)) ?? 0;
    if (known === 0) await dueTimes.init(key, 0);
    if (!held.has(name) && known > clock.now()) return false;
    const until = clock.now() + LEASE_MS;
    if (await dueTimes.claim(key, known, until)) {
      held.set(name, until);
      return true;
    }
    held.delete(name);
    return false;
  }

  function left(name: string): number {
    return (held.get(name) ?? -Infinity) - clock.now();
  }

  return {
    async hold(name) {
      return left(name) > PROLONGED_AT_MS || (await take(name));
    },

    isHeld: (name) => left(name) > MARGIN_MS,

    async keep() {
      for (const name of held.keys()) if (left(name) <= PROLONGED_AT_MS) await take(name);
    },

    async release() {
      await Promise.allSettled(asked.values());
      for (const [name, until] of held) await dueTimes.claim(keyOf(name), until, 0);
      held.clear();
    },
  };
}

function keyOf(name: string): string {
  return `engine:lease ${name}`;
}
