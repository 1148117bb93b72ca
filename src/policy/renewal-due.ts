import type { Sighting } from '../inventory/model.ts';
import { endsAt, lifetimeMs } from './kind.ts';
import { renewalWindow, wasMoved } from './renewal-window.ts';
import { isCertificate } from './served.ts';
import type { Subject } from './subject.ts';
import { utc } from './wording.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Clients try for some time before it counts: a share of the lifetime, within bounds. */
const GRACE_SHARE = 0.05;
const MIN_GRACE_MS = 6 * HOUR_MS;
const MAX_GRACE_MS = 7 * DAY_MS;
/** Where the lifetime is not known. */
const PLAIN_GRACE_MS = DAY_MS;
/** Below this lifetime half of it is left at the usual renewal, above it a third. */
const SHORT_LIFE_MS = 10 * DAY_MS;
/** Nobody renews by hand what lives no longer than this. */
const AUTOMATIC_LIFE_MS = 100 * DAY_MS;
/** Renewals that make a rhythm. */
const MIN_RENEWALS = 2;

/** When the renewal of something is due, and how that is known. */
export interface RenewalDue {
  readonly at: number;
  /** Time after it in which nothing is wrong yet. */
  readonly graceMs: number;
  /** How that is known, for people. */
  basis(): string;
  /** Whether it is known to be renewed then, and not only usual. */
  readonly isCertain: boolean;
}

/**
 * When the renewal is due: at the end of the window for which its CA asks; when its store says; as it has been renewed at
 * this location before; else when a third of its lifetime is left, or half of one under 10 days. The last holds only for
 * what is renewed by a machine: its store says so, or it lives for 100 days at most and a CA has issued it. `undefined` where nothing is known, or
 * where the CA asks for it ahead of time, which is told elsewhere.
 */
export function renewalDue(sighting: Sighting, subject: Subject): RenewalDue | undefined {
  const { item, renewal } = sighting;
  const end = endsAt(item);
  const lifeMs = lifetimeMs(item);
  const graceMs = graceOf(lifeMs);
  if (isCertificate(sighting)) {
    const window = renewalWindow(subject, sighting.item);
    if (window !== undefined) {
      if (wasMoved(window, sighting.item)) return undefined;
      const basis = (): string => `the CA asks for it from ${utc(window.startAt)} to ${utc(window.endAt)}`;
      return { at: window.endAt, graceMs, basis, isCertain: true };
    }
  }
  if (renewal?.dueAt !== undefined) {
    return { at: renewal.dueAt, graceMs, basis: () => 'as its store says', isCertain: renewal.mode !== 'unknown' };
  }
  if (end === undefined || lifeMs === undefined || lifeMs === 0) return undefined;
  const rhythm = isCertificate(sighting) ? rhythmOf(subject.view.rhythm(subject.location, sighting.item)) : undefined;
  if (rhythm !== undefined) {
    const { share, spread, count } = rhythm;
    const basis = (): string =>
      `as the last ${count} were renewed here, with ${Math.round(share * 100)}% of their lives left`;
    return {
      at: Math.round(end - share * lifeMs),
      graceMs: Math.round(graceMs + spread * lifeMs),
      basis,
      isCertain: true,
    };
  }
  if (renewal?.mode === 'manual' || (renewal?.mode !== 'automatic' && lifeMs > AUTOMATIC_LIFE_MS)) return undefined;
  if (isCertificate(sighting) && sighting.item.selfIssued && renewal === undefined) return undefined;
  const isShort = lifeMs < SHORT_LIFE_MS;
  return {
    at: Math.round(end - lifeMs / (isShort ? 2 : 3)),
    graceMs,
    basis: isShort ? halfLeft : thirdLeft,
    isCertain: renewal?.mode === 'automatic',
  };
}

function graceOf(lifeMs: number | undefined): number {
  return lifeMs === undefined
    ? PLAIN_GRACE_MS
    : Math.min(MAX_GRACE_MS, Math.max(MIN_GRACE_MS, Math.round(lifeMs * GRACE_SHARE)));
}

/** The middle of what was left at the last renewals, and how much later than that the latest of them came. */
function rhythmOf(
  shares: readonly number[],
): { readonly share: number; readonly spread: number; readonly count: number } | undefined {
  if (shares.length < MIN_RENEWALS) return undefined;
  // What was renewed at its very end, or after it, was renewed late: that is nothing to go by.
  const usual = shares.filter((share) => share > 0).toSorted((a, b) => a - b);
  const share = usual[Math.floor(usual.length / 2)];
  const [latest] = usual;
  if (share === undefined || latest === undefined || usual.length < MIN_RENEWALS) return undefined;
  return { share, spread: share - latest, count: usual.length };
}

function thirdLeft(): string {
  return 'as is usual, with a third of its life left';
}

function halfLeft(): string {
  return 'as is usual, with half of its life left';
}
