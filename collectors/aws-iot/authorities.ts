import type { CACertificate, IoTClient } from '@aws-sdk/client-iot';

import type { AwsLook } from '../../src/cloud/aws.ts';
import { readTrustStore } from '../../src/cloud/held.ts';
import { attempt, gone, listCut, missingFrom, problemOf } from '../../src/cloud/observation.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Reference } from '../../src/plugin/item.ts';
import type { Observation, Problem } from '../../src/plugin/observation.ts';
import { deviceEndpoint, PAGE_SIZE, type IotModule } from './endpoint.ts';

/** The CAs that were registered, whose devices may log in. They are few, and asked for one by one: the list tells no end. */
export async function* observeAuthorities(look: AwsLook, iot: IotModule): AsyncGenerator<Observation, void, undefined> {
  const client = look.client(iot.IoTClient);
  const gaps: Problem[] = [];
  let used: { readonly usedBy?: readonly Reference[] } | undefined;
  const pages = look.pages({ action: 'iot:ListCACertificates' }, async (marker, options) => {
    const page = await client.send(new iot.ListCACertificatesCommand({ marker, pageSize: PAGE_SIZE }), options);
    return { items: page.certificates, next: page.nextMarker };
  });
  for await (const page of pages) {
    if (page.kind === 'cut') {
      gaps.push(listCut('ListCACertificates', page.error));
      continue;
    }
    for (const authority of page.items) {
      used ??= await deviceEndpoint(look, iot, client, gaps);
      const given = await observeAuthority(look, iot, client, authority, used);
      if (given !== undefined) yield given;
    }
  }
  yield* missingFrom(look.here, gaps);
}

async function observeAuthority(
  look: AwsLook,
  iot: IotModule,
  client: IoTClient,
  { certificateId, certificateArn: location, status }: CACertificate,
  used: { readonly usedBy?: readonly Reference[] },
): Promise<Observation | undefined> {
  if (certificateId === undefined || location === undefined) return undefined;
  const call = { action: 'iot:DescribeCACertificate', of: location };
  const answer = await attempt(
    look.call(call, (options) => client.send(new iot.DescribeCACertificateCommand({ certificateId }), options)),
  );
  if (answer instanceof CollectError) {
    return answer.reason === 'not_found'
      ? gone(location)
      : { location, items: [], problems: [problemOf('certificate', answer)] };
  }
  const pem = answer.certificateDescription?.certificatePem ?? '';
  const isActive = status !== 'INACTIVE';
  const held = await readTrustStore(look.context, Buffer.from(pem), 'certificate', {
    renewal: { mode: 'manual' },
    ...(isActive ? used : {}),
  });
  return { location, ...held, ...(isActive ? {} : { labels: { enabled: 'false' } }) };
}
