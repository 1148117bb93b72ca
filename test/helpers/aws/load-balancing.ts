import { awsXml, awsXmlFault, type AwsReply, type AwsRequest, type FakeAws } from '../fake-aws.ts';
import { pageOf } from './page.ts';
import { xmlOf } from './xml.ts';

export interface FakeTrustStore {
  readonly name: string;
  readonly bundle: string;
  readonly associations?: readonly string[];
  /** By their numbers. */
  readonly revocations?: Readonly<Record<number, Uint8Array | string>>;
  readonly tags?: Readonly<Record<string, string>>;
}

export interface FakeListener {
  readonly id: string;
  readonly port?: number;
  readonly protocol?: string;
  /** The default one first. */
  readonly certificates?: readonly string[];
  readonly mutual?: Readonly<Record<string, unknown>>;
}

export interface FakeLoadBalancer {
  readonly name: string;
  readonly type?: string;
  readonly listeners: readonly FakeListener[];
  readonly tags?: Readonly<Record<string, string>>;
}

export interface FakeElb {
  trustStores: FakeTrustStore[];
  balancers: FakeLoadBalancer[];
}

const PREFIX = 'arn:aws:elasticloadbalancing:eu-west-1:111122223333';

export const storeArn = (name: string): string => `${PREFIX}:truststore/${name}/1`;
export const balancerArn = (name: string): string => `${PREFIX}:loadbalancer/app/${name}/1`;
export const listenerArn = (balancer: string, id: string): string => `${PREFIX}:listener/app/${balancer}/1/${id}`;

/** Lets the fake speak ELBv2; what is to be downloaded lies at the fake, too, for who was told where. */
export function serveElb(aws: FakeAws): FakeElb {
  const elb: FakeElb = { trustStores: [], balancers: [] };
  aws.services.set('elasticloadbalancing', (request) => answer(elb, request, aws));
  // Requests for downloads bear no signature: the address itself is the secret.
  aws.services.set('', ({ operation, query }) => {
    const [, kind, name, id] = /^GET \/(bundle|list)\/([^/]+)(?:\/(\d+))?$/.exec(operation) ?? [];
    const store = elb.trustStores.find((one) => one.name === name);
    const body = kind === 'bundle' ? store?.bundle : store?.revocations?.[Number(id)];
    return (response) => {
      if (query.get('X-Amz-Signature') !== 'secret' || body === undefined) response.writeHead(403).end('<Error/>');
      else response.writeHead(200).end(body);
    };
  });
  return elb;
}

function answer(elb: FakeElb, { operation, form }: AwsRequest, { url, pageSize }: FakeAws): AwsReply {
  const listed = (name: string, all: readonly unknown[]): AwsReply => {
    const { items, next } = pageOf(all, form.get('Marker'), pageSize);
    return awsXml(operation, xmlOf({ [name]: items, NextMarker: next }));
  };
  const store = elb.trustStores.find(({ name }) => storeArn(name) === form.get('TrustStoreArn'));
  const balancer = elb.balancers.find(({ name }) => balancerArn(name) === form.get('LoadBalancerArn'));
  switch (operation) {
    case 'DescribeTrustStores':
      return listed(
        'TrustStores',
        elb.trustStores.map(({ name }) => ({ Name: name, TrustStoreArn: storeArn(name), Status: 'ACTIVE' })),
      );
    case 'GetTrustStoreCaCertificatesBundle':
      return store === undefined
        ? awsXmlFault(400, 'TrustStoreNotFound', 'gone')
        : awsXml(operation, xmlOf({ Location: `${url}/bundle/${store.name}?X-Amz-Signature=secret` }));
    case 'DescribeTrustStoreAssociations':
      return listed(
        'TrustStoreAssociations',
        (store?.associations ?? []).map((ResourceArn) => ({ ResourceArn })),
      );
    case 'DescribeTrustStoreRevocations':
      return listed(
        'TrustStoreRevocations',
        Object.keys(store?.revocations ?? {}).map((RevocationId) => ({
          TrustStoreArn: form.get('TrustStoreArn'),
          RevocationId,
          RevocationType: 'CRL',
        })),
      );
    case 'GetTrustStoreRevocationContent':
      return awsXml(
        operation,
        xmlOf({ Location: `${url}/list/${store?.name}/${form.get('RevocationId')}?X-Amz-Signature=secret` }),
      );
    case 'DescribeLoadBalancers':
      return listed(
        'LoadBalancers',
        elb.balancers.map(({ name, type = 'application' }) => ({
          LoadBalancerArn: balancerArn(name),
          LoadBalancerName: name,
          DNSName: `${name}-1.eu-west-1.elb.amazonaws.com`,
          Type: type,
        })),
      );
    case 'DescribeListeners':
      if (balancer === undefined) return awsXmlFault(400, 'LoadBalancerNotFound', 'gone');
      return listed(
        'Listeners',
        balancer.listeners.map(({ id, port = 443, protocol = 'HTTPS', certificates = [], mutual }) => ({
          ListenerArn: listenerArn(balancer.name, id),
          LoadBalancerArn: balancerArn(balancer.name),
          Port: port,
          Protocol: protocol,
          Certificates: certificates.slice(0, 1).map((CertificateArn) => ({ CertificateArn })),
          MutualAuthentication: mutual,
        })),
      );
    case 'DescribeListenerCertificates': {
      const listener = elb.balancers
        .flatMap(({ name, listeners }) => listeners.map((one) => ({ ...one, arn: listenerArn(name, one.id) })))
        .find(({ arn }) => arn === form.get('ListenerArn'));
      return listed(
        'Certificates',
        (listener?.certificates ?? []).map((CertificateArn, index) => ({ CertificateArn, IsDefault: index === 0 })),
      );
    }
    case 'DescribeTags': {
      const tagged = [
        ...elb.trustStores.map(({ name, tags = {} }) => ({ arn: storeArn(name), tags })),
        ...elb.balancers.map(({ name, tags = {} }) => ({ arn: balancerArn(name), tags })),
      ];
      const asked = new Set(form.values());
      return awsXml(
        operation,
        xmlOf({
          TagDescriptions: tagged
            .filter(({ arn }) => asked.has(arn))
            .map(({ arn, tags }) => ({
              ResourceArn: arn,
              Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
            })),
        }),
      );
    }
    default:
      return awsXmlFault(400, 'InvalidAction', operation);
  }
}
