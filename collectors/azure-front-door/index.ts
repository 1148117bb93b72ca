import { z } from 'zod';

import { type Fields, dateAt, isTrueAt, textAt, textsAt } from '../../src/cloud/answer.ts';
import { resourceOptions } from '../../src/cloud/azure-options.ts';
import {
  type AzureLook,
  createAzureInstance,
  nameInId,
  renewalByVault,
  vaultReferenceOf,
} from '../../src/cloud/azure-resources.ts';
import { attempt, problemOf } from '../../src/cloud/observation.ts';
import { defineCollector } from '../../src/plugin/collector.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Item, Reference } from '../../src/plugin/item.ts';
import type { Observation, Problem } from '../../src/plugin/observation.ts';
import { CLASSIC, CLASSIC_VERSION, observeClassic } from './classic.ts';

const TYPE = 'Microsoft.Cdn/profiles';
const SECRETS = `${TYPE}/secrets/read`;
const DOMAINS = `${TYPE}/customDomains/read`;
const VERSION = '2025-04-15';

export const azureFrontDoor = defineCollector({
  type: 'azure-front-door',
  summary: 'Azure Front Door: certificates of custom domains, whose they are, and validations that are stuck',
  options: z.strictObject(resourceOptions),
  scope: () => 'cluster',
  create: (given, context) =>
    createAzureInstance('azure-front-door', given, context, [
      {
        name: '',
        actions: [`${TYPE}/read`, SECRETS, DOMAINS],
        observe: (look) => look.each(TYPE, VERSION, (profile, id) => observeProfile(look, profile, id)),
      },
      {
        name: 'classic',
        actions: [`${CLASSIC}/read`],
        observe: (look) => look.each(CLASSIC, CLASSIC_VERSION, async (door, id) => observeClassic(door, id)),
      },
    ]),
});

async function observeProfile(look: AzureLook, profile: Fields, location: string): Promise<Observation> {
  // What is not of Front Door (a classic CDN) has neither secrets nor domains of this kind.
  if (textAt(profile, 'sku', 'name')?.includes('AzureFrontDoor') === false) {
    return { location, items: [], problems: [] };
  }
  const problems: Problem[] = [];
  const domains = await read(look, DOMAINS, `${location}/customDomains`, 'domains', problems);
  const secrets = await read(look, SECRETS, `${location}/secrets`, 'secrets', problems);
  return { location, items: secrets.flatMap((secret) => itemOf(secret, domains) ?? []), problems };
}

async function read(
  look: AzureLook,
  action: string,
  path: string,
  place: string,
  problems: Problem[],
): Promise<readonly Fields[]> {
  const found: Fields[] = [];
  const failed = await attempt(
    (async () => {
      for await (const page of look.resources({ action, of: path }, path, VERSION)) {
        if (page.kind === 'cut') throw page.error;
        found.push(...page.items);
      }
    })(),
  );
  if (failed instanceof CollectError) problems.push(problemOf(place, failed));
  return found;
}

/** A certificate in the profile; undefined for a secret that is none. */
function itemOf(secret: Fields, domains: readonly Fields[]): Item | undefined {
  const name = textAt(secret, 'name')?.toLowerCase() ?? '';
  const type = textAt(secret, 'properties', 'parameters', 'type') ?? '';
  // Kinds that are new may be certificates too: what has an end is one.
  const end = dateAt(secret, 'properties', 'parameters', 'expirationDate');
  if (!type.endsWith('Certificate') && end === undefined) return undefined;
  const using = domains.filter(
    (domain) => nameInId(textAt(domain, 'properties', 'tlsSettings', 'secret', 'id')) === name,
  );
  const thumbprint = textAt(secret, 'properties', 'parameters', 'thumbprint')?.toLowerCase();
  const subject = textAt(secret, 'properties', 'parameters', 'subject');
  const names = textsAt(secret, 'properties', 'parameters', 'subjectAlternativeNames');
  const issuer = textAt(secret, 'properties', 'parameters', 'certificateAuthority');
  return {
    kind: 'described',
    place: { key: `secret/${name}` },
    role: 'server',
    ...(thumbprint === undefined ? {} : { sha1: thumbprint }),
    ...(issuer === undefined ? {} : { issuer }),
    names: names.length > 0 ? names : subject === undefined ? [name] : [subject.replace(/^CN=/i, '')],
    notAfter: end ?? 'unknown',
    ...renewalOf(secret, type, using),
    ...(using.length === 0 ? {} : { usedBy: using.flatMap(endpointOf) }),
  };
}

function endpointOf(domain: Fields): readonly Reference[] {
  const host = textAt(domain, 'properties', 'hostName');
  return host === undefined || host.includes('*') ? [] : [{ type: 'endpoint', id: `${host}:443` }];
}

function renewalOf(
  secret: Fields,
  type: string,
  using: readonly Fields[],
): Pick<Item, 'renewal' | 'remarks' | 'labels'> {
  if (type === 'CustomerCertificate') {
    const source = textAt(secret, 'properties', 'parameters', 'secretSource', 'id');
    const followsLatest = isTrueAt(secret, 'properties', 'parameters', 'useLatestVersion');
    const vault = vaultReferenceOf(source);
    if (vault !== undefined) return renewalByVault({ ...vault, isPinned: !followsLatest });
    return source === undefined ? renewalByVault(undefined) : renewalByVault({ id: source, isPinned: !followsLatest });
  }
  const stuck = using.flatMap((domain) => validationText(domain) ?? []);
  return { renewal: { mode: 'automatic', ...(stuck.length === 0 ? {} : { stuck: stuck.join('; ') }) } };
}

/** States in which somebody has to do something (https://learn.microsoft.com/azure/frontdoor/domain#domain-validation); one that is new says nothing. */
const WAITING = new Set(['Pending', 'PendingRevalidation', 'Rejected', 'TimedOut', 'InternalError']);

/** What keeps Front Door from renewing, with the record that it wants to see in DNS. */
function validationText(domain: Fields): string | undefined {
  const state = textAt(domain, 'properties', 'domainValidationState');
  const host = textAt(domain, 'properties', 'hostName');
  if (state === undefined || host === undefined || !WAITING.has(state)) return undefined;
  const token = textAt(domain, 'properties', 'validationProperties', 'validationToken');
  const record =
    token === undefined
      ? 'ask Front Door for a new validation token'
      : `set the TXT record _dnsauth.${host.replace(/^\*\./, '')} to ${token}`;
  return `the validation of ${host} is ${state}: ${record}`;
}
