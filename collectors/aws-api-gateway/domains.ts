import type { DomainName as RestDomain } from '@aws-sdk/client-api-gateway';
import type { DomainName as HttpDomain } from '@aws-sdk/client-apigatewayv2';

import type { AwsLook } from '../../src/cloud/aws.ts';
import { createServerCertificates, type ServerCertificates } from '../../src/cloud/aws-certificates.ts';
import { readPinned, type PinnedObject } from '../../src/cloud/aws-s3.ts';
import { type Held, readTrustStore } from '../../src/cloud/held.ts';
import { attempt, listCut, missingFrom, problemOf } from '../../src/cloud/observation.ts';
import { tagLabels } from '../../src/cloud/tags.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Reference } from '../../src/plugin/item.ts';
import type { Observation, Problem } from '../../src/plugin/observation.ts';
import { arnPrefix } from './arn.ts';

type RestModule = typeof import('@aws-sdk/client-api-gateway');
type HttpModule = typeof import('@aws-sdk/client-apigatewayv2');

const REST_PAGE_SIZE = 500;
const HTTP_PAGE_SIZE = '100';

/** A custom domain, by what both versions of the API tell of it. */
interface Domain {
  readonly name: string;
  readonly arn: string | undefined;
  /** Of the certificate that clients see. */
  readonly certificates: readonly string[];
  readonly truststore: { readonly uri: string; readonly version: string | undefined } | undefined;
  /** What API Gateway found at the last update, and says no more about later. */
  readonly warnings: readonly string[];
  /** Why it does not work as it should, in the words of API Gateway. */
  readonly trouble: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
}

/**
 * Custom domains with the CA certificates that decide about their clients, and the certificates that clients see. Both
 * versions of the API list the same domains; which of them may be asked is a matter of the policy, not of the domains.
 */
export async function* observeDomains(
  look: AwsLook,
  rest: RestModule,
  http: HttpModule,
): AsyncGenerator<Observation, void, undefined> {
  const certificates = createServerCertificates(look);
  const seen = new Set<string>();
  const gaps: Problem[] = [];
  for await (const page of listRest(look, rest)) {
    if (page.kind === 'cut') gaps.push(listCut('GetDomainNames', page.error));
    else yield* observeAll(look, page.items.map(ofRest), seen, certificates);
  }
  try {
    for await (const page of listHttp(look, http)) {
      if (page.kind === 'cut') gaps.push(listCut('v2 GetDomainNames', page.error));
      else yield* observeAll(look, page.items.map(ofHttp), seen, certificates);
    }
  } catch (error) {
    if (!(error instanceof CollectError)) throw error;
    gaps.push(listCut('v2 GetDomainNames', error));
  }
  yield* missingFrom(look.here, gaps);
}

function listRest(look: AwsLook, rest: RestModule) {
  const client = look.client(rest.APIGatewayClient);
  return look.pages({ action: 'apigateway:GET', call: 'GetDomainNames' }, async (position, options) => {
    const page = await client.send(new rest.GetDomainNamesCommand({ limit: REST_PAGE_SIZE, position }), options);
    return { items: page.items, next: page.position };
  });
}

function listHttp(look: AwsLook, http: HttpModule) {
  const client = look.client(http.ApiGatewayV2Client);
  return look.pages({ action: 'apigateway:GET', call: 'v2 GetDomainNames' }, async (NextToken, options) => {
    const page = await client.send(new http.GetDomainNamesCommand({ MaxResults: HTTP_PAGE_SIZE, NextToken }), options);
    return { items: page.Items, next: page.NextToken };
  });
}

function ofRest(domain: RestDomain): Domain {
  const { mutualTlsAuthentication: mutual, domainNameStatus: status, domainNameStatusMessage: message } = domain;
  return {
    name: domain.domainName ?? '',
    arn: domain.domainNameArn,
    certificates: distinct([domain.regionalCertificateArn, domain.certificateArn]),
    truststore: truststoreOf(mutual?.truststoreUri, mutual?.truststoreVersion),
    warnings: mutual?.truststoreWarnings ?? [],
    trouble: troubleOf(status, message),
    tags: domain.tags ?? {},
  };
}

function ofHttp(domain: HttpDomain): Domain {
  const { DomainNameConfigurations: configurations = [], MutualTlsAuthentication: mutual } = domain;
  return {
    name: domain.DomainName ?? '',
    arn: domain.DomainNameArn,
    certificates: distinct(configurations.map(({ CertificateArn }) => CertificateArn)),
    truststore: truststoreOf(mutual?.TruststoreUri, mutual?.TruststoreVersion),
    warnings: mutual?.TruststoreWarnings ?? [],
    trouble: configurations
      .map(({ DomainNameStatus, DomainNameStatusMessage }) => troubleOf(DomainNameStatus, DomainNameStatusMessage))
      .find((trouble) => trouble !== undefined),
    tags: domain.Tags ?? {},
  };
}

function distinct(arns: readonly (string | undefined)[]): readonly string[] {
  return [...new Set(arns.flatMap((arn) => (arn === undefined || arn === '' ? [] : [arn])))];
}

function truststoreOf(uri: string | undefined, version: string | undefined): Domain['truststore'] {
  return uri === undefined || uri === '' ? undefined : { uri, version: version === '' ? undefined : version };
}

/** States in which a domain waits for a person; those of a change under way pass by themselves. */
function troubleOf(status: string | undefined, message: string | undefined): string | undefined {
  switch (status) {
    case 'PENDING_CERTIFICATE_REIMPORT':
      return `API Gateway waits for the certificate to be imported again (${message ?? status}): import it under the same ARN`;
    case 'PENDING_OWNERSHIP_VERIFICATION':
      return `API Gateway waits for proof that the domain is yours (${message ?? status}): give it an ownership verification certificate`;
    case 'FAILED':
      return `API Gateway could not set the domain up (${message ?? status})`;
    default:
      return undefined;
  }
}

async function* observeAll(
  look: AwsLook,
  domains: readonly Domain[],
  seen: Set<string>,
  certificates: ServerCertificates,
): AsyncGenerator<Observation, void, undefined> {
  for (const domain of domains) {
    const location = domain.arn ?? `${arnPrefix(look)}/domainnames/${domain.name}`;
    if (domain.name === '' || seen.has(location)) continue;
    seen.add(location);
    yield observeDomain(look, domain, location, certificates);
  }
}

async function observeDomain(
  look: AwsLook,
  domain: Domain,
  location: string,
  certificates: ServerCertificates,
): Promise<Observation> {
  const usedBy: readonly Reference[] = [{ type: 'endpoint', id: `${domain.name}:443` }];
  const remarks = domain.trouble === undefined ? {} : { remarks: [domain.trouble] };
  const shown: Held[] = [];
  for (const [index, arn] of domain.certificates.entries()) {
    // A domain that is being migrated has one at the edge and one in its region.
    const prefix = index === 0 ? '' : `${index + 1}/`;
    shown.push(await certificates.at(arn, { role: 'server', usedBy, ...remarks }, prefix));
  }
  const trusted = domain.truststore === undefined ? [] : [await readTruststore(look, domain, usedBy)];
  const held = [...shown, ...trusted];
  return {
    location,
    items: held.flatMap(({ items }) => items),
    problems: held.flatMap(({ problems }) => problems),
    ...tagLabels(
      look.tags,
      Object.entries(domain.tags).map(([Key, Value]) => ({ Key, Value })),
    ),
  };
}

/** The CA certificates in force: those of the version of the object that the domain was last updated with. */
async function readTruststore(look: AwsLook, domain: Domain, usedBy: readonly Reference[]): Promise<Held> {
  const { uri, version } = domain.truststore ?? { uri: '', version: undefined };
  const pinned = await attempt(readPinned(look, uri, version));
  if (pinned instanceof CollectError) return { items: [], problems: [problemOf('truststore', pinned)] };
  const remarks = [
    ...domain.warnings.map((warning) => `API Gateway warned at the last update: ${warning}`),
    ...newerText(domain, pinned),
  ];
  const held = await readTrustStore(look.context, pinned.used.bytes, 'truststore', {
    usedBy,
    renewal: { mode: 'manual' },
  });
  if (remarks.length === 0) return held;
  // Told once, with the first: they are about the store as a whole.
  return { ...held, items: held.items.map((item, index) => (index === 0 ? { ...item, remarks } : item)) };
}

/** A newer version of the object does nothing before the domain is updated. */
function newerText({ name, truststore }: Domain, { newer }: PinnedObject): readonly string[] {
  if (newer === undefined || truststore === undefined) return [];
  const { uri, version = '' } = truststore;
  if (newer === 'gone') return [`${uri} was deleted; ${name} goes on with its version ${version}`];
  const { version: present = 'without a version', modified } = newer;
  const since = modified === undefined ? '' : ` since ${modified.toISOString()}`;
  return [
    `${uri} has the newer version ${present}${since}, which ${name} does not use: update the domain to it, or nothing of it is in force`,
  ];
}
