import type { Home, Successor } from '../../inventory/leaf-index.ts';
import { namesOfEndpoint } from '../../plugin/endpoint-name.ts';
import { compareKey, deployIt, proveIt, seeIt } from '../advice.ts';
import { itemFacts } from '../facts.ts';
import type { Assessment, Finding } from '../finding.ts';
import { policyFor } from '../policy.ts';
import { hasReplaced, isSameAuthority, keyFamily, nextEnd } from '../relation.ts';
import { rolloutEndsAt } from '../rollout.ts';
import { servedLeaf, type CertificateSighting } from '../served.ts';
import { assessment, earliest, NOTHING, type Subject } from '../subject.ts';
import { counted, ending, fullNameOf, placeName, titleOf, utc } from '../wording.ts';
import { endsAt, startsAt } from '../kind.ts';

/** Places that are named. */
const MAX_NAMED = 5;

/**
 * A file, a Secret or a cloud store holds the successor of what is served, for longer than a roll-out takes: it was renewed
 * and never brought into use.
 */
export function notDeployed(subject: Subject): Assessment {
  const { location, now, policy, view } = subject;
  const isAsked = location.failure === undefined && view.mayHaveSuccessors(location);
  const leaf = isAsked ? servedLeaf(location) : undefined;
  if (leaf === undefined) return NOTHING;
  const successors = view.successors(leaf.item);
  const waiting = successors
    .filter((successor) => isForHere(successor, leaf, subject))
    .map((successor) => {
      const since = Math.max(
        leaf.firstSeenAt,
        Math.min(...storesOf(successor).map(({ firstSeenAt }) => firstSeenAt)),
        startsAt(successor.item) ?? -Infinity,
      );
      return { successor, since, lateAt: rolloutEndsAt(since, policyFor(policy, location, leaf), subject) };
    });
  const newest = waiting.find(({ lateAt }) => now >= lateAt);
  return assessment(
    newest === undefined ? [] : [finding(subject, leaf, newest.successor, newest.since)],
    earliest([nextEnd(successors, now), ...waiting.map(({ lateAt }) => (lateAt > now ? lateAt : undefined))]),
  );
}

/** Whether it lies somewhere to be used here: many a name has several certificates, each for another server. */
function isForHere(successor: Successor, leaf: CertificateSighting, { location, now, view }: Subject): boolean {
  const { item, hasSameNames } = successor;
  const stores = storesOf(successor);
  if (stores.length === 0 || now >= (endsAt(item) ?? Infinity)) return false;
  if (hasReplaced(successor, leaf.item)) return true;
  const names = namesOfEndpoint(location);
  if (stores.some(({ usedAt }) => usedAt !== undefined && [...usedAt].some((name) => names.has(name)))) return true;
  // Where what is served lies in a store still, that store is its own, and not behind.
  return (
    hasSameNames &&
    isSameAuthority(item, leaf.item) &&
    keyFamily(item) === keyFamily(leaf.item) &&
    !view.livesIn(leaf.item.id, 'store')
  );
}

function storesOf({ homes }: Successor): readonly Home[] {
  return homes.filter(({ kind, role }) => kind === 'store' && role !== 'client' && role !== 'trust-anchor');
}

function finding({ location, now }: Subject, leaf: CertificateSighting, successor: Successor, since: number): Finding {
  const { item } = successor;
  const stores = [...new Set(storesOf(successor).map((home) => placeName(home)))].toSorted((a, b) => (a < b ? -1 : 1));
  const more = stores.length - MAX_NAMED;
  const end = endsAt(leaf.item);
  const urgency = end === undefined ? '' : `, which ${ending(end, now)}`;
  return {
    rule: 'not-deployed',
    family: 'deployment',
    severity: 'warning',
    cause: item.id,
    title: titleOf(item),
    summary: `A newer certificate lies at ${stores[0] ?? ''} since ${utc(since)}, and ${fullNameOf(leaf.item)}${urgency}, is still served, at ${placeName(location)}`,
    facts: [
      {
        name: 'Newer at',
        value: `${stores.slice(0, MAX_NAMED).join(', ')}${more > 0 ? ` and ${counted(more, 'other')}` : ''}`,
      },
      { name: 'Newer certificate', value: item.id },
      ...itemFacts(leaf.item, leaf),
    ],
    actions: [
      ...seeIt(location),
      'If the server reads that place itself, reload it: most read certificates only at their start',
      `Else bring the newer one there: the deployment that should have done so has failed or was not started`,
      ...compareKey(location, leaf),
      deployIt(location, leaf),
      proveIt(location),
    ],
  };
}
