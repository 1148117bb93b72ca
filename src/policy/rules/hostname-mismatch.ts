import type { ChainFigures, HostFact } from '../../inventory/model.ts';
import type { Severity } from '../../plugin/notification.ts';
import { proveIt, seeIt } from '../advice.ts';
import { itemFacts } from '../facts.ts';
import type { Assessment } from '../finding.ts';
import { servedLeaf } from '../served.ts';
import { NOTHING, type Subject } from '../subject.ts';
import { fullNameOf, placeName, titleOf } from '../wording.ts';

/** An endpoint serves a certificate for other names than the one that it was asked for. */
export function hostnameMismatch({ location }: Subject): Assessment {
  const { chain } = location;
  const leaf = servedLeaf(location);
  const host = chain?.host;
  if (leaf === undefined || chain === undefined || host?.match !== 'no') return NOTHING;
  const asked = host.form === 'name' ? host.name : `the address ${host.name}`;
  return {
    findings: [
      {
        rule: 'hostname-mismatch',
        family: 'chain',
        severity: severityOf(chain, host),
        cause: leaf.item.id,
        title: titleOf(leaf.item),
        summary: `${fullNameOf(leaf.item)} is not for ${asked}: clients that connect by that ${host.form} refuse it, at ${placeName(location)}`,
        facts: [{ name: 'Asked for', value: host.name }, ...itemFacts(leaf.item, leaf)],
        actions: [
          ...seeIt(location),
          ...(host.form === 'name'
            ? [
                `See whether the server knows the name: a server that does not serves its default certificate (server_name, SNI)`,
                `Install a certificate with ${host.name} among its alternative names; the common name counts for nothing`,
                'If clients connect by another name, give that as the target, or as server_name of the source',
              ]
            : ['If clients connect by a name, give that as the target, or as server_name of the source']),
          proveIt(location),
        ],
      },
    ],
  };
}

/** Nobody who goes by an address, or by no trust at all, looks at names. */
function severityOf(chain: ChainFigures, { form }: HostFact): Severity {
  if (form === 'address') return 'info';
  return chain.bestPath !== undefined || chain.distrust?.isPublic === true ? 'critical' : 'info';
}
