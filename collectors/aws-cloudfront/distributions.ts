import type { DistributionSummary, Origin } from '@aws-sdk/client-cloudfront';

import type { AwsLook } from '../../src/cloud/aws.ts';
import { createServerCertificates, type ServerCertificates } from '../../src/cloud/aws-certificates.ts';
import type { Held } from '../../src/cloud/held.ts';
import { listCut, missingFrom, problemOf } from '../../src/cloud/observation.ts';
import { readAll } from '../../src/cloud/paging.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Reference } from '../../src/plugin/item.ts';
import type { Observation, Problem } from '../../src/plugin/observation.ts';
import { observeTrustStore } from './trust-stores.ts';

type CloudFrontModule = typeof import('@aws-sdk/client-cloudfront');

const PAGE_SIZE = 100;

/** The distributions, then the trust stores by which some of them judge viewers. */
export async function* observeDistributions(
  look: AwsLook,
  cloudfront: CloudFrontModule,
  bundles: Readonly<Record<string, string>>,
): AsyncGenerator<Observation, void, undefined> {
  const client = look.client(cloudfront.CloudFrontClient);
  const gaps: Problem[] = [];
  const certificates = createServerCertificates(look);
  const iamArns = createIamArns(look);
  /** What the trust stores decide about, by their ids. */
  const judged = new Map<string, Reference[]>();
  const pages = look.pages({ action: 'cloudfront:ListDistributions' }, async (Marker, options) => {
    const command = new cloudfront.ListDistributionsCommand({ Marker, MaxItems: PAGE_SIZE });
    const { DistributionList: list } = await client.send(command, options);
    return { items: list?.Items, next: list?.IsTruncated === true ? list.NextMarker : undefined };
  });
  for await (const page of pages) {
    if (page.kind === 'cut') {
      gaps.push(listCut('ListDistributions', page.error));
      continue;
    }
    for (const distribution of page.items) {
      noteTrust(distribution, judged);
      const given = await observeDistribution(distribution, certificates, iamArns);
      if (given !== undefined) yield given;
    }
  }
  const call = { action: 'cloudfront:ListTrustStores' };
  const stores = await readAll(
    look.pages(call, async (Marker, options) => {
      const answer = await client.send(new cloudfront.ListTrustStoresCommand({ Marker, MaxItems: PAGE_SIZE }), options);
      return { items: answer.TrustStoreList, next: answer.NextMarker };
    }),
    (error) => gaps.push(listCut('ListTrustStores', error)),
  );
  for (const store of stores) yield* observeTrustStore(look, store, judged.get(store.Id ?? '') ?? [], bundles);
  yield* missingFrom(look.here, gaps);
}

/** The names by which viewers reach a distribution. */
function endpointsOf({ Aliases, DomainName }: DistributionSummary): readonly Reference[] {
  const names = [...(Aliases?.Items ?? []), ...(DomainName === undefined ? [] : [DomainName])];
  return names.filter((name) => !name.startsWith('*')).map((name) => ({ type: 'endpoint', id: `${name}:443` }));
}

function noteTrust(distribution: DistributionSummary, judged: Map<string, Reference[]>): void {
  const { Mode: mode, TrustStoreConfig: trust } = distribution.ViewerMtlsConfig ?? {};
  // What is passed through is for the origin to judge.
  if (trust?.TrustStoreId === undefined || mode === 'passthrough') return;
  const own: readonly Reference[] = distribution.ARN === undefined ? [] : [{ type: 'aws', id: distribution.ARN }];
  judged.set(trust.TrustStoreId, [...(judged.get(trust.TrustStoreId) ?? []), ...own, ...endpointsOf(distribution)]);
}

async function observeDistribution(
  distribution: DistributionSummary,
  certificates: ServerCertificates,
  iamArns: IamArns,
): Promise<Observation | undefined> {
  const { ARN: location, ViewerCertificate: viewer, Origins: origins } = distribution;
  if (location === undefined) return undefined;
  const usedBy = endpointsOf(distribution);
  const held: Held[] = [];
  const problems: Problem[] = [];
  const { ACMCertificateArn: acmArn, IAMCertificateId: iamId } = viewer ?? {};
  // Its default certificate, for names below cloudfront.net, is for AWS to renew.
  if (acmArn !== undefined && acmArn !== '') {
    held.push(await certificates.at(acmArn, { role: 'server', usedBy }));
  } else if (iamId !== undefined && iamId !== '') {
    const arn = await iamArns.of(iamId);
    if (arn instanceof CollectError) problems.push(problemOf('certificate', arn));
    else held.push(await certificates.at(arn, { role: 'server', usedBy }));
  }
  for (const origin of origins?.Items ?? []) held.push(...(await originCertificate(origin, certificates)));
  if (held.length === 0 && problems.length === 0) return undefined;
  return {
    location,
    items: held.flatMap(({ items }) => items),
    problems: [...problems, ...held.flatMap((one) => one.problems)],
  };
}

/**
 * What CloudFront logs in with at an origin. It must have been imported, and ACM does not renew what was
 * (https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/origin-certificate-management.html).
 */
async function originCertificate(origin: Origin, certificates: ServerCertificates): Promise<readonly Held[]> {
  const { Id: id = '', DomainName: host, CustomOriginConfig: custom } = origin;
  const arn = custom?.OriginMtlsConfig?.ClientCertificateArn;
  if (arn === undefined || arn === '') return [];
  const usedBy: readonly Reference[] =
    host === undefined ? [] : [{ type: 'endpoint', id: `${host}:${custom?.HTTPSPort ?? 443}` }];
  return [await certificates.at(arn, { role: 'client', usedBy, renewal: { mode: 'manual' } }, `origin/${id}/`)];
}

/** ARNs of server certificates in IAM, of which distributions name the id alone. */
interface IamArns {
  of(id: string): Promise<string | CollectError>;
}

function createIamArns(look: AwsLook): IamArns {
  let listed: Promise<ReadonlyMap<string, string> | CollectError> | undefined;

  async function list(): Promise<ReadonlyMap<string, string> | CollectError> {
    const { IAMClient, ListServerCertificatesCommand } = await import('@aws-sdk/client-iam');
    const client = look.client(IAMClient);
    let failure: CollectError | undefined;
    const all = await readAll(
      look.pages({ action: 'iam:ListServerCertificates' }, async (Marker, options) => {
        const page = await client.send(new ListServerCertificatesCommand({ Marker }), options);
        return {
          items: page.ServerCertificateMetadataList,
          next: page.IsTruncated === true ? page.Marker : undefined,
        };
      }),
      (error) => {
        failure = error;
      },
    );
    return (
      failure ??
      new Map(
        all.map(({ ServerCertificateId = '', Arn = '' }): readonly [string, string] => [ServerCertificateId, Arn]),
      )
    );
  }

  return {
    async of(id) {
      listed ??= list();
      const arns = await listed;
      if (arns instanceof CollectError) return arns;
      return arns.get(id) ?? new CollectError('not_found', `the server certificate ${id} is not in IAM`);
    },
  };
}
