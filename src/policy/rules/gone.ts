import type { Assessment } from '../finding.ts';
import { endsAt } from '../kind.ts';
import { isCertificate } from '../served.ts';
import { assessment, NOTHING, type Subject, targetCause } from '../subject.ts';
import { counted, ending, fullNameOf, placeName, targetName, utc } from '../wording.ts';

/** After this time nobody asks for it any more. */
const REMEMBERED_MS = 7 * 86_400_000;
const MAX_LISTED = 10;

/**
 * A target that held what has not ended is no more, by the evidence of what lists it. A note: most things go because
 * somebody wants that. A warning, for a single location too, where it was the only place of what an endpoint still serves:
 * the next start of the server fails. Else a location of a target that remains goes without a word, as an address that
 * leaves DNS does.
 */
export function gone({ location, view, now }: Subject): Assessment {
  const { gone: departure } = location;
  if (departure === undefined || now >= departure.at + REMEMBERED_MS) return NOTHING;
  // What leaves DNS says nothing of the certificate: other addresses, and those who use it, are looked at themselves.
  if (location.endpoint !== undefined && departure.with === 'location') return NOTHING;
  const isInUse = (id: string): boolean =>
    view.livesIn(id, 'endpoint', location) || view.livesIn(id, 'client', location);
  const alive = location.sightings.filter(({ item }) => now < (endsAt(item) ?? Infinity));
  if (alive.length === 0) return NOTHING;
  const orphan = alive
    .filter(isCertificate)
    .find(({ item: { id } }) => !view.livesIn(id, 'store', location) && isInUse(id));
  const place = placeName(location);
  if (orphan === undefined && departure.with === 'location') return NOTHING;
  const held = `it held ${counted(alive.length, 'item')} that ${alive.length === 1 ? 'has' : 'have'} not ended`;
  return assessment(
    [
      {
        rule: 'gone',
        family: 'coverage',
        severity: orphan === undefined ? 'info' : 'warning',
        cause: targetCause(location),
        title: targetName(location),
        summary:
          orphan === undefined
            ? `${place} is no more since ${utc(departure.at)}; ${held}`
            : `${place} is no more since ${utc(departure.at)}, and was the only known place of ${fullNameOf(orphan.item)}, which is still in use: what uses it may fail at its next start`,
        facts: alive.slice(0, MAX_LISTED).map(({ item }) => {
          const end = endsAt(item);
          return { name: fullNameOf(item), value: end === undefined ? 'no end' : ending(end, now) };
        }),
        actions: [
          ...(orphan === undefined
            ? []
            : ['Do not restart what uses it: it still runs with what it read at its start']),
          `If it should be there, bring ${place} back: it is seen at the next look`,
          'If it was removed on purpose, nothing is to be done: this is told for a week',
        ],
      },
    ],
    departure.at + REMEMBERED_MS,
  );
}
