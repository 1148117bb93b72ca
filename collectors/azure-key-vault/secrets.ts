import type { SecretProperties } from '@azure/keyvault-secrets';

import type { Certificate } from '../../src/certificate/certificate.ts';
import { chainItem } from '../../src/cloud/held.ts';
import {
  attempt,
  detailsCut,
  endsLook,
  gone,
  listCut,
  missingFrom,
  problemOf,
  unchanged,
  versionOf,
} from '../../src/cloud/observation.ts';
import { readPages } from '../../src/cloud/paging.ts';
import { roleOf } from '../../src/cloud/role.ts';
import type { Context, SecretRef } from '../../src/plugin/context.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Item } from '../../src/plugin/item.ts';
import type { Observation, Problem } from '../../src/plugin/observation.ts';
import { describeLabels } from './description.ts';
import { MAX_PAGES, type VaultLook } from './vault.ts';

/** What Key Vault calls the content of a secret that holds a certificate, and what people write instead. */
const HOLDS_CERTIFICATE = /pkcs-?12|pfx|p12|pem|x509|x-509/i;
const IS_PFX = /pkcs-?12|pfx|p12/i;

export interface SecretOptions {
  readonly context: Context;
  readonly password: SecretRef | undefined;
  /** Whether the values of secrets that hold certificates may be read. */
  readonly isRead: boolean;
}

/**
 * Plain secrets: when they end, and the certificates in them. Those that stand behind a certificate of the vault are left
 * out: that is looked at by itself, and without its private key.
 */
export async function* observeSecrets(
  look: VaultLook,
  options: SecretOptions,
): AsyncGenerator<Observation, void, undefined> {
  const { vault, here } = look;
  let stopped: CollectError | undefined;
  const gaps: Problem[] = [];
  for await (const part of readPages(`secrets/list on ${vault.url}`, MAX_PAGES, vault.secrets())) {
    if (part.kind === 'cut') {
      gaps.push(listCut('secrets/list', part.error));
      continue;
    }
    for (const properties of part.items) {
      if (properties.managed === true) continue;
      const holds =
        options.isRead && properties.enabled !== false && HOLDS_CERTIFICATE.test(properties.contentType ?? '');
      if (!holds) {
        if (properties.expiresOn !== undefined) yield dated(vault.url, properties, properties.expiresOn);
        continue;
      }
      const { given, error } = await observeSecret(look, properties, options, stopped);
      if (error !== undefined && endsLook(error)) stopped = error;
      yield given;
    }
  }
  if (stopped !== undefined) gaps.push(detailsCut('secrets/get', stopped));
  yield* missingFrom(here, gaps);
}

function locationOf(url: string, { name }: SecretProperties): string {
  return `${url}/secrets/${name}`;
}

/** A secret whose end somebody has written down; only that is known of it. */
function dated(url: string, properties: SecretProperties, notAfter: Date): Observation {
  const location = locationOf(url, properties);
  return {
    location,
    items: [
      {
        kind: 'credential',
        id: location,
        name: properties.name,
        notAfter,
        place: { key: 'secret' },
        role: 'unknown',
        renewal: { mode: 'manual' },
        ...describeLabels(properties),
      },
    ],
    problems: [],
  };
}

interface Given {
  readonly given: Observation;
  readonly error?: CollectError;
}

async function observeSecret(
  { vault, known }: VaultLook,
  properties: SecretProperties,
  { context, password }: SecretOptions,
  stopped: CollectError | undefined,
): Promise<Given> {
  const location = locationOf(vault.url, properties);
  const labels = describeLabels(properties);
  // Each new value changes the time of the update, as a change of its attributes does.
  const version = versionOf('secret', { at: properties.updatedOn?.getTime(), labels, of: properties.contentType });
  if (properties.updatedOn !== undefined && known.version(location) === version) {
    return { given: unchanged(location, version) };
  }
  const secret = stopped ?? (await attempt(vault.secret(properties.name)));
  if (secret instanceof CollectError) {
    if (secret.reason === 'not_found') return { given: gone(location) };
    return { given: { location, items: [], problems: [problemOf('secret', secret)] }, error: secret };
  }
  const bytes = bytesOf(secret.value ?? '', properties.contentType ?? '');
  const passwords = password === undefined ? [] : [await context.secret(password)];
  const { parts } = await context.parse(bytes, { passwords });
  const found = parts.filter((part) => part.kind === 'certificate');
  // A PFX may hold its chain first.
  const leaf = found.find(({ use }) => use === 'identity') ?? found.find(({ certificate }) => !certificate.isCa);
  const items = [
    ...(leaf === undefined ? [] : [leafItem(leaf.certificate, labels)]),
    ...found.filter((part) => part !== leaf).map(({ certificate }, index) => chainItem(certificate, index)),
  ];
  const problems = parts.flatMap((part): readonly Problem[] =>
    part.kind === 'problem'
      ? [{ reason: part.problem, place: 'secret', detail: `${location} cannot be read: ${part.detail}` }]
      : [],
  );
  if (items.length === 0 && problems.length === 0) {
    const detail = `${location} says that it holds a certificate, and holds none`;
    return { given: { location, items, problems: [{ reason: 'empty', place: 'secret', detail }] } };
  }
  return { given: { location, items, problems, ...(problems.length > 0 ? {} : { version }) } };
}

function leafItem(certificate: Certificate, labels: Pick<Item, 'labels'>): Item {
  return {
    kind: 'certificate',
    der: certificate.der,
    place: { key: 'certificate' },
    role: roleOf(certificate.extendedKeyUsage),
    renewal: { mode: 'manual' },
    ...labels,
  };
}

/** A PFX is written in base64, a PEM file as it is. */
function bytesOf(value: string, contentType: string): Uint8Array {
  return IS_PFX.test(contentType) && !value.includes('-----BEGIN') ? Buffer.from(value, 'base64') : Buffer.from(value);
}
