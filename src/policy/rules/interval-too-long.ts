import type { KnownItem } from '../../inventory/model.ts';
import type { Deadline } from '../deadline.ts';
import type { Assessment } from '../finding.ts';
import { lifetimeMs } from '../kind.ts';
import { assessment, NOTHING, sourceCause, type Subject } from '../subject.ts';
import { fullNameOf, placeName, span } from '../wording.ts';

/** Looks in one lifetime that are enough to see each step of it in time; and those below which a step may be missed. */
const LOOKS_WANTED = 50;
const LOOKS_NEEDED = 10;

/** A source looks too seldom for what lives there: it may be renewed, break and end between two looks. */
export function intervalTooLong({ location, view, now, deadlines }: Subject): Assessment {
  const intervalMs = view.intervalMs(location.source);
  if (intervalMs === undefined) return NOTHING;
  const shortest = shortestLived(deadlines, intervalMs * LOOKS_WANTED, now);
  if (shortest === undefined) return NOTHING;
  const { item, lifeMs, endsAt } = shortest;
  const wanted = Math.max(60_000, Math.floor(lifeMs / LOOKS_WANTED));
  return assessment(
    [
      {
        rule: 'interval-too-long',
        family: 'coverage',
        severity: lifeMs < intervalMs * LOOKS_NEEDED ? 'warning' : 'info',
        cause: sourceCause(location),
        title: `source ${location.source}`,
        summary: `Source ${location.source} looks every ${span(intervalMs)}, but ${fullNameOf(item)} lives for ${span(lifeMs)} only: it may end between two looks, at ${placeName(location)}`,
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
    endsAt,
  );
}

/** The leaf that lives shortest of those that live shorter than this, and have not ended. */
function shortestLived(
  deadlines: readonly Deadline[],
  underMs: number,
  now: number,
): { readonly item: KnownItem; readonly lifeMs: number; readonly endsAt: number } | undefined {
  let shortest: Deadline | undefined;
  let lifeMs = underMs;
  for (const deadline of deadlines) {
    if (deadline.kind !== 'leaf' || now >= deadline.endsAt) continue;
    const own = lifetimeMs(deadline.item) ?? 0;
    if (own === 0 || own >= lifeMs) continue;
    shortest = deadline;
    lifeMs = own;
  }
  return shortest === undefined ? undefined : { item: shortest.item, lifeMs, endsAt: shortest.endsAt };
}
