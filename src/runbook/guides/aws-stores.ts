import { arnOf, awsCall, lastOf, type Arn } from '../../policy/aws-commands.ts';
import { placeName } from '../../policy/wording.ts';
import { safeText } from '../../text/safe-text.ts';
import { quote } from '../../text/shell.ts';
import { step } from '../model.ts';
import { FILES, given, work } from '../shell.ts';
import { hasChain, type Guide, type Spot } from './guide.ts';

function resourceOf({ home }: Spot, service: string, kind: string): Arn | undefined {
  const arn = arnOf(home.location.location);
  return arn?.service === service && arn.resource.startsWith(kind) ? arn : undefined;
}

/** A server certificate in IAM: it cannot be changed, so another one takes its place (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_server-certs.html). */
export const awsIamCertificate: Guide = {
  matches: (spot) => spot.material === 'leaf' && resourceOf(spot, 'iam', 'server-certificate/') !== undefined,

  save(spot) {
    const arn = resourceOf(spot, 'iam', 'server-certificate/');
    if (arn === undefined) return [];
    const own = `aws iam get-server-certificate --server-certificate-name ${quote(lastOf(arn))}`;
    const query = (part: string): string => `${own} --query ServerCertificate.${part} --output text`;
    const first =
      spot.number === 1
        ? [
            `${query('CertificateBody')} > ${FILES.oldCertificate}`,
            ...(hasChain(spot) ? [`${query('CertificateChain')} > ${FILES.oldChain}`] : []),
          ]
        : [];
    return [
      step('Keep what IAM holds', {
        text: ['It stays in IAM beside its successor; its key does not come back.'],
        commands: [`${own} > ${work(`old-${spot.number}.json`)}`, ...first],
      }),
    ];
  },

  install(spot) {
    const arn = resourceOf(spot, 'iam', 'server-certificate/');
    if (arn === undefined) return [];
    const next = quote(`${lastOf(arn)}-next`);
    const chain = hasChain(spot) ? ` --certificate-chain file://${FILES.chain}` : '';
    return [
      step('Upload the successor under a name of its own', {
        text: ['ACM renews what it issues, and takes imported certificates: it may be the better place.'],
        commands: [
          `aws iam upload-server-certificate --server-certificate-name ${next} --certificate-body file://${FILES.certificate} --private-key file://${FILES.key}${chain}`,
        ],
      }),
      step('Let everything that uses the old one use the new one', {
        text: [
          'Each listener of a load balancer and each distribution names the certificate: notafter knows those that its sources aws-load-balancer and aws-cloudfront see, and lists them above.',
        ],
        commands: [
          `NEW_ARN=$(aws iam get-server-certificate --server-certificate-name ${next} --query ServerCertificate.ServerCertificateMetadata.Arn --output text)`,
          given('LISTENER', 'the ARN of a listener that uses it, and repeat the next line for each'),
          'aws elbv2 modify-listener --listener-arn "$LISTENER" --certificates "CertificateArn=$NEW_ARN"',
        ],
      }),
    ];
  },

  restore(spot) {
    const arn = resourceOf(spot, 'iam', 'server-certificate/');
    if (arn === undefined) return [];
    return [
      step('Let the listeners use the old one again', {
        commands: [
          given('LISTENER', 'the ARN of a listener that uses it, and repeat the next line for each'),
          `aws elbv2 modify-listener --listener-arn "$LISTENER" --certificates ${quote(`CertificateArn=${arn.text}`)}`,
        ],
      }),
    ];
  },
};

/** What takes its certificate from ACM by its ARN: a domain of API Gateway or IoT, a listener, a distribution. */
const USERS: ReadonlyMap<string, string> = new Map([
  ['apigateway', '/domainnames/'],
  ['elasticloadbalancing', 'listener/'],
  ['cloudfront', 'distribution/'],
  ['iot', 'domainconfiguration/'],
]);

/** A place that shows a certificate of ACM: there is nothing to install, only to see. */
export const awsUser: Guide = {
  matches({ home, material }) {
    const arn = arnOf(home.location.location);
    const kind = USERS.get(arn?.service ?? '');
    return material !== 'anchor' && kind !== undefined && arn?.resource.startsWith(kind) === true;
  },

  save: () => [],

  install(spot) {
    return [
      step(`Nothing has to be installed at ${placeName(spot.home.location)}: it takes from ACM what is under its ARN`, {
        text: ['A certificate of IAM instead is named by the place itself: that has to be told the new one.'],
      }),
    ];
  },

  restore: () => [],
};

/** A CA of AWS Private CA: its certificate is renewed in place, by whoever is above it (https://docs.aws.amazon.com/privateca/latest/userguide/ca-lifecycle.html). */
export const awsPrivateAuthority: Guide = {
  matches: (spot) => spot.material === 'anchor' && resourceOf(spot, 'acm-pca', 'certificate-authority/') !== undefined,

  save(spot) {
    const arn = resourceOf(spot, 'acm-pca', 'certificate-authority/');
    if (arn === undefined) return [];
    const own = `${awsCall('acm-pca', 'get-certificate-authority-certificate', arn)} --certificate-authority-arn ${quote(arn.text)}`;
    return [
      step('Keep the certificate of the CA, and take its request for a new one', {
        text: ['The CA keeps its key: what it issued stays as it is. The request is for whoever signs the successor.'],
        commands: [
          `${own} --output json > ${work(`old-${spot.number}.json`)}`,
          `${awsCall('acm-pca', 'get-certificate-authority-csr', arn)} --certificate-authority-arn ${quote(arn.text)} --output text > ${work('authority.csr')}`,
        ],
      }),
    ];
  },

  install(spot) {
    const arn = resourceOf(spot, 'acm-pca', 'certificate-authority/');
    if (arn === undefined) return [];
    return [
      step('Import the new certificate into the CA', {
        text: ['The chain is everything above the CA up to the root; a root has none: leave the option out.'],
        commands: [
          given('CHAIN', 'the file of what is above the CA, PEM'),
          `${awsCall('acm-pca', 'import-certificate-authority-certificate', arn)} --certificate-authority-arn ${quote(arn.text)} --certificate fileb://${FILES.authority} --certificate-chain fileb://"$CHAIN"`,
        ],
      }),
    ];
  },

  restore: () => [],
};

/** A database of RDS: clients trust the next CA first, then the database changes to it (https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL-certificate-rotation.html). */
export const awsDatabase: Guide = {
  matches: (spot) => arnOf(spot.home.location.location)?.service === 'rds',

  save: () => [],

  renew(spot) {
    const arn = arnOf(spot.home.location.location);
    if (arn === undefined) return undefined;
    return [
      step('Choose the next CA, and let all clients trust it', {
        text: [
          'A bundle with all CAs of RDS is at https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem. Every client has to have it before the first database changes.',
        ],
        commands: [
          `${awsCall('rds', 'describe-certificates', arn)} --query 'Certificates[].[CertificateIdentifier,ValidTill]' --output text`,
        ],
      }),
    ];
  },

  install(spot) {
    const arn = arnOf(spot.home.location.location);
    if (arn === undefined) return [];
    const isCluster = arn.resource.startsWith('cluster:');
    const call = isCluster ? 'modify-db-cluster' : 'modify-db-instance';
    const id = quote(arn.resource.slice(arn.resource.indexOf(':') + 1));
    return [
      step(`Let ${placeName(spot.home.location)} show a certificate of the next CA`, {
        text: ['Some engines restart for it: --no-apply-immediately waits for the maintenance window.'],
        commands: [
          given('NEXT_CA', 'the name of the next CA, such as rds-ca-rsa2048-g1'),
          `${awsCall('rds', call, arn)} --db-${isCluster ? 'cluster' : 'instance'}-identifier ${id} --ca-certificate-identifier "$NEXT_CA" --apply-immediately`,
        ],
      }),
    ];
  },

  restore: () => [],
};

/** A secret: its value is replaced as a whole, and the value before stays under AWSPREVIOUS. */
export const awsSecret: Guide = {
  matches: (spot) => arnOf(spot.home.location.location)?.service === 'secretsmanager',

  save: () => [],

  install(spot) {
    const arn = arnOf(spot.home.location.location);
    if (arn === undefined) return [];
    const { place } = spot.home.sighting;
    return [
      step('Put the successor into the secret', {
        text: [
          `${place === '' ? 'The secret is the certificate' : `It is the field ${safeText(place)}`}: write the whole value anew in the form that it has, with the new certificate, its chain and its key. The value before stays in Secrets Manager as AWSPREVIOUS.`,
        ],
        commands: [
          given('NEW_VALUE', 'a file with the new value'),
          `${awsCall('secretsmanager', 'put-secret-value', arn)} --secret-id ${quote(arn.text)} --secret-string file://"$NEW_VALUE"`,
        ],
      }),
    ];
  },

  restore(spot) {
    const arn = arnOf(spot.home.location.location);
    if (arn === undefined) return [];
    const versions = `${awsCall('secretsmanager', 'describe-secret', arn)} --secret-id ${quote(arn.text)}`;
    return [
      step('Make the value before the current one again', {
        commands: [
          `${versions} --query VersionIdsToStages`,
          given('OLD_VERSION', 'the id under AWSPREVIOUS'),
          given('NEW_VERSION', 'the id under AWSCURRENT'),
          `${awsCall('secretsmanager', 'update-secret-version-stage', arn)} --secret-id ${quote(arn.text)} --version-stage AWSCURRENT --move-to-version-id "$OLD_VERSION" --remove-from-version-id "$NEW_VERSION"`,
        ],
      }),
    ];
  },
};
