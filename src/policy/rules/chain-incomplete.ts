import { proveIt, seeIt } from '../advice.ts';
import { fetchedIssuers, missingOf } from '../chain-faults.ts';
import { itemFacts } from '../facts.ts';
import type { Assessment } from '../finding.ts';
import { servedLeaf } from '../served.ts';
import { NOTHING, type Subject } from '../subject.ts';
import { fullNameOf, placeName, titleOf } from '../wording.ts';

/** A server leaves out an intermediate that its clients need to reach an anchor. */
export function chainIncomplete({ location, view }: Subject): Assessment {
  const { chain } = location;
  const leaf = servedLeaf(location);
  if (leaf === undefined || chain === undefined) return NOTHING;
  const missing = missingOf(chain).join(', ');
  if (missing === '') return NOTHING;
  const unserved = (chain.unserved ?? []).filter(({ from }) => from === 'elsewhere');
  return {
    findings: [
      {
        rule: 'chain-incomplete',
        family: 'chain',
        severity: chain.hasOwnTrust === true ? 'critical' : 'warning',
        cause: leaf.item.id,
        title: titleOf(leaf.item),
        summary: `${fullNameOf(leaf.item)} is served without the intermediate ${missing}: clients that do not happen to have it fail, at ${placeName(location)}`,
        facts: [
          { name: 'Missing', value: missing },
          ...unserved.map(({ id }) => ({ name: 'Fingerprint of the missing', value: id })),
          ...fetchedIssuers(location, view),
          ...itemFacts(leaf.item, leaf),
        ],
        actions: [
          ...seeIt(location),
          `Configure the server with the whole chain: its certificate, then ${missing}, without the root (an ACME client calls that file fullchain.pem), and reload it`,
          'Do not go by a browser: most keep intermediates from elsewhere or fetch them; curl, OpenSSL, Java and Go do not',
          proveIt(location),
        ],
      },
    ],
  };
}
