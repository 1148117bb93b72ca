import { itemFacts } from '../facts.ts';
import type { Assessment, Finding } from '../finding.ts';
import { endsAt, kindOf } from '../kind.ts';
import { policyFor } from '../policy.ts';
import type { CertificateSighting } from '../served.ts';
import { assessment, earliest, NOTHING, type Subject } from '../subject.ts';
import type { InventoryView } from '../view.ts';
import { counted, fullNameOf, placeName, titleOf } from '../wording.ts';

/** What changes elsewhere is asked again after this time. */
const RECHECK_MS = 86_400_000;
const MAX_LISTED = 10;

/** A host that others may reach: no user, no URI, no single label. */
const HOST = /^(?:\*\.)?(?:[a-z0-9_-]+\.)+[a-z0-9-]+$/i;

/**
 * Names of a server's certificate at which nobody looks: what is served there may be another certificate, or an old one.
 * Off unless the config asks for it.
 */
export function nameUnwatched(subject: Subject): Assessment {
  const { location, policy, now } = subject;
  const { nameUnwatched: level } = policyFor(policy, location);
  if (level === 'off') return NOTHING;
  const findings = new Map<string, Finding>();
  const ends: (number | undefined)[] = [];
  for (const sighting of subject.certificates) {
    const names = unwatchedNames(sighting, subject.view, now);
    if (names.length === 0) continue;
    ends.push(endsAt(sighting.item));
    findings.set(sighting.item.id, finding(subject, sighting, names, level));
  }
  return assessment([...findings.values()], findings.size === 0 ? undefined : earliest([...ends, now + RECHECK_MS]));
}

/** Names of a server's certificate, which has not ended, by which no endpoint is looked at. */
export function unwatchedNames(
  sighting: CertificateSighting,
  view: Pick<InventoryView, 'isWatched'>,
  now: number,
): readonly string[] {
  const { item, role } = sighting;
  const end = endsAt(item);
  if (kindOf(sighting) !== 'leaf' || role === 'client' || (end !== undefined && now >= end)) return [];
  return item.names.filter((name) => HOST.test(name) && !view.isWatched(name));
}

function finding(
  { location }: Subject,
  sighting: CertificateSighting,
  names: readonly string[],
  severity: Finding['severity'],
): Finding {
  const { item } = sighting;
  const listed = names.slice(0, MAX_LISTED);
  const more = names.length - listed.length;
  const which = `${listed[0] ?? ''}${names.length > 1 ? ` and ${counted(names.length - 1, 'other name')}` : ''}`;
  return {
    rule: 'name-unwatched',
    family: 'coverage',
    severity,
    cause: item.id,
    title: titleOf(item),
    summary: `${fullNameOf(item)} is for ${which}, at which nobody looks: what is served there is not known, at ${placeName(location)}`,
    facts: [
      { name: 'Unwatched', value: `${listed.join(', ')}${more > 0 ? ` and ${counted(more, 'other')}` : ''}` },
      ...itemFacts(item, sighting),
    ],
    actions: [
      `Where something answers by these names, add them to the targets of an endpoint source: targets: [${listed[0] ?? ''}, …]`,
      'A name that nobody serves any more belongs out of the certificate at its next renewal',
    ],
  };
}
