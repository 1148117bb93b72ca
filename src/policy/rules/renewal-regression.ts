import type { Home, Successor } from '../../inventory/leaf-index.ts';
import type { KnownCertificate, Sighting } from '../../inventory/model.ts';
import { clientNameOf } from '../../plugin/client.ts';
import { compareSeverity } from '../../plugin/notification.ts';
import { proveIt, seeIt } from '../advice.ts';
import { itemFacts } from '../facts.ts';
import type { Assessment, Finding } from '../finding.ts';
import { endsAt, kindOf } from '../kind.ts';
import { policyFor } from '../policy.ts';
import { lossesOf, type Loss, type Uses } from '../regression.ts';
import { hasReplaced, isSameAuthority, nextEnd } from '../relation.ts';
import type { CertificateSighting } from '../served.ts';
import { assessment, earliest, NOTHING, type Subject } from '../subject.ts';
import { fullNameOf, placeName, titleOf } from '../wording.ts';

/** After this time a change is as it was meant to be. */
const WINDOW_MS = 14 * 86_400_000;
const MAX_PLACES = 3;
const NONE: readonly Successor[] = [];

/**
 * The successor of a certificate lacks what the certificate could do: a name, a usage; or servers and whoever pins will not
 * know it again. Told where the old one is still in use, which is before the harm is done, and for two weeks where the
 * successor has taken its place.
 */
export function renewalRegression(subject: Subject): Assessment {
  const { location, now, view } = subject;
  const isRecent = (sighting: Sighting): boolean => now < sighting.firstSeenAt + WINDOW_MS;
  if (!view.mayHaveSuccessors(location) && !location.sightings.some(isRecent)) return NOTHING;
  const findings = new Map<string, Finding>();
  const instants: (number | undefined)[] = [];
  for (const sighting of subject.certificates) {
    const end = endsAt(sighting.item);
    if (kindOf(sighting) !== 'leaf' || (end !== undefined && now >= end)) continue;
    const past = pastFinding(sighting, subject);
    instants.push(past?.nextAt);
    const successors = view.mayHaveSuccessors(location) ? view.successors(sighting.item) : NONE;
    instants.push(nextEnd(successors, now));
    const told = past?.finding ?? comingFinding(sighting, successors, subject);
    if (told === undefined) continue;
    instants.push(end);
    findings.set(told.cause, told);
  }
  return assessment([...findings.values()], earliest(instants));
}

/** It has replaced another one here, not long ago. */
function pastFinding(
  sighting: CertificateSighting,
  subject: Subject,
): { readonly finding: Finding; readonly nextAt: number } | undefined {
  const { location, now, view } = subject;
  const until = sighting.firstSeenAt + WINDOW_MS;
  if (now >= until) return undefined;
  const before = view.replacedAt(location, sighting.item.id);
  if (before === undefined) return undefined;
  const homes = view.homes(sighting.item.id);
  const losses = lossesOf(before, sighting.item, usesOf(sighting, homes, subject));
  if (losses.length === 0) return undefined;
  return { finding: finding(subject, { before, after: sighting.item, homes, losses, isInUse: true }), nextAt: until };
}

/** A newer one lies elsewhere and will take its place. */
function comingFinding(
  sighting: CertificateSighting,
  successors: readonly Successor[],
  subject: Subject,
): Finding | undefined {
  const { now, view } = subject;
  const { item } = sighting;
  const successor = successors.find(
    (one) => now < (endsAt(one.item) ?? Infinity) && (hasReplaced(one, item) || isRelated(item, one.item)),
  );
  if (successor === undefined) return undefined;
  const homes = successor.homes;
  const losses = lossesOf(item, successor.item, usesOf(sighting, view.homes(item.id), subject)).map((loss) =>
    // Of one title there may be several certificates, each for names of its own.
    hasReplaced(successor, item) || successor.hasSameNames ? loss : { ...loss, severity: 'info' as const },
  );
  return losses.length === 0
    ? undefined
    : finding(subject, { before: item, after: successor.item, homes, losses, isInUse: false });
}

function isRelated(one: KnownCertificate, other: KnownCertificate): boolean {
  return (
    isSameAuthority(one, other) && (one.names.length === 0 || one.names.some((name) => other.names.includes(name)))
  );
}

function usesOf(sighting: CertificateSighting, homes: readonly Home[], { location, policy }: Subject): Uses {
  const asClient =
    sighting.role === 'client' ||
    clientNameOf(sighting.place) !== undefined ||
    homes.some(({ role, kind }) => role === 'client' || kind === 'client');
  const asServer =
    (location.endpoint !== undefined && clientNameOf(sighting.place) === undefined) ||
    homes.some(({ kind }) => kind === 'endpoint');
  return {
    asClient,
    asServer,
    isPinned: policyFor(policy, location, sighting).pins !== undefined,
    acceptableIssuers: clientNameOf(sighting.place) === undefined ? [] : (location.endpoint?.acceptableIssuers ?? []),
  };
}

function finding(
  { location }: Subject,
  told: {
    readonly before: KnownCertificate;
    readonly after: KnownCertificate;
    readonly homes: readonly Home[];
    readonly losses: readonly Loss[];
    readonly isInUse: boolean;
  },
): Finding {
  const { before, after, homes, losses, isInUse } = told;
  const places = [...new Set(homes.map((home) => placeName(home)))].toSorted((a, b) => (a < b ? -1 : 1));
  const more = places.length - MAX_PLACES;
  const [worst] = losses.toSorted((a, b) => compareSeverity(b.severity, a.severity));
  const what = losses.map(({ text }) => text).join('; ');
  return {
    rule: 'renewal-regression',
    family: 'renewal',
    severity: worst?.severity ?? 'info',
    cause: after.id,
    title: titleOf(after),
    summary: `The renewal of ${fullNameOf(before)} lost something: ${what}; ${isInUse ? 'it is in use' : 'the old one is still in use'}, at ${placeName(location)}`,
    facts: [
      ...losses.map(({ text }) => ({ name: 'Lost', value: text })),
      {
        name: 'Successor at',
        value: `${places.slice(0, MAX_PLACES).join(', ')}${more > 0 ? ` and ${more} more` : ''}`,
      },
      { name: 'Before', value: before.id },
      ...itemFacts(after),
    ],
    actions: [
      ...(isInUse
        ? [...seeIt(location), 'Put the previous certificate back while it is valid, and reload']
        : ['Stop the roll-out of the new one: the old one works until it ends']),
      `Reissue it with what is missing: correct the order, the profile or the template that it comes from`,
      'If the change is meant, see that nobody needs what was lost; this is told for two weeks at most once the new one is in use',
      proveIt(location),
    ],
  };
}
