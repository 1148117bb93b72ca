import type { ServedList } from '../../certificate/served-list.ts';
import { proveIt, seeIt } from '../advice.ts';
import { itemFacts } from '../facts.ts';
import type { Assessment } from '../finding.ts';
import { servedBy, servedLeaf, type CertificateSighting } from '../served.ts';
import type { Subject } from '../subject.ts';
import { counted, fullNameOf, placeName, titleOf } from '../wording.ts';

/** Certificates that are named; how many more there are is said. */
const MAX_NAMED = 5;

/** A server sends its chain in the wrong order, twice, or with what does not belong to it. Most clients put up with that. */
export function chainUntidy({ location }: Subject): Assessment {
  const leaf = servedLeaf(location);
  const list = location.chain?.list;
  if (leaf === undefined || list === undefined) return { findings: [] };
  const faults = listFaults(list, servedBy(location));
  if (faults.length === 0) return { findings: [] };
  return {
    findings: [
      {
        rule: 'chain-untidy',
        family: 'chain',
        severity: 'info',
        cause: leaf.item.id,
        title: titleOf(leaf.item),
        summary: `The chain of ${fullNameOf(leaf.item)} is not as it should be sent: ${faults.join('; ')}, at ${placeName(location)}`,
        facts: itemFacts(leaf.item, leaf),
        actions: [
          ...seeIt(location),
          'Put into the file of the server: its certificate first, then each issuer behind what it issued, each once, without the root; then reload',
          proveIt(location),
        ],
      },
    ],
  };
}

/** What is wrong with a list as it was sent, a clause each. */
export function listFaults(list: ServedList, served: readonly CertificateSighting[]): readonly string[] {
  const named = (ids: readonly string[]): string => {
    const titles = ids.map((id) => served.find(({ item }) => item.id === id)?.item.title ?? id);
    const more = titles.length - MAX_NAMED;
    return `${titles.slice(0, MAX_NAMED).join(', ')}${more > 0 ? ` and ${counted(more, 'other')}` : ''}`;
  };
  return [
    ...(list.isOutOfOrder ? ['it is out of order'] : []),
    ...(list.repeated.length === 0 ? [] : [`sent more than once: ${named(list.repeated)}`]),
    ...(list.unrelated.length === 0 ? [] : [`sent for no reason: ${named(list.unrelated)}`]),
  ];
}
