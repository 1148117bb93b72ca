import { type Fields, dateAt, listAt, tagsAt, textAt, textsAt } from '../../src/cloud/answer.ts';
import { type GoogleLook, relativeName } from '../../src/cloud/google.ts';
import { type GoogleFrontend, readFrontends } from '../../src/cloud/google-frontends.ts';
import { readChain } from '../../src/cloud/held.ts';
import { attempt, detailsCut, listCut, missingFrom } from '../../src/cloud/observation.ts';
import { tagLabels } from '../../src/cloud/tags.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Item, Reference } from '../../src/plugin/item.ts';
import type { Observation, Problem } from '../../src/plugin/observation.ts';
import { createAuthorizations, DNS_AUTHORIZATIONS, renewalOf } from './renewal.ts';

const LIST = 'certificatemanager.certs.list';
const MAPS = 'certificatemanager.certmaps.list';
const ENTRIES = 'certificatemanager.certmapentries.list';
const BACKENDS = 'networksecurity.backendAuthenticationConfigs.list';

export const CERTIFICATE_ACTIONS = [LIST, MAPS, ENTRIES, BACKENDS, DNS_AUTHORIZATIONS];

/** Who uses which certificate, by its relative name. */
type Uses = ReadonlyMap<string, readonly Reference[]>;

/** The certificates of Certificate Manager; those of the scope CLIENT_AUTH are what load balancers log in with at backends. */
export async function* observeCertificates(look: GoogleLook): AsyncGenerator<Observation, void, undefined> {
  const gaps: Problem[] = [];
  let uses: Uses | undefined;
  const authorizations = createAuthorizations(look, gaps);
  const path = `/v1/projects/${look.project}/locations/-/certificates`;
  for await (const page of look.list({ action: LIST }, 'certificatemanager', path, 'certificates')) {
    if (page.kind === 'cut') {
      gaps.push(listCut(LIST, page.error));
      continue;
    }
    for (const certificate of page.items) {
      const name = textAt(certificate, 'name');
      if (name === undefined) continue;
      // Asked for only where there is something to be used.
      uses ??= await readUses(look, gaps);
      yield await observeCertificate(look, certificate, name, uses, await renewalOf(certificate, authorizations));
    }
  }
  yield* missingFrom(look.here, gaps);
}

async function observeCertificate(
  look: GoogleLook,
  certificate: Fields,
  location: string,
  uses: Uses,
  renewal: NonNullable<Item['renewal']>,
): Promise<Observation> {
  const told = listAt(certificate, 'usedBy').flatMap((one) => textAt(one, 'name') ?? []);
  const usedBy = distinct([
    ...(uses.get(relativeName(location)) ?? []),
    ...told.map((name): Reference => ({ type: 'gcp', id: name.replace(/^\/\/[^/]+\//, '') })),
  ]);
  const attributes = {
    role: textAt(certificate, 'scope') === 'CLIENT_AUTH' ? 'client' : 'server',
    renewal,
    ...(usedBy.length === 0 ? {} : { usedBy }),
  } as const;
  const labels = tagLabels(look.tags, tagsAt(certificate, 'labels'));
  const pem = textAt(certificate, 'pemCertificate');
  if (pem !== undefined) {
    const { items, problems } = await readChain(look.context, { certificate: pem }, attributes);
    return { location, items, problems, ...labels };
  }
  const end = dateAt(certificate, 'expireTime');
  // One that was never issued has nothing that could end.
  const items: readonly Item[] =
    end === undefined
      ? []
      : [
          {
            kind: 'described',
            place: { key: 'certificate' },
            names: textsAt(certificate, 'sanDnsnames'),
            notAfter: end,
            ...attributes,
          },
        ];
  return { location, items, problems: [], ...labels };
}

function distinct(references: readonly Reference[]): readonly Reference[] {
  return [...new Map(references.map((one) => [`${one.type} ${one.id}`, one])).values()];
}

/** Certificates are in use by entries of maps, by front ends themselves, and by what logs in at backends. */
async function readUses(look: GoogleLook, gaps: Problem[]): Promise<Uses> {
  const uses = new Map<string, Reference[]>();
  const note = (certificate: string, references: readonly Reference[]): void => {
    const name = relativeName(certificate);
    uses.set(name, [...(uses.get(name) ?? []), ...references]);
  };
  const frontends = await readFrontends(look, gaps);
  for (const { certificates, endpoints, reference } of frontends) {
    for (const certificate of certificates) note(certificate, [...endpoints, reference]);
  }
  const failed = await attempt(noteMaps(look, frontends, note));
  if (failed instanceof CollectError) gaps.push(detailsCut(MAPS, failed));
  const unread = await attempt(noteBackends(look, note));
  if (unread instanceof CollectError) gaps.push(detailsCut(BACKENDS, unread));
  return uses;
}

type Note = (certificate: string, references: readonly Reference[]) => void;

async function noteMaps(look: GoogleLook, frontends: readonly GoogleFrontend[], note: Note): Promise<void> {
  const path = `/v1/projects/${look.project}/locations/-/certificateMaps`;
  for await (const page of look.list({ action: MAPS }, 'certificatemanager', path, 'certificateMaps')) {
    if (page.kind === 'cut') throw page.error;
    for (const map of page.items) {
      const name = textAt(map, 'name');
      if (name === undefined) continue;
      const using = frontends.filter(({ certificateMap }) => certificateMap === relativeName(name));
      await noteEntries(
        look,
        name,
        using.map(({ reference }) => reference),
        note,
      );
    }
  }
}

async function noteEntries(look: GoogleLook, map: string, references: readonly Reference[], note: Note): Promise<void> {
  const call = { action: ENTRIES, of: map };
  for await (const page of look.list(
    call,
    'certificatemanager',
    `/v1/${map}/certificateMapEntries`,
    'certificateMapEntries',
  )) {
    if (page.kind === 'cut') throw page.error;
    for (const entry of page.items) {
      const host = textAt(entry, 'hostname');
      const endpoint: readonly Reference[] =
        host === undefined || host.includes('*') ? [] : [{ type: 'endpoint', id: `${host}:443` }];
      for (const certificate of textsAt(entry, 'certificates')) note(certificate, [...endpoint, ...references]);
    }
  }
}

async function noteBackends(look: GoogleLook, note: Note): Promise<void> {
  const path = `/v1/projects/${look.project}/locations/-/backendAuthenticationConfigs`;
  const field = 'backendAuthenticationConfigs';
  for await (const page of look.list({ action: BACKENDS }, 'networksecurity', path, field)) {
    if (page.kind === 'cut') throw page.error;
    for (const config of page.items) {
      const certificate = textAt(config, 'clientCertificate');
      const name = textAt(config, 'name');
      if (certificate !== undefined && name !== undefined) note(certificate, [{ type: 'gcp', id: name }]);
    }
  }
}
