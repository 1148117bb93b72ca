import type { Pins } from '../../plugin/demands.ts';
import { proveIt, seeIt } from '../advice.ts';
import { itemFacts } from '../facts.ts';
import type { Assessment, Finding } from '../finding.ts';
import { endsAt } from '../kind.ts';
import { pinFaults, pinText } from '../pins.ts';
import { policyFor } from '../policy.ts';
import { servedLeaf, type CertificateSighting } from '../served.ts';
import { assessment, earliest, NOTHING, type Subject } from '../subject.ts';
import type { Home, Successor } from '../../inventory/leaf-index.ts';
import { fullNameOf, placeName, titleOf, utc } from '../wording.ts';

/** Places of a successor that are named. */
const MAX_PLACES = 3;

/** Clients pin what an endpoint may serve: it serves something else, or will as soon as a known successor is installed. */
export function pinMismatch(subject: Subject): Assessment {
  const { location, policy, view, now } = subject;
  const leaf = servedLeaf(location);
  const { pins } = policyFor(policy, location);
  if (leaf === undefined || pins === undefined) return NOTHING;
  const faults = pinFaults(leaf.item, pins);
  const successors = view
    .successors(leaf.item)
    .filter(({ hasSameNames, homes }) => hasSameNames && homes.some(isServers))
    .filter(({ item }) => (endsAt(item) ?? Infinity) > now);
  const findings = [
    ...(faults.length === 0 ? [] : [mismatch(subject, leaf, pins, faults)]),
    ...successors.flatMap((successor) => {
      const ahead = pinFaults(successor.item, pins);
      return ahead.length === 0 ? [] : [willMismatch(subject, leaf, pins, successor, ahead)];
    }),
  ];
  return assessment(findings, earliest(successors.map(({ item }) => endsAt(item))));
}

/** What clients hold is no server's. */
function isServers({ role, kind }: Home): boolean {
  return role !== 'client' && kind !== 'client';
}

function mismatch({ location }: Subject, leaf: CertificateSighting, pins: Pins, faults: readonly string[]): Finding {
  return {
    rule: 'pin-mismatch',
    family: 'deployment',
    severity: 'critical',
    cause: leaf.item.id,
    title: titleOf(leaf.item),
    summary: `${fullNameOf(leaf.item)} is not what is pinned (${faults.join(', ')}): clients that pin refuse it, at ${placeName(location)}`,
    facts: [{ name: 'Would fit', value: pinText(leaf.item, pins) }, ...itemFacts(leaf.item, leaf)],
    actions: [
      ...seeIt(location),
      'Ask the owner of the endpoint whether it was changed on purpose. If not, treat it as an attack: somebody may stand between',
      'If it was, add the new pin at every client first, then to pins of the source, and take the old one out after a while',
      proveIt(location),
    ],
  };
}

function willMismatch(
  { location }: Subject,
  leaf: CertificateSighting,
  pins: Pins,
  { item, homes }: Successor,
  faults: readonly string[],
): Finding {
  const locations = [...new Set(homes.map(({ location: name }) => name))].toSorted();
  const places = locations.slice(0, MAX_PLACES).map((name) => placeName({ location: name }));
  const more = locations.length - places.length;
  const start = item.notBefore.status === 'known' ? `, valid from ${utc(item.notBefore.at)}` : '';
  return {
    rule: 'pin-mismatch',
    family: 'deployment',
    severity: 'warning',
    cause: item.id,
    title: titleOf(item),
    summary: `The successor of ${fullNameOf(leaf.item)}${start}, is not what is pinned (${faults.join(', ')}): clients that pin will refuse it once it is served at ${placeName(location)}`,
    facts: [
      { name: 'Seen at', value: `${places.join(', ')}${more > 0 ? ` and ${more} more` : ''}` },
      { name: 'Would fit', value: pinText(item, pins) },
      ...itemFacts(item),
    ],
    actions: [
      `Before it is installed at ${placeName(location)}, add ${pinText(item, pins)} at every client that pins, beside the present one`,
      'Then add it to pins of the source: the alert ends with that',
    ],
  };
}
