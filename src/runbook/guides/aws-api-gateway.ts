import { arnOf, awsCall, lastOf, type Arn } from '../../policy/aws-commands.ts';
import { safeText } from '../../text/safe-text.ts';
import { quote } from '../../text/shell.ts';
import { step } from '../model.ts';
import { FILES, work } from '../shell.ts';
import type { Guide, Spot } from './guide.ts';

/** The domain at whose truststore this is. */
function domainOf({ home, material }: Spot): Arn | undefined {
  const arn = arnOf(home.location.location);
  return material === 'anchor' && arn?.service === 'apigateway' && arn.resource.startsWith('/domainnames/')
    ? arn
    : undefined;
}

function clientCertificateOf({ home }: Spot): Arn | undefined {
  const arn = arnOf(home.location.location);
  return arn?.service === 'apigateway' && arn.resource.startsWith('/clientcertificates/') ? arn : undefined;
}

function nameOf(arn: Arn): string {
  return safeText(lastOf(arn));
}

/** Where the domain's truststore lies, and in which version it is in force. */
function saved({ number }: Spot, ending: string): string {
  return work(`old-${number}.${ending}`);
}

/** Sets BUCKET, KEY, VERSION, and as words of the shell what asks S3 for that version. */
function pointers(spot: Spot): readonly string[] {
  return [
    `read -r TRUSTSTORE VERSION < ${saved(spot, 'truststore')}`,
    'BUCKET=${TRUSTSTORE#s3://}; KEY=${BUCKET#*/}; BUCKET=${BUCKET%%/*}',
    'if [ "$VERSION" = None ]; then set --; else set -- --version-id "$VERSION"; fi',
  ];
}

/**
 * The truststore of a custom domain: an object in S3, pinned to one version. A new object does nothing before the domain is
 * updated to it (https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-mutual-tls.html).
 */
export const awsTruststore: Guide = {
  matches: (spot) => domainOf(spot) !== undefined,

  save(spot) {
    const arn = domainOf(spot);
    if (arn === undefined) return [];
    const domain = `${awsCall('apigateway', 'get-domain-name', arn)} --domain-name ${quote(lastOf(arn))}`;
    return [
      step(`Keep the truststore of ${nameOf(arn)} as it is in force`, {
        commands: [
          `${domain} --query '[mutualTlsAuthentication.truststoreUri,mutualTlsAuthentication.truststoreVersion]' --output text > ${saved(spot, 'truststore')}`,
          ...pointers(spot),
          `aws s3api get-object --bucket "$BUCKET" --key "$KEY" "$@" ${saved(spot, 'pem')}`,
        ],
      }),
    ];
  },

  install(spot) {
    const arn = domainOf(spot);
    if (arn === undefined) return [];
    const domain = quote(lastOf(arn));
    return [
      step(`Put the successor beside the old one in the truststore of ${nameOf(arn)}`, {
        text: [
          'API Gateway is pinned to a version of the object: to upload it is not enough, the domain has to be updated to the new version. Keep both CAs until no client under the old one is left.',
        ],
        commands: [
          ...pointers(spot),
          `cat ${saved(spot, 'pem')} ${FILES.authority} > ${work(`truststore-${spot.number}.pem`)}`,
          `NEW_VERSION=$(aws s3api put-object --bucket "$BUCKET" --key "$KEY" --body ${work(`truststore-${spot.number}.pem`)} --query VersionId --output text)`,
          `${awsCall('apigateway', 'update-domain-name', arn)} --domain-name ${domain} --patch-operations "op=replace,path=/mutualTlsAuthentication/truststoreVersion,value=$NEW_VERSION"`,
        ],
      }),
      step('See that API Gateway has taken it', {
        text: [
          'The status must be AVAILABLE again, and there must be no warnings: it checks the chain now, and never again.',
        ],
        commands: [
          `${awsCall('apigateway', 'get-domain-name', arn)} --domain-name ${domain} --query '[domainNameStatus,mutualTlsAuthentication]'`,
        ],
      }),
    ];
  },

  restore(spot) {
    const arn = domainOf(spot);
    if (arn === undefined) return [];
    return [
      step(`Bring ${nameOf(arn)} back to the version that it had`, {
        commands: [
          ...pointers(spot),
          `${awsCall('apigateway', 'update-domain-name', arn)} --domain-name ${quote(lastOf(arn))} --patch-operations "op=replace,path=/mutualTlsAuthentication/truststoreVersion,value=$VERSION"`,
        ],
      }),
    ];
  },
};

/**
 * The certificate by which stages log in at a backend: API Gateway makes a new one, the backend has to trust it first
 * (https://docs.aws.amazon.com/apigateway/latest/developerguide/getting-started-client-side-ssl-authentication.html).
 */
export const awsGatewayClient: Guide = {
  matches: (spot) => clientCertificateOf(spot) !== undefined,

  save(spot) {
    const arn = clientCertificateOf(spot);
    if (arn === undefined) return [];
    const own = `${awsCall('apigateway', 'get-client-certificate', arn)} --client-certificate-id ${quote(lastOf(arn))}`;
    return [
      step('Keep the present certificate', {
        commands: [`${own} --query pemEncodedCertificate --output text > ${FILES.oldCertificate}`],
      }),
    ];
  },

  renew(spot) {
    const arn = clientCertificateOf(spot);
    if (arn === undefined) return undefined;
    return [
      step('Let API Gateway make a new one', {
        text: ['It lives a year and is signed by itself; its key never leaves API Gateway.'],
        commands: [
          `NEW_CLIENT=$(${awsCall('apigateway', 'generate-client-certificate', arn)} --query clientCertificateId --output text)`,
          `${awsCall('apigateway', 'get-client-certificate', arn)} --client-certificate-id "$NEW_CLIENT" --query pemEncodedCertificate --output text > ${FILES.certificate}`,
        ],
      }),
      step('Let the backend trust it, beside the old one', {
        text: [
          'The backend behind the stages knows the present certificate itself, for there is no CA above it. Give the new one to its owner, and go on when it is in force there.',
        ],
        commands: [`cat ${FILES.certificate}`],
      }),
    ];
  },

  install(spot) {
    const arn = clientCertificateOf(spot);
    if (arn === undefined) return [];
    const stages = stagesOf(spot);
    return [
      step('Let every stage log in with it', {
        text: stages.length === 0 ? ['No stage uses the old one, as far as API Gateway says.'] : [],
        commands: stages.map(({ api, stage }) => updateStage(arn, api, stage, '$NEW_CLIENT')),
      }),
    ];
  },

  restore(spot) {
    const arn = clientCertificateOf(spot);
    const stages = stagesOf(spot);
    if (arn === undefined || stages.length === 0) return [];
    return [
      step('Let every stage log in with the old one again', {
        commands: stages.map(({ api, stage }) => updateStage(arn, api, stage, lastOf(arn).replaceAll(/[^\w-]/g, ''))),
      }),
    ];
  },
};

/** `id` stands in double quotes: a variable of ours, or what AWS calls the certificate, letters and digits. */
function updateStage(arn: Arn, api: string, stage: string, id: string): string {
  return `${awsCall('apigateway', 'update-stage', arn)} --rest-api-id ${quote(api)} --stage-name ${quote(stage)} --patch-operations "op=replace,path=/clientCertificateId,value=${id}"`;
}

function stagesOf({ home }: Spot): readonly { readonly api: string; readonly stage: string }[] {
  return (home.sighting.usedBy ?? []).flatMap(({ id }) => {
    const [, api, stage] = /\/restapis\/([^/]+)\/stages\/([^/]+)$/.exec(id) ?? [];
    return api === undefined || stage === undefined ? [] : [{ api, stage }];
  });
}
