import { quote } from '../text/shell.ts';

/** An ARN taken apart (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html). */
export interface Arn {
  readonly text: string;
  readonly service: string;
  /** Empty for services that are the same in all regions. */
  readonly region: string;
  /** What stands behind the account: `certificate/1234`, `/domainnames/api.example.com`. */
  readonly resource: string;
}

const ARN = /^arn:aws[a-z-]*:(?<service>[a-z0-9-]+):(?<region>[a-z0-9-]*):\d*:(?<resource>.+)$/s;

export function arnOf(text: string): Arn | undefined {
  const parts = ARN.exec(text)?.groups;
  if (parts === undefined) return undefined;
  return { text, service: parts['service'] ?? '', region: parts['region'] ?? '', resource: parts['resource'] ?? '' };
}

/** What stands behind the last slash. */
export function lastOf({ resource }: Pick<Arn, 'resource'>): string {
  return resource.slice(resource.lastIndexOf('/') + 1);
}

/** `aws SERVICE CALL --region REGION`. */
export function awsCall(service: string, call: string, { region }: Pick<Arn, 'region'>): string {
  return `aws ${service} ${call}${region === '' ? '' : ` --region ${quote(region)}`}`;
}

/** Shows what is there; `undefined` for an ARN that nothing is known of. */
export function awsLook(text: string): string | undefined {
  const arn = arnOf(text);
  if (arn === undefined) return undefined;
  const { service, resource } = arn;
  const whole = quote(text);
  const last = quote(lastOf(arn));
  switch (service) {
    case 'acm':
      return `${awsCall('acm', 'describe-certificate', arn)} --certificate-arn ${whole}`;
    case 'acm-pca':
      return `${awsCall('acm-pca', 'describe-certificate-authority', arn)} --certificate-authority-arn ${whole}`;
    case 'apigateway':
      return resource.startsWith('/clientcertificates/')
        ? `${awsCall('apigateway', 'get-client-certificate', arn)} --client-certificate-id ${last}`
        : `${awsCall('apigateway', 'get-domain-name', arn)} --domain-name ${last}`;
    case 'elasticloadbalancing':
      if (resource.startsWith('listener/')) {
        return `${awsCall('elbv2', 'describe-listener-certificates', arn)} --listener-arn ${whole}`;
      }
      return `${awsCall('elbv2', 'describe-trust-stores', arn)} --trust-store-arns ${quote(storeArnOf(text))}`;
    case 'iam':
      return resource.startsWith('server-certificate/')
        ? `${awsCall('iam', 'get-server-certificate', arn)} --server-certificate-name ${last}`
        : `${awsCall('iam', 'list-signing-certificates', arn)} --user-name ${last}`;
    case 'rolesanywhere':
      return rolesAnywhereLook(arn);
    case 'cloudfront':
      return resource.startsWith('distribution/')
        ? `${awsCall('cloudfront', 'get-distribution', arn)} --id ${last}`
        : `${awsCall('cloudfront', 'get-trust-store', arn)} --identifier ${last}`;
    case 'iot':
      if (resource.startsWith('cacert/')) {
        return `${awsCall('iot', 'describe-ca-certificate', arn)} --certificate-id ${last}`;
      }
      return resource.startsWith('cert/')
        ? `${awsCall('iot', 'describe-certificate', arn)} --certificate-id ${last}`
        : `${awsCall('iot', 'describe-domain-configuration', arn)} --domain-configuration-name ${quote(resource.split('/')[1] ?? '')}`;
    case 'rds':
      return resource.startsWith('cluster:')
        ? `${awsCall('rds', 'describe-db-clusters', arn)} --db-cluster-identifier ${whole}`
        : `${awsCall('rds', 'describe-db-instances', arn)} --db-instance-identifier ${whole}`;
    case 'secretsmanager':
      return `${awsCall('secretsmanager', 'describe-secret', arn)} --secret-id ${whole}`;
    default:
      return undefined;
  }
}

/** The trust store of a revocation list, which has no ARN of its own. */
export function storeArnOf(text: string): string {
  return text.replace(/\/revocations\/\d+$/, '');
}

function rolesAnywhereLook(arn: Arn): string {
  const id = quote(lastOf(arn));
  if (arn.resource.startsWith('crl/')) return `${awsCall('rolesanywhere', 'get-crl', arn)} --crl-id ${id}`;
  return arn.resource.startsWith('subject/')
    ? `${awsCall('rolesanywhere', 'get-subject', arn)} --subject-id ${id}`
    : `${awsCall('rolesanywhere', 'get-trust-anchor', arn)} --trust-anchor-id ${id}`;
}
