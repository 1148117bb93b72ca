import { proveIt, seeIt } from '../advice.ts';
import { listFaults } from '../chain-faults.ts';
import { itemFacts } from '../facts.ts';
import type { Assessment } from '../finding.ts';
import { servedBy, servedLeaf } from '../served.ts';
import { NOTHING, type Subject } from '../subject.ts';
import { fullNameOf, placeName, titleOf } from '../wording.ts';

/** A server sends its chain in the wrong order, twice, or with what does not belong to it. Most clients put up with that. */
export function chainUntidy({ location }: Subject): Assessment {
  const leaf = servedLeaf(location);
  const { chain } = location;
  if (leaf === undefined || chain === undefined) return NOTHING;
  const faults = listFaults(chain, servedBy(location));
  if (faults.length === 0) return NOTHING;
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
