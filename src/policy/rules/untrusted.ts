import type { ChainFigures, KnownDistrust } from '../../inventory/model.ts';
import type { Severity } from '../../plugin/notification.ts';
import { proveIt, seeIt } from '../advice.ts';
import { distrustText, fetchedIssuers } from '../chain-faults.ts';
import { itemFacts } from '../facts.ts';
import type { Assessment } from '../finding.ts';
import { servedLeaf, type CertificateSighting } from '../served.ts';
import { NOTHING, type Subject } from '../subject.ts';
import { fullNameOf, placeName, titleOf } from '../wording.ts';

/**
 * No path leads from what an endpoint serves to an anchor that its clients trust. How bad that is depends on what is
 * known of the clients: most private CAs are unknown to the machine on which notafter runs, and all is well.
 */
export function untrusted({ location, view }: Subject): Assessment {
  const { chain } = location;
  const leaf = servedLeaf(location);
  const distrust = chain?.distrust;
  // A missing intermediate is told by its own rule.
  if (leaf === undefined || chain === undefined || distrust === undefined || distrust.why === 'incomplete') {
    return NOTHING;
  }
  return {
    findings: [
      {
        rule: 'untrusted',
        family: 'chain',
        severity: severityOf(chain, distrust),
        cause: causeOf(distrust, leaf),
        title: titleOf(leaf.item),
        summary: `The chain of ${fullNameOf(leaf.item)} leads to no trusted root: ${distrustText(distrust)}, at ${placeName(location)}`,
        facts: [
          { name: 'Issuer at the top', value: distrust.issuer },
          { name: 'Trust', value: chain.hasOwnTrust === true ? 'as the config says' : 'of the machine of notafter' },
          ...fetchedIssuers(location, view),
          ...itemFacts(leaf.item, leaf),
        ],
        actions: [...seeIt(location), ...remedies(chain, distrust, leaf), proveIt(location)],
      },
    ],
  };
}

function severityOf({ hasOwnTrust }: ChainFigures, { why, isPublic }: KnownDistrust): Severity {
  switch (why) {
    case 'breach':
      return 'critical';
    case 'exhausted':
      return hasOwnTrust === true ? 'warning' : 'info';
    case 'self-signed':
    case 'unknown-root':
    case 'unknown-issuer':
    case 'incomplete':
      if (hasOwnTrust === true) return 'critical';
      return isPublic ? 'warning' : 'info';
  }
}

/** All that hangs on one CA is one thing to mend. */
function causeOf({ why, top, issuer, issuerKeyId, breach }: KnownDistrust, leaf: CertificateSighting): string {
  switch (why) {
    case 'breach':
      return breach?.by ?? leaf.item.id;
    case 'unknown-root':
      return top;
    case 'unknown-issuer':
      return `issuer:${issuerKeyId ?? issuer}`;
    case 'self-signed':
    case 'incomplete':
    case 'exhausted':
      return leaf.item.id;
  }
}

function remedies(
  { hasOwnTrust }: ChainFigures,
  { why, top, issuer }: KnownDistrust,
  leaf: CertificateSighting,
): readonly string[] {
  switch (why) {
    case 'breach':
      return ['Reissue it from a CA that may issue it, or ask the owner of the CA for one without that limit'];
    case 'exhausted':
      return ['Serve the one chain that clients need, and nothing beside it'];
    case 'self-signed':
    case 'unknown-root':
    case 'unknown-issuer':
    case 'incomplete':
      return hasOwnTrust === true
        ? [
            // By far the most usual reason, which nobody can tell from the outside as long as nobody has the intermediate.
            ...(why === 'unknown-issuer' && top === leaf.item.id
              ? [
                  `The server sends nothing but its own certificate. If ${issuer} is an intermediate of a CA that the clients trust, configure the server with the whole chain (the file that ends in fullchain), and reload it`,
                ]
              : []),
            `If the CA was changed on purpose, bring ${issuer} into the trust stores of all clients, then into ca_files; else put the previous certificate back`,
          ]
        : [
            'If its clients trust that CA, tell notafter: trust: {ca_files: […]} of the source (check: --ca-file). From then on a chain that leads elsewhere is critical',
            'If its clients are the public, install a certificate of a CA that they trust',
          ];
  }
}
