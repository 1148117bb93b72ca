import { awsFault, awsJson, type AwsReply, type AwsRequest, type FakeAws } from '../fake-aws.ts';
import { epochSeconds, pageOf } from './page.ts';

/** What an API Gateway holds, in one region. */
export interface FakeApiGateway {
  clientCertificates: { id: string; pem?: string; expires?: Date; created?: Date; tags?: Record<string, string> }[];
  restApis: { id: string; stages: { stageName: string; clientCertificateId?: string }[] }[];
  /** As version 1 tells them. */
  domains: Readonly<Record<string, unknown>>[];
  /** As version 2 tells them. */
  httpDomains: Readonly<Record<string, unknown>>[];
}

/** Lets the fake speak both versions of API Gateway, which share a name in signatures. */
export function serveApiGateway(aws: FakeAws): FakeApiGateway {
  const gateway: FakeApiGateway = { clientCertificates: [], restApis: [], domains: [], httpDomains: [] };
  aws.services.set('apigateway', (request) => answer(gateway, request, aws.pageSize));
  return gateway;
}

function answer(gateway: FakeApiGateway, { operation, query, body }: AwsRequest, pageSize: number): AwsReply {
  const listed = (all: readonly unknown[]): AwsReply => {
    const { items, next } = pageOf(all, query.get('position'), pageSize);
    return awsJson({ item: items, position: next });
  };
  const stages = /^GET \/restapis\/([^/]+)\/stages$/.exec(operation)?.[1];
  if (stages !== undefined) {
    const api = gateway.restApis.find(({ id }) => id === stages);
    return api === undefined ? awsFault(404, 'NotFoundException', 'Invalid API') : awsJson({ item: api.stages });
  }
  const [, method, name] = /^(GET|PATCH) \/domainnames\/([^/]+)$/.exec(operation) ?? [];
  if (name !== undefined) {
    const domain = gateway.domains.find(({ domainName }) => domainName === name);
    if (domain === undefined) return awsFault(404, 'NotFoundException', 'Invalid domain name');
    const [patch] = method === 'PATCH' ? (body['patchOperations'] as readonly [{ path: string; value: string }]) : [];
    if (patch?.path === '/mutualTlsAuthentication/truststoreVersion') {
      const mutual = domain['mutualTlsAuthentication'] as object;
      const updated = { ...domain, mutualTlsAuthentication: { ...mutual, truststoreVersion: patch.value } };
      gateway.domains = gateway.domains.map((one) => (one === domain ? updated : one));
      return awsJson(updated);
    }
    return awsJson(domain);
  }
  switch (operation) {
    case 'GET /clientcertificates':
      return listed(
        gateway.clientCertificates.map(({ id, pem, expires, created, tags }) => ({
          clientCertificateId: id,
          pemEncodedCertificate: pem,
          expirationDate: epochSeconds(expires),
          createdDate: epochSeconds(created),
          tags,
        })),
      );
    case 'GET /restapis':
      return listed(gateway.restApis.map(({ id }) => ({ id })));
    case 'GET /domainnames':
      return listed(gateway.domains);
    case 'GET /v2/domainnames': {
      const { items, next } = pageOf(gateway.httpDomains, query.get('nextToken'), pageSize);
      return awsJson({ items, nextToken: next });
    }
    default:
      return awsFault(404, 'NotFoundException', operation);
  }
}
