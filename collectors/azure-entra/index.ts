import { z } from 'zod';

import { CertificateError, parseCertificate } from '../../src/certificate/certificate.ts';
import { type Fields, listAt, textAt } from '../../src/cloud/answer.ts';
import { type AzureApi, openGraph, readEntities } from '../../src/cloud/azure.ts';
import { endpointOption, identityOptions } from '../../src/cloud/azure-options.ts';
import { type CloudPart, type CloudPlace, type CloudPlaces, createCloudInstance } from '../../src/cloud/instance.ts';
import {
  attempt,
  detailsCut,
  endsLook,
  listCut,
  missingFrom,
  unchanged,
  versionOf,
} from '../../src/cloud/observation.ts';
import type { RestLook } from '../../src/cloud/rest.ts';
import { defineCollector } from '../../src/plugin/collector.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Item, Reference } from '../../src/plugin/item.ts';
import type { Observation, Problem } from '../../src/plugin/observation.ts';
import { contentsOf, type Credential, credentialsOf, isDisabled, itemOf, successorOf } from './credentials.ts';

/** The most that Graph gives in one page; with owners it gives fewer. */
const PAGE_SIZE = 999;
const PAGE_SIZE_WITH_OWNERS = 100;

const READ = 'Application.Read.All';

const options = z.strictObject({
  ...identityOptions,
  owners: z
    .boolean()
    .default(false)
    .describe(
      'Whether to read the owners of each application, for the label `owner`. Needs User.Read.All as well, and gives smaller pages. Default false.',
    ),
  superseded: z
    .enum(['note', 'alert'])
    .default('note')
    .describe(
      'What the end of a credential is worth while another one of the same application is valid for longer: a note (default), or an alert as for any other.',
    ),
  endpoint: endpointOption,
});
type Options = z.output<typeof options>;

/** What is listed in a directory: applications, and the service principals that they and others have in it. */
const ENTITIES = {
  applications: ['id', 'appId', 'displayName', 'keyCredentials', 'passwordCredentials'],
  servicePrincipals: [
    'id',
    'appId',
    'displayName',
    'accountEnabled',
    'keyCredentials',
    'passwordCredentials',
    'preferredSingleSignOnMode',
    'preferredTokenSigningKeyThumbprint',
  ],
} as const;
type EntityType = keyof typeof ENTITIES;

interface Directory extends RestLook {
  readonly base: string;
}

export const azureEntra = defineCollector({
  type: 'azure-entra',
  summary: 'Certificates, client secrets and SAML signing certificates of applications in Microsoft Entra ID',
  options,
  scope: () => 'cluster',
  async create(given, context) {
    const api = await openGraph({ ...given, tags: [] }, context);
    return createCloudInstance('entra', directoryOf(api), [
      partOf('applications', given),
      partOf('servicePrincipals', given),
    ]);
  },
});

/** The one directory that an identity belongs to. */
const DIRECTORY: CloudPlace = { key: 'directory', text: 'Microsoft Graph', data: {} };

function directoryOf(api: AzureApi): CloudPlaces<CloudPlace, Directory> {
  return {
    noun: 'directories',
    async *list() {
      yield DIRECTORY;
    },
    find: (key) => (key === DIRECTORY.key ? DIRECTORY : undefined),
    look: ({ text: on }, here, known, signal, trial) => ({
      ...api.look({ here, on, known, signal, trial }),
      base: api.base,
    }),
    close: () => {},
  };
}

function partOf(type: EntityType, given: Options): CloudPart<Directory> {
  return {
    name: type,
    actions: [READ],
    observe: (look) => observeEntities(look, type, given),
  };
}

async function* observeEntities(
  look: Directory,
  type: EntityType,
  given: Options,
): AsyncGenerator<Observation, void, undefined> {
  const gaps: Problem[] = [];
  /** Set once asking on makes no sense: from then on the list is all that is asked for. */
  let stopped: CollectError | undefined;
  for await (const page of look.pages(
    { action: READ, call: `GET /${type}` },
    (next) => next ?? listUrl(look, type, given),
    readEntities,
  )) {
    if (page.kind === 'cut') {
      gaps.push(listCut(`GET /${type}`, page.error));
      continue;
    }
    for (const entity of page.items) {
      const seen = await observeEntity(look, type, entity, given, stopped);
      if (seen === undefined) continue;
      if (seen.error !== undefined && endsLook(seen.error)) stopped = seen.error;
      yield seen.given;
    }
  }
  if (stopped !== undefined) gaps.push(detailsCut(`GET /${type}/{id}`, stopped));
  yield* missingFrom(look.here, gaps);
}

function listUrl({ base }: Directory, type: EntityType, { owners }: Options): string {
  const query = new URLSearchParams({
    $select: ENTITIES[type].join(','),
    $top: String(owners ? PAGE_SIZE_WITH_OWNERS : PAGE_SIZE),
    ...(owners ? { $expand: 'owners($select=id,displayName,userPrincipalName)' } : {}),
  });
  return `${base}/v1.0/${type}?${query.toString()}`;
}

interface Seen {
  readonly given: Observation;
  readonly error?: CollectError;
}

/** One application or service principal; undefined for one that has no credential, as most have not. */
async function observeEntity(
  look: Directory,
  type: EntityType,
  entity: Fields,
  given: Options,
  stopped: CollectError | undefined,
): Promise<Seen | undefined> {
  const id = textAt(entity, 'id');
  const credentials = credentialsOf(entity);
  if (id === undefined || credentials.length === 0) return undefined;
  const appId = textAt(entity, 'appId') ?? id;
  const name = textAt(entity, 'displayName') ?? appId;
  // An application is known everywhere by its appId; of its service principals there may be one in each directory.
  const location = `entra:${type}/${type === 'applications' ? appId : id}`;
  const labels = labelsOf(entity, name);
  const items = credentials.flatMap(
    (credential) => itemFor(credential, credentials, name, given.superseded, look.now) ?? [],
  );
  const version = versionOf('entra', { items, labels });
  const last = look.known.version(location);
  if (version === last) return { given: unchanged(location, version) };

  const contents = credentials.some(({ kind }) => kind === 'certificate')
    ? (stopped ?? (await attempt(contentsIn(look, type, id))))
    : new Map<string, Uint8Array>();
  if (contents instanceof CollectError) {
    // The list has told the ends; the certificates themselves are asked for again in the next look.
    return { given: { location, items, problems: [], labels }, error: contents };
  }
  const keyIds = new Map(credentials.map(({ place, keyId }) => [place, keyId]));
  const whole = items.map((item) => withContent(item, contents.get(keyIds.get(item.place.key) ?? '')));
  return { given: { location, version, items: whole, problems: [], labels } };
}

function itemFor(
  credential: Credential,
  all: readonly Credential[],
  name: string,
  superseded: Options['superseded'],
  now: number,
): Item | undefined {
  const successor = superseded === 'note' ? successorOf(credential, all, now) : undefined;
  const usedBy: readonly Reference[] = credential.isActive === false ? [] : [{ type: 'app', id: name }];
  return itemOf(credential, name, {
    renewal: { mode: 'manual' },
    ...(usedBy.length === 0 ? {} : { usedBy }),
    ...(successor === undefined ? {} : { supersededBy: successor }),
  });
}

function labelsOf(entity: Fields, name: string): Readonly<Record<string, string>> {
  const owner = listAt(entity, 'owners')
    .map((one) => textAt(one, 'userPrincipalName') ?? textAt(one, 'displayName'))
    .find((text) => text !== undefined);
  return {
    application: name,
    ...(owner === undefined ? {} : { owner }),
    ...(isDisabled(entity) ? { enabled: 'false' } : {}),
  };
}

/** Graph gives certificates for a single entity alone (https://learn.microsoft.com/graph/api/resources/keycredential). */
async function contentsIn(look: Directory, type: EntityType, id: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const url = `${look.base}/v1.0/${type}/${encodeURIComponent(id)}?$select=id,keyCredentials`;
  return contentsOf(await look.ask({ action: READ, call: `GET /${type}/{id}`, of: id }, url));
}

/** The certificate where there is a readable one, else its description. */
function withContent(item: Item, der: Uint8Array | undefined): Item {
  if (der === undefined || item.kind !== 'described') return item;
  try {
    parseCertificate(der);
  } catch (error) {
    if (error instanceof CertificateError) return item;
    throw error;
  }
  const { place, role, usedBy, supersededBy, renewal } = item;
  return {
    kind: 'certificate',
    der,
    place,
    role,
    ...(usedBy === undefined ? {} : { usedBy }),
    ...(supersededBy === undefined ? {} : { supersededBy }),
    ...(renewal === undefined ? {} : { renewal }),
  };
}
