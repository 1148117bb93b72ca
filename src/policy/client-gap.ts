import type { Sighting } from '../inventory/model.ts';
import { clientPlace } from '../plugin/client.ts';
import { proveLogin } from './advice.ts';
import { clientGapsOf, MAX_GAPS, type Gap } from './coverage.ts';
import type { Fact } from './facts.ts';
import type { Finding } from './finding.ts';
import { endsAt } from './kind.ts';
import { clientRemedy } from './remedy.ts';
import { clientCause, type Subject } from './subject.ts';
import { counted, ending, fullNameOf, placeName } from './wording.ts';

/**
 * A client identity whose files cannot be read: the endpoint is as it is, but nobody knows any more whether it lets this
 * client in, nor when the client ends. One cause, however many endpoints it is shown to.
 */
export function clientGapFindings(subject: Subject, rule: 'unreadable' | 'not-covered'): readonly Finding[] {
  const { location, now } = subject;
  return [...clientGapsOf(location, rule)].map(([name, gaps]) => {
    const leaf = location.sightings.find(({ place, role }) => place === clientPlace(name) && role === 'client');
    const more = gaps.length > 1 ? `, and ${counted(gaps.length - 1, 'more part')}` : '';
    return {
      rule,
      family: 'coverage',
      severity: 'warning',
      cause: clientCause(location, name),
      title: `client ${name}`,
      summary: `Client ${name} cannot be rehearsed and may fail or end unseen: ${gaps[0]?.detail ?? ''}${more}, at ${placeName(location)}`,
      facts: clientGapFacts(gaps, leaf, now),
      actions: [...new Set(gaps.map(({ reason }) => clientRemedy(reason, name))), proveLogin(location, leaf ?? {})],
    };
  });
}

function clientGapFacts(gaps: readonly Gap[], leaf: Sighting | undefined, now: number): readonly Fact[] {
  const end = leaf === undefined ? undefined : endsAt(leaf.item);
  return [
    ...gaps
      .slice(0, MAX_GAPS)
      .map(({ reason, place = 'Reason', detail }) => ({ name: place, value: `${reason}: ${detail}` })),
    ...(leaf === undefined || end === undefined
      ? []
      : [{ name: 'Last known', value: `${fullNameOf(leaf.item)} ${ending(end, now)}` }]),
  ];
}
