import type { Node } from '../../inventory/endpoint-index.ts';
import { isNewer, namesKey } from '../../plugin/lineage.ts';
import { deployIt, proveIt, seeIt } from '../advice.ts';
import { itemFacts } from '../facts.ts';
import type { Assessment, Finding } from '../finding.ts';
import { policyFor } from '../policy.ts';
import { isSameAuthority } from '../relation.ts';
import { rolloutEndsAt } from '../rollout.ts';
import { servedLeaf, type CertificateSighting } from '../served.ts';
import { assessment, NOTHING, type Subject, targetCause } from '../subject.ts';
import { counted, fullNameOf, placeName, targetName, titleOf, utc } from '../wording.ts';

/** Other addresses that are named. */
const MAX_NAMED = 5;

/**
 * Another address behind the same name serves a newer certificate, for longer than a roll-out takes: some clients meet the
 * old one. Told at the addresses that are behind. Where the two are nothing to each other, as with two providers behind one
 * name, it is a note.
 */
export function nodesDisagree(subject: Subject): Assessment {
  const { location, now, policy } = subject;
  const nodes = location.failure === undefined ? subject.view.nodesBeside(location) : [];
  const leaf = nodes.length === 0 ? undefined : servedLeaf(location);
  if (leaf === undefined) return NOTHING;
  const ahead = nodes.filter((node) => !node.isOutOfSight && isNewer(node.leaf, leaf.item));
  const newest = newestOf(ahead);
  if (newest === undefined) return NOTHING;
  const since = Math.max(leaf.firstSeenAt, Math.min(...ahead.map(({ firstSeenAt }) => firstSeenAt)));
  const lateAt = rolloutEndsAt(since, policyFor(policy, location, leaf), subject);
  if (now < lateAt) return assessment([], lateAt);
  return { findings: [finding(subject, leaf, ahead, newest, since)] };
}

function newestOf(nodes: readonly Node[]): Node | undefined {
  let newest: Node | undefined;
  for (const node of nodes) if (newest === undefined || isNewer(node.leaf, newest.leaf)) newest = node;
  return newest;
}

function finding(
  { location }: Subject,
  leaf: CertificateSighting,
  ahead: readonly Node[],
  newest: Node,
  since: number,
): Finding {
  const isRenewal = isSameAuthority(leaf.item, newest.leaf) && namesKey(leaf.item) === namesKey(newest.leaf);
  const others = ahead.slice(0, MAX_NAMED).map((node) => placeName(node));
  const more = ahead.length - others.length;
  return {
    rule: 'nodes-disagree',
    family: 'deployment',
    severity: isRenewal ? 'warning' : 'info',
    cause: isRenewal ? newest.leaf.id : targetCause(location),
    title: isRenewal ? titleOf(newest.leaf) : targetName(location),
    summary: `Behind ${targetName(location)}, ${ahead.length === 1 ? 'another address serves' : `${ahead.length} other addresses serve`} a newer certificate than this one since ${utc(since)}: clients meet ${fullNameOf(leaf.item)} still, at ${placeName(location)}`,
    facts: [
      { name: 'Newer at', value: `${others.join(', ')}${more > 0 ? ` and ${counted(more, 'other')}` : ''}` },
      { name: 'Newer certificate', value: `${newest.leaf.id}, ${fullNameOf(newest.leaf)}` },
      ...itemFacts(leaf.item, leaf),
    ],
    actions: [
      ...seeIt(location),
      isRenewal
        ? 'See whether the roll-out has reached this node, and whether its server was reloaded since'
        : 'If two providers stand behind the name, each with a certificate of its own, all is well: override the rule for this target, or look at each by a name of its own',
      deployIt(location, leaf),
      proveIt(location),
    ],
  };
}
