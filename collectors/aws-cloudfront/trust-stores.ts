import type { TrustStoreSummary } from '@aws-sdk/client-cloudfront';

import type { AwsLook } from '../../src/cloud/aws.ts';
import { readPinned } from '../../src/cloud/aws-s3.ts';
import { readTrustStore } from '../../src/cloud/held.ts';
import { attempt, problemOf } from '../../src/cloud/observation.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Reference } from '../../src/plugin/item.ts';
import type { Observation } from '../../src/plugin/observation.ts';

/**
 * A trust store by what it was made from: CloudFront takes a bundle and never gives it back. One of which the config does
 * not say where its bundle lies is told as unreadable, never as empty.
 */
export async function* observeTrustStore(
  look: AwsLook,
  store: TrustStoreSummary,
  usedBy: readonly Reference[],
  bundles: Readonly<Record<string, string>>,
): AsyncGenerator<Observation, void, undefined> {
  const { Arn: location, Id: id = '', Name: name = '', NumberOfCaCertificates: count, LastModifiedTime } = store;
  if (location === undefined) return;
  const uri = bundles[name] ?? bundles[id];
  if (uri === undefined) {
    const changed = LastModifiedTime === undefined ? '' : `, last changed ${LastModifiedTime.toISOString()}`;
    const error = new CollectError(
      'unsupported',
      `the trust store ${name} holds ${count ?? 'an unknown number of'} CA certificates${changed}, and CloudFront does not give them back: name the object in S3 that it was made from under trust_stores: {${name}: s3://bucket/key}`,
    );
    yield { location, items: [], problems: [problemOf('bundle', error)] };
    return;
  }
  const object = await attempt(readPinned(look, uri, undefined));
  if (object instanceof CollectError) {
    yield { location, items: [], problems: [problemOf('bundle', object)] };
    return;
  }
  const held = await readTrustStore(look.context, object.used.bytes, 'bundle', {
    renewal: { mode: 'manual' },
    ...(usedBy.length === 0 ? {} : { usedBy }),
  });
  const found = held.items.filter(({ kind }) => kind === 'certificate').length;
  const { modified } = object.used;
  const isNewer = modified !== undefined && LastModifiedTime !== undefined && modified > LastModifiedTime;
  const remarks = [
    ...(count === undefined || count === found
      ? []
      : [
          `CloudFront holds ${count} CA certificates, and ${uri} has ${found}: it is not what the trust store was made from`,
        ]),
    ...(isNewer
      ? [`${uri} was changed after the trust store was: update the trust store from it, or nothing of it is in force`]
      : []),
  ];
  yield {
    location,
    items: held.items.map((item, index) => (index === 0 && remarks.length > 0 ? { ...item, remarks } : item)),
    problems: held.problems,
  };
}
