import { z } from 'zod';

import { missingFrom, listCut, detailsCut } from '../../src/cloud/observation.ts';
import { readAll, readPages } from '../../src/cloud/paging.ts';
import type { Trial } from '../../src/cloud/trial.ts';
import type { Known } from '../../src/plugin/collector.ts';
import type { Context, SecretRef } from '../../src/plugin/context.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Observation, Problem } from '../../src/plugin/observation.ts';
import { createApi, type Api } from './api.ts';
import { dateOf, installationOf, Teller, type Managed, type Version } from './inventory.ts';

const PAGE = 500;
const MAX_PAGES = 1_000;
const MAX_NAMES = 100;

const text = z.string().optional().catch(undefined);
const texts = z.array(z.string()).default([]).catch([]);

const CertificateRow = z.object({
  id: z.string(),
  managedCertificateId: text,
  fingerprint: text,
  serialNumber: text,
  validityStart: text,
  validityEnd: text,
  subjectCN: texts,
  subjectAlternativeNameDns: texts,
  issuerDN: text,
  versionType: text,
  totalActiveInstanceCount: z.number().default(0).catch(0),
  applicationIds: texts,
});
type CertificateRow = z.output<typeof CertificateRow>;
const CertificatePage = z.object({ certificates: z.array(CertificateRow).default([]) });

const InstanceRow = z.object({
  certificateId: text,
  hostname: text,
  ipAddress: text,
  port: z.number().optional().catch(undefined),
});
const InstancePage = z.object({ instances: z.array(InstanceRow).default([]) });

const Applications = z.object({
  applications: z
    .array(
      z.object({
        id: z.string(),
        name: z.string().default('').catch(''),
        ownerIdsAndTypes: z
          .array(z.object({ ownerId: z.string(), ownerType: text }))
          .default([])
          .catch([]),
      }),
    )
    .default([]),
});
const Users = z.object({
  users: z.array(z.object({ id: z.string(), username: z.string().default('').catch('') })).default([]),
});
const Teams = z.object({
  teams: z.array(z.object({ id: z.string(), name: z.string().default('').catch('') })).default([]),
});
const Account = z.object({
  apiKey: z.object({ username: text, validityEndDate: text }).optional().catch(undefined),
});

const ADVICE = {
  login:
    'The API key may have expired or been revoked: make a new one in the preferences of its user, and put it where api_key_file or the environment variable says',
  permission: 'Give the user of the API key the role Guest or more',
};

/** What a look at the SaaS calls. */
export const SAAS_ACTIONS = [
  'certificatesearch',
  'certificateinstancesearch',
  'applications',
  'users',
  'teams',
  'certificates/contents',
  'useraccounts',
] as const;

/** Looks at one product; with a trial to learn what is allowed. */
export type Look = (known: Known, signal: AbortSignal, trial?: Trial) => Told;

/** CyberArk Certificate Manager, SaaS. */
export function openSaas(url: string, apiKey: SecretRef, context: Context): Look {
  const api = createApi({
    url,
    advice: ADVICE,
    context,
    ca: () => Promise.resolve(undefined),
    headers: async () => ({ 'tppl-api-key': await secretFor(apiKey, url, context) }),
    onRefused: () => false,
  });
  const base = url.replace(/\/+$/, '');
  return (known, signal, trial) => tell(trial === undefined ? api : api.tried(trial), base, known, context, signal);
}

export type Told = AsyncGenerator<Observation, void, undefined>;

/** A secret, or why there is none. */
export async function secretFor(reference: SecretRef, on: string, context: Context): Promise<string> {
  try {
    return await context.secret(reference);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CollectError('authentication_failed', `${on}: ${why}`, { cause: error });
  }
}

async function* tell(api: Api, base: string, known: Known, context: Context, signal: AbortSignal): Told {
  const gaps: Problem[] = [];
  const gap = (action: string) => (error: CollectError) => {
    gaps.push(detailsCut(action, error));
  };
  const rows: CertificateRow[] = [];
  const search = searchPages(api, 'certificatesearch', CertificatePage, ({ certificates }) => certificates, signal);
  for await (const part of search) {
    if (part.kind === 'page') rows.push(...part.items);
    else gaps.push(listCut('certificatesearch', part.error));
  }
  const installations = new Map<string, string[]>();
  const instances = await readAll(
    searchPages(api, 'certificateinstancesearch', InstancePage, ({ instances: found }) => found, signal),
    gap('certificateinstancesearch'),
  );
  for (const { certificateId, hostname, ipAddress, port } of instances) {
    const host = hostname ?? ipAddress;
    if (certificateId === undefined || host === undefined || host === '') continue;
    const list = installations.get(certificateId) ?? [];
    installations.set(certificateId, list);
    list.push(installationOf(host, port));
  }
  const owners = await readOwners(api, gap, signal);
  const teller = new Teller(known, context);
  for (const [id, versions] of Map.groupBy(rows, (row) => row.managedCertificateId ?? row.id)) {
    signal.throwIfAborted();
    const managed = manage(`${base}/certificates/${id}`, versions, installations, owners, api, signal);
    if (managed !== undefined) yield await teller.tell(managed);
  }
  if (teller.failure !== undefined) gaps.push(detailsCut('certificates/contents', teller.failure));
  yield* ownKey(api, base, gap, signal);
  yield* missingFrom(`${base}/certificates`, gaps);
}

/** Pages of a search, ordered so that what ends first comes first; a short page is the last. */
function searchPages<Schema extends z.ZodType, Row>(
  api: Api,
  search: 'certificatesearch' | 'certificateinstancesearch',
  schema: Schema,
  rowsOf: (page: z.output<Schema>) => readonly Row[],
  signal: AbortSignal,
): ReturnType<typeof readPages<Row>> {
  let pageNumber = 0;
  let isLast = false;
  const isCertificates = search === 'certificatesearch';
  return readPages(search, MAX_PAGES, async () => {
    if (isLast) return undefined;
    const body = {
      expression: {
        operator: 'AND',
        operands: isCertificates ? [{ field: 'certificateStatus', operator: 'EQ', value: 'ACTIVE' }] : [],
      },
      ordering: { orders: [{ field: isCertificates ? 'validityEnd' : 'certificateId', direction: 'ASC' }] },
      paging: { pageNumber, pageSize: PAGE },
    };
    const page = await api.json(
      { action: search, method: 'POST', path: `/outagedetection/v1/${search}`, body },
      schema,
      signal,
    );
    const rows = rowsOf(page);
    pageNumber += 1;
    isLast = rows.length < PAGE;
    return rows;
  });
}

interface Owners {
  /** Names of applications, by their ids. */
  readonly applications: ReadonlyMap<string, string>;
  /** Names of those who own an application. */
  readonly of: ReadonlyMap<string, readonly string[]>;
}

async function readOwners(
  api: Api,
  gap: (action: string) => (error: CollectError) => void,
  signal: AbortSignal,
): Promise<Owners> {
  async function read<Schema extends z.ZodType>(
    action: string,
    path: string,
    schema: Schema,
  ): Promise<z.output<Schema> | undefined> {
    try {
      return await api.json({ action, path }, schema, signal);
    } catch (error) {
      if (!(error instanceof CollectError)) throw error;
      gap(action)(error);
      return undefined;
    }
  }
  const applications =
    (await read('applications', '/outagedetection/v1/applications', Applications))?.applications ?? [];
  const users = (await read('users', '/v1/users', Users))?.users ?? [];
  const teams = (await read('teams', '/v1/teams', Teams))?.teams ?? [];
  const names = new Map([
    ...users.map(({ id, username }) => [id, username] as const),
    ...teams.map(({ id, name }) => [id, name] as const),
  ]);
  return {
    applications: new Map(applications.map(({ id, name }) => [id, name])),
    of: new Map(
      applications.map(({ id, ownerIdsAndTypes }) => [
        id,
        ownerIdsAndTypes.flatMap(({ ownerId }) => names.get(ownerId) ?? []),
      ]),
    ),
  };
}

/** The current version, and older ones that are still installed somewhere. */
function manage(
  location: string,
  rows: readonly CertificateRow[],
  installations: ReadonlyMap<string, readonly string[]>,
  owners: Owners,
  api: Api,
  signal: AbortSignal,
): Managed | undefined {
  const wanted = rows.filter(
    (row) => row.versionType !== 'OLD' || row.totalActiveInstanceCount > 0 || installations.has(row.id),
  );
  if (wanted.length === 0) return undefined;
  const ids = [...new Set(rows.flatMap(({ applicationIds }) => applicationIds))];
  const applications = ids.flatMap((id) => owners.applications.get(id) ?? []).toSorted();
  const owner = [...new Set(ids.flatMap((id) => owners.of.get(id) ?? []))].toSorted().join(', ');
  return {
    location,
    labels: {
      ...(applications.length === 0 ? {} : { application: applications.join(', ') }),
      ...(owner === '' ? {} : { owner }),
    },
    applications,
    // Wherever one version is installed, the current one has to come.
    installations: [...new Set(rows.flatMap(({ id }) => installations.get(id) ?? []))].toSorted(),
    versions: wanted.map((row) => versionFrom(row, api, signal)),
  };
}

function versionFrom(row: CertificateRow, api: Api, signal: AbortSignal): Version {
  const { id, fingerprint, serialNumber, issuerDN } = row;
  const notBefore = dateOf(row.validityStart);
  const notAfter = dateOf(row.validityEnd);
  return {
    place: row.versionType === 'OLD' ? `older/${id}` : 'certificate',
    names: [...new Set([...row.subjectCN, ...row.subjectAlternativeNameDns])].slice(0, MAX_NAMES),
    ...(issuerDN === undefined ? {} : { issuer: issuerDN }),
    ...(serialNumber === undefined ? {} : { serial: serialNumber }),
    ...(fingerprint === undefined ? {} : { sha1: fingerprint.replaceAll(':', '').toLowerCase() }),
    ...(notBefore === undefined ? {} : { notBefore }),
    ...(notAfter === undefined ? {} : { notAfter }),
    read: () =>
      api.text(
        {
          action: 'certificates/contents',
          path: `/outagedetection/v1/certificates/${encodeURIComponent(id)}/contents?format=PEM&chainOrder=EE_FIRST`,
          accept: 'text/plain',
        },
        signal,
      ),
  };
}

/** The key that we log in with ends, too. */
async function* ownKey(
  api: Api,
  base: string,
  gap: (action: string) => (error: CollectError) => void,
  signal: AbortSignal,
): Told {
  try {
    const { apiKey } = await api.json({ action: 'useraccounts', path: '/v1/useraccounts' }, Account, signal);
    const notAfter = dateOf(apiKey?.validityEndDate);
    if (notAfter === undefined) return;
    const name = `API key of notafter${apiKey?.username === undefined ? '' : ` (${apiKey.username})`}`;
    yield {
      location: `${base}/api-key`,
      items: [
        { kind: 'credential', id: `${base}/api-key`, name, notAfter, place: { key: 'api-key' }, role: 'unknown' },
      ],
      problems: [],
    };
  } catch (error) {
    if (!(error instanceof CollectError)) throw error;
    gap('useraccounts')(error);
  }
}
