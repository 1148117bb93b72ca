import { randomFillSync } from 'node:crypto';

import type { KeyShare } from './client-hello.ts';
import { CURVES, type Agreement, type Group } from './groups.ts';

/** A key serves every probe that begins within this time. */
const KEY_LIFETIME_MS = 60_000;

/** Random octets are drawn so many at a time: a call costs more than they do. */
const POOL_LENGTH = 4_096;

/** How many groups get a key share in the first hello. */
const SHARES = 2;

/**
 * What a probe needs of chance: keys and nonces.
 *
 * The keys are real and unguessable, and serve many probes for up to a minute. Nothing secret is ever sent over a probe's
 * connection; whoever sees two of them can tell that they belong together.
 */
export interface Ephemerals {
  /** The groups with a key share in the first hello, each with its own key. */
  readonly shares: readonly KeyShare[];
  /** The key for a group. */
  agreement(group: Group): Agreement;
  /** Random octets that nobody else gets. */
  random(count: number): Buffer;
}

/** `now` in milliseconds; only differences matter. */
export function createEphemerals(
  now: () => number,
  fill: (bytes: Buffer) => void = (bytes) => {
    randomFillSync(bytes);
  },
): () => Ephemerals {
  let pool = Buffer.alloc(0);
  let current: { readonly ephemerals: Ephemerals; readonly endsAt: number } | undefined;

  function random(count: number): Buffer {
    if (pool.length < count) {
      pool = Buffer.alloc(POOL_LENGTH);
      fill(pool);
    }
    const taken = pool.subarray(0, count);
    pool = pool.subarray(count);
    return taken;
  }

  function create(): Ephemerals {
    const keys = new Map<Group, Agreement>();
    function agreement(group: Group): Agreement {
      const known = keys.get(group) ?? group.generate();
      keys.set(group, known);
      return known;
    }
    const shares = CURVES.slice(0, SHARES).map((group) => ({ group, agreement: agreement(group) }));
    return { shares, agreement, random };
  }

  return () => {
    const time = now();
    if (current === undefined || time >= current.endsAt) {
      current = { ephemerals: create(), endsAt: time + KEY_LIFETIME_MS };
    }
    return current.ephemerals;
  };
}
