import type { TokenCredential } from '@azure/identity';
import type { CertificateProperties, KeyVaultCertificateWithPolicy } from '@azure/keyvault-certificates';
import { z } from 'zod';

import { CertificateError, parseCertificate } from '../../src/certificate/certificate.ts';
import { type CredentialOptions, openAzureCredential } from '../../src/cloud/azure-credential.ts';
import { identityOptions } from '../../src/cloud/azure-options.ts';
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
import { type Collector, type CollectorInstance, defineCollector, type Known } from '../../src/plugin/collector.ts';
import type { Context } from '../../src/plugin/context.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Observation, Problem } from '../../src/plugin/observation.ts';
import { describeCertificate, describeLabels, describeRenewal, identify } from './description.ts';
import { openVault, type Vault, type VaultParts } from './vault.ts';

const MAX_PAGES = 1000;

const vault = z.string().superRefine((text, check) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (
    url?.protocol !== 'https:' ||
    url.pathname !== '/' ||
    url.search !== '' ||
    url.hash !== '' ||
    url.username !== ''
  ) {
    check.addIssue({ code: 'custom', message: 'the URL of a vault, e.g. https://example.vault.azure.net' });
  }
});

const options = z.strictObject({
  vaults: z
    .array(vault)
    .min(1)
    .refine((vaults) => new Set(vaults.map(originOf)).size === vaults.length, 'a vault is named twice')
    .describe('URLs of the vaults to look at, e.g. [https://example.vault.azure.net].'),
  ...identityOptions,
});

function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : url;
}

type OpenCredential = (options: CredentialOptions, context: Context) => Promise<TokenCredential>;

/** The collector with another way to a credential: tests have no Microsoft Entra to ask. */
export function createAzureKeyVault(open: OpenCredential): Collector<'azure-key-vault', typeof options> {
  return defineCollector({
    type: 'azure-key-vault',
    summary: 'Certificates in Azure Key Vault, with who renews them and when that is due',
    options,
    scope: () => 'cluster',
    async create(given, context) {
      const { CertificateClient } = await import('@azure/keyvault-certificates');
      const credential = await open(given, context);
      return createInstance(given.vaults.map(originOf), { Client: CertificateClient, credential, context });
    },
  });
}

export const azureKeyVault = createAzureKeyVault(openAzureCredential);

function createInstance(vaults: readonly string[], parts: VaultParts): CollectorInstance {
  return {
    async *discover() {
      for (const url of vaults) yield { key: url, data: { vault: url } };
    },
    async *observe(target, known, signal) {
      if (!vaults.includes(target.key)) {
        throw new CollectError('not_found', `the vault ${target.key} is not among the vaults of this source`);
      }
      yield* observeVault(openVault(target.key, parts, signal), known, parts.context.clock.now());
    },
  };
}

async function* observeVault(opened: Vault, known: Known, now: number): AsyncGenerator<Observation, void, undefined> {
  /** Set once asking on makes no sense: from then on the list is all that is asked for. */
  let stopped: CollectError | undefined;
  const gaps: Problem[] = [];
  for await (const part of readPages(`certificates/list on ${opened.url}`, MAX_PAGES, () => opened.nextPage())) {
    if (part.kind === 'cut') {
      gaps.push(listCut('certificates/list', part.error));
      continue;
    }
    for (const properties of part.items) {
      const { given, error } = await observeCertificate(opened, properties, known, now, stopped);
      if (error !== undefined && endsLook(error)) stopped = error;
      yield given;
    }
  }
  if (stopped !== undefined) gaps.push(detailsCut('certificates/get', stopped));
  yield* missingFrom(opened.url, gaps);
}

interface Given {
  readonly given: Observation;
  /** Why the certificate itself could not be had. */
  readonly error?: CollectError;
}

/** Far from its end an unchanged certificate costs no call, near its end one: the policy changes without the list telling. */
async function observeCertificate(
  opened: Vault,
  listed: CertificateProperties,
  known: Known,
  now: number,
  stopped: CollectError | undefined,
): Promise<Given> {
  const name = listed.name ?? '';
  const location = `${opened.url}/certificates/${name}`;
  const identity = identify(listed);
  const last = known.version(location);
  const isKnown = isVersionOf(identity, last);
  if (isKnown && !isNearItsEnd(listed.expiresOn, now)) return { given: unchanged(location, last) };

  const found = stopped ?? (await attempt(opened.certificate(name)));
  if (found instanceof CollectError) {
    if (found.reason === 'not_found') return { given: gone(location) };
    if (endsLook(found) && isKnown) return { given: unchanged(location, last), error: found };
    return { given: described(location, listed, undefined, problemOf('content', found)), error: found };
  }
  const renewal = describeRenewal(found.policy, listed);
  const labels = describeLabels(listed);
  const version = versionOf(identity, { renewal, labels });
  if (version === last) return { given: unchanged(location, last) };
  const content = readContent(location, listed, found);
  // A look with a hole in it is repeated in full the next time.
  return { given: content.problems.length > 0 ? content : { ...content, version } };
}

/** The certificate as found, or its description when its DER is missing or is none. */
function readContent(
  location: string,
  listed: CertificateProperties,
  found: KeyVaultCertificateWithPolicy,
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
          renewal: describeRenewal(found.policy, listed),
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

function described(
  location: string,
  listed: CertificateProperties,
  policy: KeyVaultCertificateWithPolicy['policy'],
  problem: Problem,
): Observation {
  return { location, items: [describeCertificate(listed, policy)], problems: [problem] };
}
