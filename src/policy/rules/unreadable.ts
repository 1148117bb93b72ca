import type { KnownItem, Location, Sighting } from '../../inventory/model.ts';
import { deployIt, proveIt, renewIt, seeIt } from '../advice.ts';
import { clientGapFindings } from '../client-gap.ts';
import { gapActions, gapFacts, gapSeverity, gapsOf, gapText, type Gap } from '../coverage.ts';
import { itemFacts } from '../facts.ts';
import type { Assessment, Finding } from '../finding.ts';
import { endOf } from '../kind.ts';
import { assessment, locationCause, type Subject } from '../subject.ts';
import { fullNameOf, placeName, titleOf } from '../wording.ts';

/** Something is there that cannot be read: a whole file, a part of it, or the very date on which an item ends. */
export function unreadable(subject: Subject): Assessment {
  const { location } = subject;
  const findings = new Map<string, Finding>();
  // The certificate that limits the chain, too, though it was not served.
  const limitedBy = location.chain?.limitedBy;
  for (const sighting of limitedBy === undefined ? location.sightings : [undefined, ...location.sightings]) {
    const item = sighting?.item ?? limitedBy;
    const end = item === undefined ? undefined : endOf(item);
    if (item === undefined || end?.status !== 'unreadable') continue;
    findings.set(item.id, endUnreadable(location, item, sighting, end.problem));
  }
  const gaps = gapsOf(location, 'unreadable');
  const told = [...findings.values(), ...clientGapFindings(subject, 'unreadable')];
  if (gaps.length === 0) return { findings: told };
  return assessment([...told, partUnreadable(subject, gaps)], subject.nextStepAt);
}

function partUnreadable(subject: Subject, gaps: readonly Gap[]): Finding {
  const place = placeName(subject.location);
  return {
    rule: 'unreadable',
    family: 'coverage',
    severity: gapSeverity(subject, gaps),
    cause: locationCause(subject.location),
    title: place,
    summary: `What is there cannot be read and may end unseen: ${gapText(subject, gaps)}, at ${place}`,
    facts: gapFacts(subject, gaps),
    actions: gapActions(subject, gaps),
  };
}

/** Clients disagree about such a date: some refuse the certificate, some never see it end. Nobody knows when it does. */
function endUnreadable(location: Location, item: KnownItem, sighting: Sighting | undefined, problem: string): Finding {
  return {
    rule: 'unreadable',
    family: 'coverage',
    severity: 'critical',
    cause: item.id,
    title: titleOf(item),
    summary: `The end of ${fullNameOf(item)} cannot be read (${problem}): some clients may refuse it already, at ${placeName(location)}`,
    facts: itemFacts(item, sighting),
    actions: [...seeIt(location), renewIt(item, sighting), deployIt(location, sighting), proveIt(location)],
  };
}
