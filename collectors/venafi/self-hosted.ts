import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { z } from 'zod';

import { detailsCut, listCut, missingFrom } from '../../src/cloud/observation.ts';
import { readPages } from '../../src/cloud/paging.ts';
import { isNearItsEnd } from '../../src/cloud/renewal-window.ts';
import type { Known } from '../../src/plugin/collector.ts';
import type { Context } from '../../src/plugin/context.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Problem } from '../../src/plugin/observation.ts';
import { createApi, type Api } from './api.ts';
import { dateOf, installationOf, Teller, type Managed } from './inventory.ts';
import { Login, type LoginOptions } from './login.ts';
import type { Look, Told } from './saas.ts';

const PAGE = 500;
const MAX_PAGES = 1_000;
const MAX_CONTACTS = 10;
const DAY_MS = 86_400_000;
/** Owners and installations change without the list telling: they are asked for anew this often. */
const DETAILS_MS = 7 * DAY_MS;

const text = z.string().optional().catch(undefined);

const Row = z.object({
  DN: z.string(),
  Guid: z.string(),
  X509: z
    .object({
      CN: text,
      Serial: text,
      Thumbprint: text,
      ValidFrom: text,
      ValidTo: text,
      Issuer: text,
      SANS: z
        .object({ DNS: z.array(z.string()).default([]).catch([]) })
        .optional()
        .catch(undefined),
    })
    .optional()
    .catch(undefined),
});
type Row = z.output<typeof Row>;
const Page = z.object({ Certificates: z.array(Row).default([]) });

const Details = z.object({
  Contact: z.array(z.string()).default([]).catch([]),
  Consumers: z.array(z.string()).default([]).catch([]),
});
const Validation = z.object({
  SslTls: z
    .array(
      z.object({
        Host: text,
        IpAddress: text,
        IPaddress: text,
        Port: z.coerce.number().optional().catch(undefined),
      }),
    )
    .nullish()
    .catch(undefined),
});
const Identity = z.object({
  ID: z.object({ FullName: text, Name: text }).nullish().catch(undefined),
});
const Content = z.object({ CertificateData: z.string().min(1) });

const ADVICE = {
  login:
    'See whether the user, its password and the API integration (client_id, scope certificate) are right; an access token ends',
  permission: 'Give the user View and Read permission on the folder, and the integration the scope certificate',
};

export interface SelfHosted extends LoginOptions {
  readonly policy: string;
  readonly caFile: string | undefined;
}

/** What a look at the platform calls. */
export const SELF_HOSTED_ACTIONS = [
  'certificates',
  'certificates/{guid}',
  'certificates/{guid}/validationresults',
  'identity/validate',
  'certificates/retrieve',
] as const;

/** CyberArk Certificate Manager, self-hosted. */
export function openSelfHosted(options: SelfHosted, context: Context): Look {
  const login = new Login(options, context);
  const api: Api = createApi({
    url: options.url,
    advice: ADVICE,
    context,
    ca: () => readCa(options.caFile),
    headers: async (signal) => ({ authorization: `Bearer ${await login.token(api, signal)}` }),
    onRefused: () => login.refused(),
  });
  /** Names of contacts: they are few, and asked for once. */
  const people = new Map<string, string>();
  return (known, signal, trial) =>
    tell(trial === undefined ? api : api.tried(trial), options, people, known, context, signal);
}

async function readCa(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code = 'error' } = error as NodeJS.ErrnoException;
    throw new CollectError('permission_denied', `ca_file ${path} cannot be read (${code})`, { cause: error });
  }
}

async function* tell(
  api: Api,
  { url, policy }: SelfHosted,
  people: Map<string, string>,
  known: Known,
  context: Context,
  signal: AbortSignal,
): Told {
  const base = url.replace(/\/+$/, '');
  const gaps: Problem[] = [];
  const rows: Row[] = [];
  for await (const part of listPages(api, policy, signal)) {
    if (part.kind === 'page') rows.push(...part.items);
    else gaps.push(listCut('certificates', part.error));
  }
  // What ends first is asked for first, should there be no time for all.
  const inOrder = rows.toSorted((a, b) => endOf(a) - endOf(b));
  const teller = new Teller(known, context);
  for (const row of inOrder) {
    signal.throwIfAborted();
    yield await teller.tell(manage(row, base, api, people, context.clock.now(), signal));
  }
  if (teller.failure !== undefined) gaps.push(detailsCut('certificates/retrieve', teller.failure));
  yield* missingFrom(`${base}${policy}`, gaps);
}

function endOf(row: Row): number {
  return dateOf(row.X509?.ValidTo)?.getTime() ?? 0;
}

/** Without `ValidToGreater`: what has ended is wanted most. A short page is the last. */
function listPages(api: Api, policy: string, signal: AbortSignal): ReturnType<typeof readPages<Row>> {
  let offset = 0;
  let isLast = false;
  return readPages('certificates', MAX_PAGES, async () => {
    if (isLast) return undefined;
    const query = new URLSearchParams({
      ParentDNRecursive: policy,
      limit: String(PAGE),
      offset: String(offset),
    });
    const { Certificates: rows } = await api.json(
      { action: 'certificates', path: `/vedsdk/certificates/?${query.toString()}` },
      Page,
      signal,
    );
    offset += rows.length;
    isLast = rows.length < PAGE;
    return rows;
  });
}

function manage(
  row: Row,
  base: string,
  api: Api,
  people: Map<string, string>,
  now: number,
  signal: AbortSignal,
): Managed {
  const { DN: dn, Guid: guid, X509: x509 } = row;
  const notBefore = dateOf(x509?.ValidFrom);
  const notAfter = dateOf(x509?.ValidTo);
  const guidPath = `/vedsdk/certificates/${encodeURIComponent(guid)}`;
  const everyMs = isNearItsEnd(notAfter, now) ? DAY_MS : DETAILS_MS;
  // Not all of them on one day.
  const shift = Number.parseInt(hash('sha256', guid, 'hex').slice(0, 8), 16) % everyMs;
  return {
    location: `${base}${dn}`,
    labels: {},
    installations: [],
    applications: [],
    tag: String(Math.floor((now + shift) / everyMs)),
    versions: [
      {
        place: 'certificate',
        names: [...new Set([...(x509?.CN === undefined ? [] : [x509.CN]), ...(x509?.SANS?.DNS ?? [])])],
        ...(x509?.Issuer === undefined ? {} : { issuer: x509.Issuer }),
        ...(x509?.Serial === undefined ? {} : { serial: x509.Serial }),
        ...(x509?.Thumbprint === undefined ? {} : { sha1: x509.Thumbprint.toLowerCase() }),
        ...(notBefore === undefined ? {} : { notBefore }),
        ...(notAfter === undefined ? {} : { notAfter }),
        async read() {
          const body = { CertificateDN: dn, Format: 'Base64', IncludeChain: true, RootFirstOrder: false };
          const call = {
            action: 'certificates/retrieve',
            method: 'POST',
            path: '/vedsdk/certificates/retrieve',
            body,
          } as const;
          const { CertificateData: data } = await api.json(call, Content, signal);
          return Buffer.from(data, 'base64').toString('latin1');
        },
      },
    ],
    async details() {
      const { Contact: contacts, Consumers: consumers } = await api.json(
        { action: 'certificates/{guid}', path: guidPath },
        Details,
        signal,
      );
      const { SslTls: found } = await api.json(
        { action: 'certificates/{guid}/validationresults', path: `${guidPath}/validationresults` },
        Validation,
        signal,
      );
      const owners: string[] = [];
      for (const contact of contacts.slice(0, MAX_CONTACTS)) owners.push(await nameOf(contact, api, people, signal));
      const applications = consumers.map((consumer) => consumer.split('\\').at(-1) ?? consumer).toSorted();
      return {
        labels: {
          ...(owners.length === 0 ? {} : { owner: [...new Set(owners)].toSorted().join(', ') }),
          ...(applications.length === 0 ? {} : { application: applications.join(', ') }),
        },
        applications,
        installations: (found ?? []).flatMap(({ Host, IpAddress, IPaddress, Port }) => {
          const host = Host ?? IpAddress ?? IPaddress;
          return host === undefined || host === '' ? [] : [installationOf(host, Port)];
        }),
      };
    },
  };
}

/** The name of a contact (`local:{…}`, `AD+…:…`); what it is called in the list where that may not be asked for. */
async function nameOf(contact: string, api: Api, people: Map<string, string>, signal: AbortSignal): Promise<string> {
  const known = people.get(contact);
  if (known !== undefined) return known;
  let name = contact;
  try {
    const { ID: identity } = await api.json(
      {
        action: 'identity/validate',
        method: 'POST',
        path: '/vedsdk/identity/validate',
        body: { ID: { PrefixedUniversal: contact } },
      },
      Identity,
      signal,
    );
    name = identity?.FullName ?? identity?.Name ?? contact;
  } catch (error) {
    if (!(error instanceof CollectError) || error.reason === 'throttled') throw error;
  }
  people.set(contact, name);
  return name;
}
