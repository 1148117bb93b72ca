import { type Fields, listAt, textAt } from '../../src/cloud/answer.ts';
import { renewalByVault, resourceId } from '../../src/cloud/azure-resources.ts';
import type { Item } from '../../src/plugin/item.ts';
import type { Observation } from '../../src/plugin/observation.ts';

export const CLASSIC = 'Microsoft.Network/frontDoors';
export const CLASSIC_VERSION = '2021-06-01';

/**
 * A Front Door (classic). It tells of a certificate where it comes from, and neither its thumbprint nor its end: these are
 * seen in the Key Vault, and at the domain itself, which is worth a look
 * (https://learn.microsoft.com/rest/api/frontdoorservice/frontdoor/front-doors/list).
 */
export function observeClassic(door: Fields, location: string): Observation {
  const frontends = listAt(door, 'properties', 'frontendEndpoints').filter(
    (one) => textAt(one, 'properties', 'customHttpsConfiguration', 'certificateSource') !== undefined,
  );
  return { location, items: frontends.flatMap((one) => itemOf(one) ?? []), problems: [] };
}

function itemOf(frontend: Fields): Item | undefined {
  const host = textAt(frontend, 'properties', 'hostName')?.toLowerCase();
  if (host === undefined) return undefined;
  const { renewal, remarks = [], labels } = sourceOf(frontend);
  const stuck = stuckText(frontend, host);
  return {
    kind: 'described',
    place: { key: `frontend/${host}` },
    role: 'server',
    names: [host],
    notAfter: 'unknown',
    renewal: { mode: 'manual', ...renewal, ...(stuck === undefined ? {} : { stuck }) },
    ...(labels === undefined ? {} : { labels }),
    ...(remarks.length === 0 ? {} : { remarks }),
    usedBy: [{ type: 'endpoint', id: `${host}:443` }],
  };
}

/** https://learn.microsoft.com/azure/frontdoor/classic-retirement-faq */
const NO_LONGER_MANAGED =
  'Front Door (classic) has renewed no managed certificate since 15 August 2025: bring one of your own, or migrate the profile to Standard or Premium';

function sourceOf(frontend: Fields): Pick<Item, 'renewal' | 'remarks' | 'labels'> {
  const configuration = ['properties', 'customHttpsConfiguration'] as const;
  if (textAt(frontend, ...configuration, 'certificateSource') !== 'AzureKeyVault') {
    return { renewal: { mode: 'manual' }, remarks: [NO_LONGER_MANAGED] };
  }
  const source = [...configuration, 'keyVaultCertificateSourceParameters'] as const;
  const vault = textAt(frontend, ...source, 'vault', 'id');
  const secret = textAt(frontend, ...source, 'secretName');
  if (vault === undefined || secret === undefined) return renewalByVault(undefined);
  const version = textAt(frontend, ...source, 'secretVersion');
  const isPinned = version !== undefined && version.toLowerCase() !== 'latest';
  return renewalByVault({ id: `${resourceId(vault)}/secrets/${secret}`, isPinned });
}

/** What Front Door says of itself while it brings a certificate out, where that does not go on by itself. */
const WAITING =
  /^(?:PendingDomainControlValidationREquestApproval|DomainControlValidationRequest(?:Rejected|TimedOut))$/i;

function stuckText(frontend: Fields, host: string): string | undefined {
  const state = textAt(frontend, 'properties', 'customHttpsProvisioningState');
  const substate = textAt(frontend, 'properties', 'customHttpsProvisioningSubstate');
  if (state !== 'Failed' && (substate === undefined || !WAITING.test(substate))) return undefined;
  const said = [state, substate].filter((text) => text !== undefined).join(', ');
  return `Front Door cannot bring out the certificate of ${host}: ${said}`;
}
