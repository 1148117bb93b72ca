import type { CollectorInstance } from '../plugin/collector.ts';
import type { Aws, AwsLook } from './aws.ts';
import { type AwsPlace, placeText } from './aws-place.ts';
import { type CloudPart, type CloudPlace, createCloudInstance } from './instance.ts';

/** One kind of thing that a service of AWS keeps. */
export type AwsPart = CloudPart<AwsLook>;

/** A collector for these parts in every account and region of the source. */
export function createAwsInstance(service: string, aws: Aws, parts: readonly AwsPart[]): CollectorInstance {
  const places = new Map(aws.places.map((place) => [place.key, toPlace(place)]));
  return createCloudInstance(
    service,
    {
      noun: 'accounts and regions',
      async *list() {
        yield* places.values();
      },
      find: (key) => places.get(key),
      look: ({ place }, ...rest) => aws.look(place, ...rest),
      close: () => {
        aws.close();
      },
    },
    parts,
  );
}

function toPlace(place: AwsPlace): CloudPlace & { readonly place: AwsPlace } {
  const { key, account, region, labels } = place;
  return {
    key,
    text: placeText(place),
    ...(labels === undefined ? {} : { labels }),
    data: { region, ...(account === undefined ? {} : { account }) },
    place,
  };
}
