import { lastInstantOf, startOf, titleKey } from '../plugin/lineage.ts';
import type { KnownCertificate } from './model.ts';

/** Renewals of one title at one location that are remembered: the latest. */
const MAX_RENEWALS = 5;
/** Titles at locations of which renewals are remembered; of more, nothing is learned. */
const MAX_TITLES = 300_000;

/** By title. */
export type RhythmsOfLocation = ReadonlyMap<string, readonly number[]>;

/** How each location renews, learned from what was replaced there. */
export class Rhythms {
  private readonly shares = new Map<number, Map<string, readonly number[]>>();
  private count = 0;

  /** A certificate was replaced by a newer one at this time. */
  learn(locationId: number, item: KnownCertificate, replacedAt: number): void {
    const [start, end] = [startOf(item), lastInstantOf(item)];
    if (!Number.isFinite(start) || !Number.isFinite(end) || end <= start) return;
    let here = this.shares.get(locationId);
    const key = titleKey(item);
    const before = here?.get(key);
    if (before === undefined && ++this.count > MAX_TITLES) return;
    if (here === undefined) this.shares.set(locationId, (here = new Map()));
    const share = Math.max(0, Math.min(1, (end - replacedAt) / (end - start)));
    here.set(key, [...(before ?? []), share].slice(-MAX_RENEWALS));
  }

  /** All that is remembered of a location, to be given to `reset` should what is learned next be undone. */
  of(locationId: number): RhythmsOfLocation {
    return new Map(this.shares.get(locationId));
  }

  reset(locationId: number, known: RhythmsOfLocation): void {
    this.count += known.size - (this.shares.get(locationId)?.size ?? 0);
    if (known.size === 0) this.shares.delete(locationId);
    else this.shares.set(locationId, new Map(known));
  }

  /**
   * The shares of their lifetimes that certificates of this title had left when they were replaced at the location, from 0
   * to 1, the latest last.
   */
  at(locationId: number, item: KnownCertificate): readonly number[] {
    return this.shares.get(locationId)?.get(titleKey(item)) ?? NONE;
  }
}

const NONE: readonly number[] = [];
