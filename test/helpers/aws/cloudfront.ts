import { awsXmlFault, type AwsReply, type FakeAws } from '../fake-aws.ts';
import { pageOf } from './page.ts';
import { xmlOf } from './xml.ts';

export const distributionArn = (id: string): string => `arn:aws:cloudfront::111122223333:distribution/${id}`;
export const trustStoreArn = (id: string): string => `arn:aws:cloudfront::111122223333:trust-store/${id}`;

export interface FakeDistribution {
  readonly id: string;
  readonly aliases?: readonly string[];
  readonly viewer?: Readonly<Record<string, unknown>>;
  readonly mtls?: Readonly<Record<string, unknown>>;
  readonly origins?: readonly { readonly id: string; readonly host: string; readonly clientCertificate?: string }[];
}

export interface FakeCloudFront {
  distributions: FakeDistribution[];
  trustStores: { id: string; name: string; count: number; modified?: Date }[];
}

function xml(root: string, content: unknown): AwsReply {
  return (response) => {
    response.writeHead(200, { 'content-type': 'text/xml' });
    response.end(`<?xml version="1.0"?><${root}>${xmlOf(content)}</${root}>`);
  };
}

/** REST with XML: lists have an element of their own for each kind of thing, written out here. */
export function serveCloudFront(aws: FakeAws): FakeCloudFront {
  const cloudfront: FakeCloudFront = { distributions: [], trustStores: [] };
  aws.services.set('cloudfront', ({ operation, query, text }) => {
    if (operation === 'GET /2020-05-31/distribution') {
      const { items, next } = pageOf(cloudfront.distributions, query.get('Marker'), aws.pageSize);
      return xml('DistributionList', {
        Marker: query.get('Marker') ?? '',
        NextMarker: next,
        MaxItems: 100,
        IsTruncated: next !== undefined,
        Quantity: items.length,
        Items: Object.fromEntries(items.map((one) => [`DistributionSummary ${one.id}`, summaryOf(one)])),
      });
    }
    if (operation === 'POST /2020-05-31/trust-stores') {
      const marker = /<Marker>(.*?)<\/Marker>/.exec(text)?.[1];
      const { items, next } = pageOf(cloudfront.trustStores, marker, aws.pageSize);
      return xml('ListTrustStoresResult', {
        NextMarker: next,
        TrustStoreList: Object.fromEntries(
          items.map(({ id, name, count, modified }) => [
            `TrustStoreSummary ${id}`,
            {
              Id: id,
              Arn: trustStoreArn(id),
              Name: name,
              Status: 'active',
              NumberOfCaCertificates: count,
              LastModifiedTime: modified ?? new Date(Date.UTC(2026, 0, 1)),
              ETag: 'E',
            },
          ]),
        ),
      });
    }
    return awsXmlFault(404, 'NoSuchResource', operation);
  });
  return cloudfront;
}

function summaryOf({ id, aliases = [], viewer, mtls, origins = [] }: FakeDistribution): object {
  return {
    Id: id,
    ARN: distributionArn(id),
    Status: 'Deployed',
    DomainName: `${id.toLowerCase()}.cloudfront.net`,
    Aliases: {
      Quantity: aliases.length,
      Items: Object.fromEntries(aliases.map((alias) => [`CNAME ${alias}`, alias])),
    },
    Origins: {
      Quantity: origins.length,
      Items: Object.fromEntries(
        origins.map(({ id: origin, host, clientCertificate }) => [
          `Origin ${origin}`,
          {
            Id: origin,
            DomainName: host,
            CustomOriginConfig: {
              HTTPPort: 80,
              HTTPSPort: 8443,
              OriginProtocolPolicy: 'https-only',
              OriginMtlsConfig:
                clientCertificate === undefined ? undefined : { ClientCertificateArn: clientCertificate },
            },
          },
        ]),
      ),
    },
    ViewerCertificate: viewer ?? { CloudFrontDefaultCertificate: true },
    ViewerMtlsConfig: mtls,
    Enabled: true,
    Staging: false,
  };
}
