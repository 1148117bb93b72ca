import type { Certificate, IoTClient } from '@aws-sdk/client-iot';

import type { AwsLook } from '../../src/cloud/aws.ts';
import { readChain } from '../../src/cloud/held.ts';
import {
  attempt,
  endsLook,
  gone,
  listCut,
  missingFrom,
  outOfTime,
  problemOf,
  unchanged,
  versionOf,
} from '../../src/cloud/observation.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Reference } from '../../src/plugin/item.ts';
import type { Observation, Problem } from '../../src/plugin/observation.ts';
import { deviceEndpoint, PAGE_SIZE, type IotModule } from './endpoint.ts';

/** IoT grants 10 a second for describing (https://docs.aws.amazon.com/general/latest/gr/iot-core.html); others ask, too. */
const RATE = { perSecond: 5, concurrency: 4 };

/** A page of 250 for each 250 devices. */
const MAX_PAGES = 4000;

/** No device logs in with it, and none ever will. */
const OUT_OF_USE: ReadonlySet<string | undefined> = new Set(['REVOKED']);

/**
 * The certificates of devices. The list tells no end and a certificate never changes under its id: each is asked for once,
 * as many as a look has time for, and the others with the next looks.
 */
export async function* observeDevices(look: AwsLook, iot: IotModule): AsyncGenerator<Observation, void, undefined> {
  const client = look.client(iot.IoTClient);
  const gaps: Problem[] = [];
  let used: { readonly usedBy?: readonly Reference[] } | undefined;
  let stopped: CollectError | undefined;
  const pages = look.pages(
    { action: 'iot:ListCertificates' },
    async (marker, options) => {
      const page = await client.send(new iot.ListCertificatesCommand({ marker, pageSize: PAGE_SIZE }), options);
      return { items: page.certificates, next: page.nextMarker };
    },
    MAX_PAGES,
  );
  for await (const page of pages) {
    if (page.kind === 'cut') {
      gaps.push(listCut('ListCertificates', page.error));
      continue;
    }
    for (const certificate of page.items) {
      if (OUT_OF_USE.has(certificate.status)) continue;
      stopped ??= outOfTime(look.now, look.context.clock.now());
      used ??= await deviceEndpoint(look, iot, client, gaps);
      const given = await observeDevice(look, iot, client, certificate, used, stopped);
      if (given instanceof CollectError) stopped = given;
      else if (given !== undefined) yield given;
    }
  }
  // Of what was not asked for, nothing is known: it is not gone.
  if (stopped !== undefined) gaps.push(listCut('DescribeCertificate', stopped));
  yield* missingFrom(look.here, gaps);
}

/** The certificate of one device; the error after which nothing more is to be asked. */
async function observeDevice(
  look: AwsLook,
  iot: IotModule,
  client: IoTClient,
  { certificateId, certificateArn: location, status }: Certificate,
  used: { readonly usedBy?: readonly Reference[] },
  stopped: CollectError | undefined,
): Promise<Observation | CollectError | undefined> {
  if (certificateId === undefined || location === undefined) return undefined;
  const version = versionOf(String(status), used);
  if (look.known.version(location) === version) return unchanged(location, version);
  if (stopped !== undefined) return stopped;
  const call = { action: 'iot:DescribeCertificate', of: location, rate: RATE };
  const answer = await attempt(
    look.call(call, (options) => client.send(new iot.DescribeCertificateCommand({ certificateId }), options)),
  );
  if (answer instanceof CollectError) {
    if (answer.reason === 'not_found') return gone(location);
    if (answer.reason === 'permission_denied' || endsLook(answer)) return answer;
    return { location, items: [], problems: [problemOf('certificate', answer)] };
  }
  const { certificatePem = '', validity } = answer.certificateDescription ?? {};
  const isActive = status === 'ACTIVE';
  const attributes = { role: 'client', renewal: { mode: 'manual' }, ...(isActive ? used : {}) } as const;
  const held = await readChain(look.context, { certificate: certificatePem }, attributes);
  const label = isActive ? {} : { labels: { enabled: 'false' } };
  if (held.leaf !== undefined) {
    return {
      location,
      ...(held.problems.length === 0 ? { version } : {}),
      items: held.items,
      problems: held.problems,
      ...label,
    };
  }
  const { notBefore, notAfter = 'unknown' } = validity ?? {};
  return {
    location,
    items: [
      {
        kind: 'described',
        place: { key: 'certificate' },
        ...(notBefore === undefined ? {} : { notBefore }),
        notAfter,
        ...attributes,
      },
    ],
    problems: held.problems,
    ...label,
  };
}
