import type { Location, Sighting } from '../../inventory/model.ts';
import { clientNameOf } from '../../plugin/client.ts';
import { proveIt, seeIt } from '../advice.ts';
import { clientsShownTo } from '../client.ts';
import { itemFacts } from '../facts.ts';
import type { Assessment, Finding } from '../finding.ts';
import { kindOf, startsAt } from '../kind.ts';
import { servedBy, servedLeaf } from '../served.ts';
import { assessment, earliest, NOTHING, type Subject } from '../subject.ts';
import { fullNameOf, placeName, span, titleOf, utc } from '../wording.ts';

/**
 * A leaf whose notBefore is still to come: clients of an endpoint refuse it now; anywhere else it may wait for its day.
 * A client that is rejected before its day is told of by `client-rejected`.
 */
export function notYetValid(subject: Subject): Assessment {
  const { location, now, view } = subject;
  if (!location.sightings.some(({ item }) => now < (startsAt(item) ?? 0))) return NOTHING;
  const served = servedBy(location);
  const leaf = servedLeaf(location);
  const rejected = new Set(
    clientsShownTo(location, view).flatMap(({ leaf: own, verdict }) =>
      verdict?.status === 'rejected' ? [own.item.id] : [],
    ),
  );
  const waiting = location.sightings.filter(
    (sighting) =>
      kindOf(sighting) === 'leaf' &&
      !served.some(({ item }) => item.id === sighting.item.id) &&
      !(clientNameOf(sighting.place) !== undefined && rejected.has(sighting.item.id)),
  );
  const findings = new Map<string, Finding>();
  const starts: number[] = [];
  for (const sighting of leaf === undefined ? waiting : [leaf, ...waiting]) {
    const startAt = startsAt(sighting.item);
    if (startAt === undefined || now >= startAt) continue;
    starts.push(startAt);
    // One that is served and stored as well is told of once, where it hurts.
    if (findings.has(sighting.item.id)) continue;
    findings.set(sighting.item.id, (sighting === leaf ? inUse : inStore)(location, sighting, startAt, now));
  }
  return assessment([...findings.values()], earliest(starts));
}

function inUse(location: Location, sighting: Sighting, startAt: number, now: number): Finding {
  return {
    ...tooEarly(location, sighting, startAt, now),
    severity: 'critical',
    actions: [
      ...seeIt(location),
      'Compare the clock of the server, and of the CA that issued it, with true UTC: a wrong clock is the usual reason',
      'Until its day has come, put the previous certificate back on every node and reload',
      proveIt(location),
    ],
  };
}

function inStore(location: Location, sighting: Sighting, startAt: number, now: number): Finding {
  return {
    ...tooEarly(location, sighting, startAt, now),
    severity: 'info',
    actions: [...seeIt(location), `Let nothing load it before ${utc(startAt)}`],
  };
}

function tooEarly(
  location: Location,
  sighting: Sighting,
  startAt: number,
  now: number,
): Omit<Finding, 'severity' | 'actions'> {
  const { item } = sighting;
  return {
    rule: 'not-yet-valid',
    family: 'chain',
    cause: item.id,
    title: titleOf(item),
    summary: `${fullNameOf(item)} becomes valid only in ${span(startAt - now)}, ${utc(startAt)}, at ${placeName(location)}`,
    facts: itemFacts(item, sighting),
  };
}
