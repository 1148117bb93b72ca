import { arnOf, awsCall, lastOf, type Arn } from '../../policy/aws-commands.ts';
import { quote } from '../../text/shell.ts';
import { step } from '../model.ts';
import { FILES, given, work } from '../shell.ts';
import type { Guide, Spot } from './guide.ts';

function resourceOf({ home }: Spot, service: string, kind: string): Arn | undefined {
  const arn = arnOf(home.location.location);
  return arn?.service === service && arn.resource.startsWith(kind) ? arn : undefined;
}

function saved({ number }: Spot, ending = 'pem'): string {
  return work(`old-${number}.${ending}`);
}

/** The source of a trust anchor as JSON: a bundle in one line. */
function sourceFile(bundle: string, to: string): string {
  return String.raw`printf '{"sourceType":"CERTIFICATE_BUNDLE","sourceData":{"x509CertificateData":"%s"}}' "$(awk '{printf "%s\\n", $0}' ${bundle})" > ${to}`;
}

/** A trust anchor of IAM Roles Anywhere that is a bundle (https://docs.aws.amazon.com/rolesanywhere/latest/userguide/getting-started.html). */
export const awsTrustAnchor: Guide = {
  matches: (spot) => spot.material === 'anchor' && resourceOf(spot, 'rolesanywhere', 'trust-anchor/') !== undefined,

  save(spot) {
    const arn = resourceOf(spot, 'rolesanywhere', 'trust-anchor/');
    if (arn === undefined) return [];
    const anchor = `${awsCall('rolesanywhere', 'get-trust-anchor', arn)} --trust-anchor-id ${quote(lastOf(arn))}`;
    return [
      step('Keep the bundle of the trust anchor', {
        text: ['None: the trust anchor is a CA of AWS Private CA, and follows it; replace the CA there.'],
        commands: [
          `${anchor} --query trustAnchor.source.sourceData.x509CertificateData --output text > ${saved(spot)}`,
        ],
      }),
    ];
  },

  install(spot) {
    const arn = resourceOf(spot, 'rolesanywhere', 'trust-anchor/');
    if (arn === undefined) return [];
    return [
      step('Put the successor beside the old one in the trust anchor', {
        text: ['Sessions that exist go on; the next logins are judged by the new bundle.'],
        commands: [
          `cat ${saved(spot)} ${FILES.authority} > ${work(`bundle-${spot.number}.pem`)}`,
          ...update(spot, arn, work(`bundle-${spot.number}.pem`)),
        ],
      }),
    ];
  },

  restore(spot) {
    const arn = resourceOf(spot, 'rolesanywhere', 'trust-anchor/');
    if (arn === undefined) return [];
    return [step('Bring back the bundle of the trust anchor', { commands: update(spot, arn, saved(spot)) })];
  },
};

function update({ number }: Spot, arn: Arn, bundle: string): readonly string[] {
  const source = work(`source-${number}.json`);
  return [
    sourceFile(bundle, source),
    `${awsCall('rolesanywhere', 'update-trust-anchor', arn)} --trust-anchor-id ${quote(lastOf(arn))} --source file://${source}`,
  ];
}

/** A revocation list that was imported into IAM Roles Anywhere. */
export const awsImportedList: Guide = {
  matches: (spot) => spot.material === 'crl' && resourceOf(spot, 'rolesanywhere', 'crl/') !== undefined,

  save(spot) {
    const arn = resourceOf(spot, 'rolesanywhere', 'crl/');
    if (arn === undefined) return [];
    return [
      step('Keep the list that was imported', {
        commands: [
          `${awsCall('rolesanywhere', 'get-crl', arn)} --crl-id ${quote(lastOf(arn))} --query crl.crlData --output text | base64 -d > ${saved(spot, 'crl')}`,
        ],
      }),
    ];
  },

  install(spot) {
    const arn = resourceOf(spot, 'rolesanywhere', 'crl/');
    if (arn === undefined) return [];
    return [
      step('Import the newer list in its place', {
        commands: [
          `openssl crl -in ${FILES.list} -outform PEM -out ${work('list.pem')}`,
          `${awsCall('rolesanywhere', 'update-crl', arn)} --crl-id ${quote(lastOf(arn))} --crl-data fileb://${work('list.pem')}`,
        ],
      }),
    ];
  },

  restore(spot) {
    const arn = resourceOf(spot, 'rolesanywhere', 'crl/');
    if (arn === undefined) return [];
    return [
      step('Import the old list again', {
        text: ['This only helps while the old list has not ended.'],
        commands: [
          `${awsCall('rolesanywhere', 'update-crl', arn)} --crl-id ${quote(lastOf(arn))} --crl-data fileb://${saved(spot, 'crl')}`,
        ],
      }),
    ];
  },
};

/** A trust store of CloudFront, which gives its bundle to nobody: it is made anew from an object in S3. */
export const awsViewerTrust: Guide = {
  matches: (spot) => spot.material === 'anchor' && resourceOf(spot, 'cloudfront', 'trust-store/') !== undefined,

  save: () => [
    step('Keep what the trust store was made from', {
      text: ['CloudFront does not give it back.'],
      commands: [
        given('TRUSTSTORE', 'the object in S3 that the trust store was made from, s3://BUCKET/KEY'),
        `aws s3 cp "$TRUSTSTORE" ${work('old-viewers.pem')}`,
      ],
    }),
  ],

  install(spot) {
    const arn = resourceOf(spot, 'cloudfront', 'trust-store/');
    if (arn === undefined) return [];
    return [
      step('Put the successor beside the old one in the trust store', {
        text: ['To change the object is not enough: the trust store is made anew from it.'],
        commands: [
          `cat ${work('old-viewers.pem')} ${FILES.authority} > ${work('viewers.pem')}`,
          ...remake(arn, work('viewers.pem')),
        ],
      }),
    ];
  },

  restore(spot) {
    const arn = resourceOf(spot, 'cloudfront', 'trust-store/');
    if (arn === undefined) return [];
    return [step('Make the trust store from the old bundle again', { commands: remake(arn, work('old-viewers.pem')) })];
  },
};

function remake(arn: Arn, file: string): readonly string[] {
  const id = quote(lastOf(arn));
  return [
    `aws s3 cp ${file} "$TRUSTSTORE"`,
    'BUCKET=${TRUSTSTORE#s3://}; KEY=${BUCKET#*/}; BUCKET=${BUCKET%%/*}',
    given('BUCKET_REGION', 'the region of that bucket'),
    `ETAG=$(aws cloudfront get-trust-store --identifier ${id} --query ETag --output text)`,
    `aws cloudfront update-trust-store --id ${id} --if-match "$ETAG" --ca-certificates-bundle-source "CaCertificatesBundleS3Location={Bucket=$BUCKET,Key=$KEY,Region=$BUCKET_REGION}"`,
  ];
}

/** A CA that was registered in IoT Core: its successor is registered beside it (https://docs.aws.amazon.com/iot/latest/developerguide/register-CA-cert.html). */
export const awsDeviceAuthority: Guide = {
  matches: (spot) => spot.material === 'anchor' && resourceOf(spot, 'iot', 'cacert/') !== undefined,

  save: () => [],

  install(spot) {
    const arn = resourceOf(spot, 'iot', 'cacert/');
    if (arn === undefined) return [];
    return [
      step('Register the successor beside the old CA', {
        text: [
          'Devices under the old CA keep their certificates until these end. Take over what the old one had: automatic registration and its provisioning template.',
        ],
        commands: [
          `${awsCall('iot', 'describe-ca-certificate', arn)} --certificate-id ${quote(lastOf(arn))}`,
          `${awsCall('iot', 'register-ca-certificate', arn)} --ca-certificate file://${FILES.authority} --certificate-mode SNI_ONLY --set-as-active`,
        ],
      }),
    ];
  },

  restore: () => [],
};
