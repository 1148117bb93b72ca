import type { IoTClient } from '@aws-sdk/client-iot';

import type { AwsLook } from '../../src/cloud/aws.ts';
import { attempt, detailsCut } from '../../src/cloud/observation.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Reference } from '../../src/plugin/item.ts';
import type { Problem } from '../../src/plugin/observation.ts';

export type IotModule = typeof import('@aws-sdk/client-iot');

/** The most that IoT gives in one page. */
export const PAGE_SIZE = 250;

export const ENDPOINT_ACTION = 'iot:DescribeEndpoint';

/** Devices log in by MQTT at 8883 (https://docs.aws.amazon.com/iot/latest/developerguide/protocols.html). */
const MQTT_PORT = 8883;

/** Where the devices of this account log in; a gap where that may not be asked. */
export async function deviceEndpoint(
  look: AwsLook,
  iot: IotModule,
  client: IoTClient,
  gaps: Problem[],
): Promise<{ readonly usedBy?: readonly Reference[] }> {
  const command = new iot.DescribeEndpointCommand({ endpointType: 'iot:Data-ATS' });
  const answer = await attempt(look.call({ action: ENDPOINT_ACTION }, (options) => client.send(command, options)));
  if (answer instanceof CollectError) {
    gaps.push(detailsCut('DescribeEndpoint', answer));
    return {};
  }
  const host = answer.endpointAddress;
  return host === undefined ? {} : { usedBy: [{ type: 'endpoint', id: `${host}:${MQTT_PORT}` }] };
}
