import { matches, parseMatcher, type Matcher } from '../label/matcher.ts';
import type { Alert, Silence } from './model.ts';
import { routingLabels } from './route.ts';
import { affectedPlaces, type Standing } from './standing.ts';

/** A silence that can be asked. */
export interface ActiveSilence {
  readonly silence: Silence;
  readonly matchers: readonly Matcher[];
}

/** Those that hold now, read once for many alerts. */
export function activeSilences(silences: readonly Silence[], now: number): readonly ActiveSilence[] {
  return silences
    .filter((silence) => silence.createdAt <= now && now < silence.until)
    .map((silence) => ({ silence, matchers: silence.matchers.map(parseMatcher) }));
}

/**
 * Until when silences cover all that an alert is about, milliseconds since the epoch; undefined when something of it is
 * uncovered. A silence lasts at the latest until the end of what it hides, unless it was made after that: to plan for a
 * quiet week is not to accept an outage in it.
 */
export function silencedUntil(
  alert: Alert,
  standing: Standing,
  silences: readonly ActiveSilence[],
  now: number,
): number | undefined {
  const lasting = silences
    .map(({ silence, matchers }) => ({ until: lastsUntil(silence, standing), matchers }))
    .filter(({ until }) => until > now)
    .toSorted((a, b) => b.until - a.until);
  if (lasting.length === 0) return undefined;
  let until = Infinity;
  for (const place of affectedPlaces(alert)) {
    for (const finding of place.findings) {
      const labels = routingLabels(alert, place, finding);
      const cover = lasting.find(({ matchers }) => matches(matchers, labels));
      if (cover === undefined) return undefined;
      until = Math.min(until, cover.until);
    }
  }
  return Number.isFinite(until) ? until : undefined;
}

function lastsUntil(silence: Silence, { endsAt }: Standing): number {
  return endsAt === undefined || silence.createdAt >= endsAt ? silence.until : Math.min(silence.until, endsAt);
}
