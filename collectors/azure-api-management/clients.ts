import { type Fields, dateAt, textAt } from '../../src/cloud/answer.ts';
import { type AzureLook, renewalByVault, vaultReferenceOf } from '../../src/cloud/azure-resources.ts';
import { problemOf } from '../../src/cloud/observation.ts';
import { readAll } from '../../src/cloud/paging.ts';
import type { Item, Role } from '../../src/plugin/item.ts';
import type { Problem } from '../../src/plugin/observation.ts';

export const TYPE = 'Microsoft.ApiManagement/service';
export const VERSION = '2024-05-01';

const CERTIFICATES = `${TYPE}/certificates/read`;
const WORKSPACES = `${TYPE}/workspaces/read`;
const WORKSPACE_CERTIFICATES = `${TYPE}/workspaces/certificates/read`;

export const CLIENT_ACTIONS = [CERTIFICATES, WORKSPACES, WORKSPACE_CERTIFICATES];

interface Found {
  readonly items: readonly Item[];
  readonly problems: readonly Problem[];
}

/** What API Management logs in with at backends, and what policies compare the thumbprints of callers with. */
export function readClients(look: AzureLook, service: string): Promise<Found> {
  return readList(look, CERTIFICATES, service, 'backend');
}

/** The same of each workspace, which has certificates of its own (https://learn.microsoft.com/azure/api-management/workspaces-overview). */
export async function readWorkspaces(look: AzureLook, service: string): Promise<Found> {
  const problems: Problem[] = [];
  const path = `${service}/workspaces`;
  const workspaces = await readAll(look.resources({ action: WORKSPACES, of: service }, path, VERSION), (error) => {
    problems.push(problemOf('workspace', error));
  });
  const items: Item[] = [];
  for (const workspace of workspaces) {
    const name = textAt(workspace, 'name');
    if (name === undefined) continue;
    const place = `workspace/${name.toLowerCase()}`;
    const found = await readList(look, WORKSPACE_CERTIFICATES, `${path}/${name}`, place);
    items.push(...found.items);
    problems.push(...found.problems);
  }
  return { items, problems };
}

/** The certificates below a service or a workspace, at places that begin with `prefix`. */
async function readList(look: AzureLook, action: string, parent: string, prefix: string): Promise<Found> {
  const problems: Problem[] = [];
  const call = { action, of: parent };
  const certificates = await readAll(look.resources(call, `${parent}/certificates`, VERSION), (error) => {
    problems.push(problemOf(prefix, error));
  });
  return { items: certificates.flatMap((one) => clientItem(one, parent, prefix) ?? []), problems };
}

function clientItem(certificate: Fields, parent: string, prefix: string): Item | undefined {
  const name = textAt(certificate, 'name') ?? '';
  const vault = vaultReferenceOf(textAt(certificate, 'properties', 'keyVault', 'secretIdentifier'));
  const renewal = renewalByVault(vault);
  const status = textAt(certificate, 'properties', 'keyVault', 'lastStatus', 'code');
  const message = textAt(certificate, 'properties', 'keyVault', 'lastStatus', 'message') ?? '';
  const isBroken = vault !== undefined && status !== undefined && status !== 'Success';
  const stuck = isBroken ? { stuck: `API Management cannot read ${vault.id}: ${status} ${message}`.trimEnd() } : {};
  return describe(certificate['properties'], { key: `${prefix}/${name.toLowerCase()}` }, 'client', {
    ...renewal,
    renewal: { mode: 'manual', ...renewal.renewal, ...stuck },
    usedBy: [{ type: 'azure', id: parent }],
  });
}

type Attributes = Pick<Item, 'renewal' | 'remarks' | 'labels' | 'usedBy'>;

/** A certificate that is known by thumbprint and dates; undefined for what has neither. */
export function describe(
  certificate: unknown,
  place: Item['place'],
  role: Role,
  attributes: Attributes,
): Item | undefined {
  const thumbprint = textAt(certificate, 'thumbprint')?.toLowerCase();
  const end = dateAt(certificate, 'expiry') ?? dateAt(certificate, 'expirationDate');
  if (thumbprint === undefined && end === undefined) return undefined;
  const subject = textAt(certificate, 'subject');
  return {
    kind: 'described',
    place,
    role,
    ...(thumbprint === undefined ? {} : { sha1: thumbprint }),
    ...(subject === undefined ? {} : { names: [subject] }),
    notAfter: end ?? 'unknown',
    ...attributes,
  };
}
