import type {
  CertificateProperties,
  KeyVaultCertificate,
  KeyVaultCertificateWithPolicy,
} from '@azure/keyvault-certificates';

import { CertificateError, parseCertificate } from '../../src/certificate/certificate.ts';
import {
  attempt,
  detailsCut,
  endsLook,
  gone,
  isVersionOf,
  listCut,
  missingFrom,
  problemOf,
  unchanged,
  versionOf,
} from '../../src/cloud/observation.ts';
import { readPages } from '../../src/cloud/paging.ts';
import { isNearItsEnd } from '../../src/cloud/renewal-window.ts';
import { roleOf } from '../../src/cloud/role.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Item } from '../../src/plugin/item.ts';
import type { Observation, Problem } from '../../src/plugin/observation.ts';
import {
  describeCertificate,
  describeLabels,
  describeOlder,
  describeRenewal,
  identify,
  stuckText,
} from './description.ts';
import type { Options } from './options.ts';
import { MAX_PAGES, type Vault, type VaultLook } from './vault.ts';

/** The certificates of a vault, each by its latest version, or by every one that a consumer may have pinned. */
export async function* observeCertificates(
  look: VaultLook,
  versions: Options['versions'],
): AsyncGenerator<Observation, void, undefined> {
  const { vault: opened } = look;
  /** Set once asking on makes no sense: from then on the list is all that is asked for. */
  let stopped: CollectError | undefined;
  const gaps: Problem[] = [];
  for await (const part of readPages(`certificates/list on ${opened.url}`, MAX_PAGES, opened.certificates())) {
    if (part.kind === 'cut') {
      gaps.push(listCut('certificates/list', part.error));
      continue;
    }
    for (const properties of part.items) {
      const { given, error } = await observeCertificate(look, properties, versions, stopped);
      if (error !== undefined && endsLook(error)) stopped = error;
      yield given;
    }
  }
  if (stopped !== undefined) gaps.push(detailsCut('certificates/get', stopped));
  yield* missingFrom(look.here, gaps);
}

interface Given {
  readonly given: Observation;
  /** Why the certificate itself could not be had. */
  readonly error?: CollectError;
}

/** Far from its end an unchanged certificate costs no call, near its end one: the policy changes without the list telling. */
async function observeCertificate(
  { vault: opened, known, now }: VaultLook,
  listed: CertificateProperties,
  versions: Options['versions'],
  stopped: CollectError | undefined,
): Promise<Given> {
  const name = listed.name ?? '';
  const location = `${opened.url}/certificates/${name}`;
  const identity = identify(listed);
  const last = known.version(location);
  const isKnown = isVersionOf(identity, last);
  // Nothing tells when an older version changes.
  if (isKnown && versions === 'latest' && !isNearItsEnd(listed.expiresOn, now)) {
    return { given: unchanged(location, last) };
  }

  const found = stopped ?? (await attempt(opened.certificate(name)));
  if (found instanceof CollectError) {
    if (found.reason === 'not_found') {
      // Some vaults give nothing of a disabled one but its place on the list.
      return { given: listed.enabled === false ? told(location, listed) : gone(location) };
    }
    if (endsLook(found) && isKnown) return { given: unchanged(location, last), error: found };
    return { given: described(location, listed, undefined, problemOf('content', found)), error: found };
  }
  const renewal = await renewalOf(opened, name, found, listed, now);
  if (renewal instanceof CollectError) {
    return {
      given: isKnown
        ? unchanged(location, last)
        : readContent(location, listed, found, describeRenewal(found.policy, listed)),
      error: renewal,
    };
  }
  const older = versions === 'latest' ? [] : await attempt(olderVersions(opened, name, found, now));
  if (older instanceof CollectError) {
    const content = readContent(location, listed, found, renewal);
    return { given: { ...content, problems: [...content.problems, problemOf('versions', older)] }, error: older };
  }
  const labels = describeLabels(listed);
  const version = versionOf(identity, { renewal, labels, older: older.map(({ properties }) => properties.version) });
  if (version === last) return { given: unchanged(location, last) };
  const latest = readContent(location, listed, found, renewal);
  const content = { ...latest, items: [...latest.items, ...older.map((one) => describeOlder(one, found))] };
  // A look with a hole in it is repeated in full the next time.
  return { given: content.problems.length > 0 ? content : { ...content, version } };
}

/** Who renews it and when; what Key Vault says of it once it should have begun. */
async function renewalOf(
  opened: Vault,
  name: string,
  found: KeyVaultCertificateWithPolicy,
  listed: CertificateProperties,
  now: number,
): Promise<NonNullable<Item['renewal']> | CollectError> {
  const renewal = describeRenewal(found.policy, listed);
  if (renewal.due === undefined || renewal.due.getTime() > now) return renewal;
  const operation = await attempt(opened.pending(name));
  if (operation instanceof CollectError) {
    // None was begun, or its end was long ago.
    if (operation.reason === 'not_found') return renewal;
    return operation;
  }
  const stuck = stuckText(operation);
  return stuck === undefined ? renewal : { ...renewal, stuck };
}

/** Versions that a consumer may have pinned: enabled, and not at their end. */
async function olderVersions(
  opened: Vault,
  name: string,
  latest: KeyVaultCertificateWithPolicy,
  now: number,
): Promise<readonly KeyVaultCertificate[]> {
  const found: KeyVaultCertificate[] = [];
  for await (const part of readPages(`the versions of ${name}`, MAX_PAGES, opened.versions(name))) {
    if (part.kind === 'cut') throw part.error;
    for (const { version, enabled, expiresOn } of part.items) {
      const isOpen = enabled !== false && (expiresOn === undefined || expiresOn.getTime() > now);
      if (version === undefined || version === latest.properties.version || !isOpen) continue;
      found.push(await opened.version(name, version));
    }
  }
  return found;
}

/** The certificate as found, or its description when its DER is missing or is none. */
function readContent(
  location: string,
  listed: CertificateProperties,
  found: KeyVaultCertificateWithPolicy,
  renewal: NonNullable<Item['renewal']>,
): Observation {
  if (found.cer === undefined || found.cer.length === 0) {
    return described(location, listed, found.policy, {
      reason: 'empty',
      place: 'content',
      detail: `${location} has no content yet`,
    });
  }
  const der = found.cer;
  try {
    const { extendedKeyUsage } = parseCertificate(der);
    return {
      location,
      items: [
        {
          kind: 'certificate',
          der,
          place: { key: 'certificate' },
          role: roleOf(extendedKeyUsage),
          renewal,
          ...describeLabels(listed),
        },
      ],
      problems: [],
    };
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    return described(location, listed, found.policy, {
      reason: 'malformed',
      place: 'content',
      detail: `${location} holds no readable certificate: ${error.message}`,
    });
  }
}

/** What the list says of it, which is all that there is to see. */
function told(location: string, listed: CertificateProperties): Observation {
  return { location, items: [describeCertificate(listed, undefined)], problems: [] };
}

function described(
  location: string,
  listed: CertificateProperties,
  policy: KeyVaultCertificateWithPolicy['policy'],
  problem: Problem,
): Observation {
  return { location, items: [describeCertificate(listed, policy)], problems: [problem] };
}
