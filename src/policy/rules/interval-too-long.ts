import type { Sighting } from '../../inventory/model.ts';
import type { Assessment } from '../finding.ts';
import { endsAt, kindOf, lifetimeMs } from '../kind.ts';
import { assessment, sourceCause, type Subject } from '../subject.ts';
import { fullNameOf, placeName, span } from '../wording.ts';

/** Looks in one lifetime that are enough to see each step of it in time; and those below which a step may be missed. */
const LOOKS_WANTED = 50;
const LOOKS_NEEDED = 10;

/** A source looks too seldom for what lives there: it may be renewed, break and end between two looks. */
export function intervalTooLong({ location, view, now }: Subject): Assessment {
  const intervalMs = view.intervalMs(location.source);
  if (intervalMs === undefined) return { findings: [] };
  const shortest = shortestLived(location.sightings, now);
  if (shortest === undefined || shortest.lifeMs >= intervalMs * LOOKS_WANTED) return { findings: [] };
  const { sighting, lifeMs, endAt } = shortest;
  const wanted = Math.max(60_000, Math.floor(lifeMs / LOOKS_WANTED));
  return assessment(
    [
      {
        rule: 'interval-too-long',
        family: 'coverage',
        severity: lifeMs < intervalMs * LOOKS_NEEDED ? 'warning' : 'info',
        cause: sourceCause(location),
        title: `source ${location.source}`,
        summary: `Source ${location.source} looks every ${span(intervalMs)}, but ${fullNameOf(sighting.item)} lives for ${span(lifeMs)} only: it may end between two looks, at ${placeName(location)}`,
        facts: [
          { name: 'Interval', value: span(intervalMs) },
          { name: 'Wanted', value: `${span(wanted)} or less, 1/${LOOKS_WANTED} of the shortest lifetime` },
        ],
        actions: [
          `Set "every" of source ${location.source} to ${span(wanted)} or less`,
          'Or give what lives so short a source of its own, with a shorter interval',
        ],
      },
    ],
    endAt,
  );
}

function shortestLived(
  sightings: readonly Sighting[],
  now: number,
): { readonly sighting: Sighting; readonly lifeMs: number; readonly endAt: number } | undefined {
  let shortest: { readonly sighting: Sighting; readonly lifeMs: number; readonly endAt: number } | undefined;
  for (const sighting of sightings) {
    const lifeMs = lifetimeMs(sighting.item);
    const endAt = endsAt(sighting.item);
    if (lifeMs === undefined || endAt === undefined || lifeMs === 0 || now >= endAt) continue;
    if (kindOf(sighting) !== 'leaf' || lifeMs >= (shortest?.lifeMs ?? Infinity)) continue;
    shortest = { sighting, lifeMs, endAt };
  }
  return shortest;
}
