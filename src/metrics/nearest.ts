/** Seconds since the epoch are counted from here: what ended in the year 0 comes before everything. */
const OFFSET = 2 ** 37;
const LARGEST = 2 ** 39 - 1;
const BINS = 8_192;
const WIDTHS = [BINS ** 2, BINS, 1] as const;

/** Ranks of what has no end: behind everything. */
export const LAST_RANK = LARGEST;

/** What ends at this time, milliseconds since the epoch, by whole seconds: what ends first has the smallest. */
export function rankOf(endAt: number | undefined): number {
  if (endAt === undefined) return LAST_RANK;
  return Math.min(Math.max(Math.floor(endAt / 1000) + OFFSET, 0), LARGEST);
}

/** The end that gives this rank, seconds since the epoch; `undefined` for none. */
export function endOfRank(rank: number): number | undefined {
  return rank === LAST_RANK ? undefined : rank - OFFSET;
}

/** Everything before this rank is in, and of this rank everything up to this place. */
export interface Limit {
  readonly rank: number;
  readonly place: number;
}

/** Everything is in. */
export const NO_LIMIT: Limit = { rank: Infinity, place: 0 };

/**
 * Where to stop so that what ends first is in and the weights together are at most `budget`. Places without weight do not
 * count. Three passes over the ranks, whatever their order: no sorting, so that a million take some milliseconds.
 */
export function nearest(ranks: Float64Array, weights: Uint32Array, count: number, budget: number): Limit {
  let left = budget;
  let from = 0;
  let span = LARGEST + 1;
  for (const width of WIDTHS) {
    const bins = new Float64Array(BINS);
    for (let place = 0; place < count; place++) {
      const within = (ranks[place] ?? 0) - from;
      if (within < 0 || within >= span) continue;
      const bin = Math.floor(within / width);
      bins[bin] = (bins[bin] ?? 0) + (weights[place] ?? 0);
    }
    let bin = 0;
    for (; bin < BINS && (bins[bin] ?? 0) <= left; bin++) left -= bins[bin] ?? 0;
    if (bin === BINS) return NO_LIMIT;
    from += bin * width;
    span = width;
  }
  let last = -1;
  for (let place = 0; place < count; place++) {
    if (ranks[place] !== from) continue;
    const weight = weights[place] ?? 0;
    if (weight > left) break;
    left -= weight;
    last = place;
  }
  return { rank: from, place: last };
}

export function isWithin(limit: Limit, rank: number, place: number): boolean {
  return rank < limit.rank || (rank === limit.rank && place <= limit.place);
}
