import { arnOf, awsCall, lastOf, storeArnOf, type Arn } from '../../policy/aws-commands.ts';
import { quote } from '../../text/shell.ts';
import { step } from '../model.ts';
import { FILES, given, work } from '../shell.ts';
import type { Guide, Spot } from './guide.ts';

const BUCKET = given('BUCKET', 'a bucket in S3 that you may write to, for what the trust store is made from');

/** The trust store that this is about, or whose revocation list it is. */
function storeOf({ home, material }: Spot): Arn | undefined {
  const arn = arnOf(storeArnOf(home.location.location));
  const isTrust = material === 'anchor' || material === 'crl';
  return isTrust && arn?.service === 'elasticloadbalancing' && arn.resource.startsWith('truststore/') ? arn : undefined;
}

function saved({ number, material }: Spot): string {
  return work(`old-${number}.${material === 'crl' ? 'crl' : 'pem'}`);
}

/** An object of its own, so that the old one stays where it is. */
function keyOf({ number }: Spot, what: string): string {
  return `notafter/${what}-${number}`;
}

/**
 * A trust store of a load balancer: a bundle of CA certificates, and revocation lists, both taken from S3 once
 * (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/mutual-authentication.html).
 */
export const awsTrustStore: Guide = {
  matches: (spot) => storeOf(spot) !== undefined,

  save(spot) {
    const arn = storeOf(spot);
    if (arn === undefined) return [];
    const content =
      spot.material === 'crl'
        ? `${awsCall('elbv2', 'get-trust-store-revocation-content', arn)} --trust-store-arn ${quote(arn.text)} --revocation-id ${quote(lastOf({ resource: spot.home.location.location }))}`
        : `${awsCall('elbv2', 'get-trust-store-ca-certificates-bundle', arn)} --trust-store-arn ${quote(arn.text)}`;
    return [
      step('Keep what the trust store holds', {
        commands: [`curl -fsS --max-time 60 -o ${saved(spot)} "$(${content} --query Location --output text)"`],
      }),
    ];
  },

  install(spot) {
    const arn = storeOf(spot);
    if (arn === undefined) return [];
    const store = `--trust-store-arn ${quote(arn.text)}`;
    if (spot.material === 'crl') {
      const key = keyOf(spot, 'list.crl');
      const old = quote(lastOf({ resource: spot.home.location.location }));
      return [
        step('Put the new list into the trust store, then take the old one out', {
          text: ['In this order: in between both count, and nobody who was revoked gets in.'],
          commands: [
            BUCKET,
            `openssl crl -in ${FILES.list} -outform PEM -out ${work('list.pem')}`,
            `aws s3 cp ${work('list.pem')} "s3://$BUCKET/${key}"`,
            `${awsCall('elbv2', 'add-trust-store-revocations', arn)} ${store} --revocation-contents "S3Bucket=$BUCKET,S3Key=${key},RevocationType=CRL"`,
            `${awsCall('elbv2', 'remove-trust-store-revocations', arn)} ${store} --revocation-ids ${old}`,
          ],
        }),
      ];
    }
    return [
      step('Put the successor beside the old one in the trust store', {
        text: [
          ...usersOf(spot),
          'The listeners take the new bundle by themselves. Keep both CAs until no client under the old one is left.',
        ],
        commands: [
          BUCKET,
          `cat ${saved(spot)} ${FILES.authority} > ${work(`bundle-${spot.number}.pem`)}`,
          ...modify(spot, arn, work(`bundle-${spot.number}.pem`), 'bundle.pem'),
        ],
      }),
    ];
  },

  restore(spot) {
    const arn = storeOf(spot);
    if (arn === undefined || spot.material === 'crl') return [];
    return [
      step('Bring back the bundle that the trust store had', {
        commands: [BUCKET, ...modify(spot, arn, saved(spot), 'old-bundle.pem')],
      }),
    ];
  },
};

function modify(spot: Spot, arn: Arn, file: string, name: string): readonly string[] {
  const key = keyOf(spot, name);
  return [
    `aws s3 cp ${file} "s3://$BUCKET/${key}"`,
    `${awsCall('elbv2', 'modify-trust-store', arn)} --trust-store-arn ${quote(arn.text)} --ca-certificates-bundle-s3-bucket "$BUCKET" --ca-certificates-bundle-s3-key ${quote(key)}`,
  ];
}

function usersOf({ home }: Spot): readonly string[] {
  const users = (home.sighting.usedBy ?? []).map(({ id }) => id);
  return users.length === 0 ? [] : [`It decides about the clients of ${users.slice(0, 5).join(', ')}.`];
}
