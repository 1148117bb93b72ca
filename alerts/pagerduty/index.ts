import { z } from 'zod';

import { defineChannel, type ChannelInstance } from '../../src/plugin/channel.ts';
import type { Context, SecretRef } from '../../src/plugin/context.ts';
import {
  checkedUrl,
  delivered,
  failed,
  requestFailure,
  secretFailure,
  type Failure,
} from '../../src/plugin/delivery.ts';
import type { Notification } from '../../src/plugin/notification.ts';
import { secretFields, secretOf } from '../../src/plugin/options.ts';
import { post } from '../../src/plugin/post.ts';
import { eventsOf } from './event.ts';

/** The routing key is a secret, so its receiver goes by this name. */
const RECIPIENT = 'service';
/** About 120 calls a minute for one integration (https://developer.pagerduty.com/docs/events-api-v2-overview). */
const RATE = { perSecond: 2, concurrency: 1 };

const options = z.strictObject({
  ...secretFields(
    'routing_key',
    'Integration key of a service or of an event orchestration, of the kind Events API v2',
  ),
  url: z
    .url({ protocol: /^https?$/ })
    .default('https://events.pagerduty.com/v2/enqueue')
    .describe('Where events go. For accounts in the EU: https://events.eu.pagerduty.com/v2/enqueue.'),
});

/** Opens and resolves incidents by Events API v2. */
export const pagerduty = defineChannel({
  type: 'pagerduty',
  summary: 'PagerDuty incidents, by Events API v2',
  options,
  async create({ url, ...rest }, context): Promise<ChannelInstance> {
    const routingKey = secretOf(rest, 'routing_key');
    if (routingKey === undefined) throw new Error('give the integration key by routing_key_file');
    checkedUrl(url);
    return {
      recipients: () => [RECIPIENT],
      async send(notification, to, _previous, signal) {
        const failure = await deliver(notification, { url, routingKey }, context, signal);
        return to.map((recipient) => (failure === undefined ? delivered(recipient) : failed(recipient, failure)));
      },
      async verify() {
        // PagerDuty has no question that proves a key without opening an incident: only that it can be read is known.
        checkedKey(await context.secret(routingKey));
      },
    };
  },
});

interface Service {
  readonly url: string;
  readonly routingKey: SecretRef;
}

/** One attempt; undefined when everything was taken. Events are idempotent by their key, so all are sent again after a failure. */
async function deliver(
  notification: Notification,
  { url, routingKey }: Service,
  context: Context,
  signal: AbortSignal,
): Promise<Failure | undefined> {
  let key: string;
  try {
    key = checkedKey(await context.secret(routingKey));
  } catch (error) {
    return secretFailure(error);
  }
  const limiter = context.limit(`pagerduty:${'file' in routingKey ? routingKey.file : routingKey.env}`, RATE);
  for (const event of eventsOf(notification)) {
    const request = {
      url,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ routing_key: key, ...event }),
      secrets: [key],
      hasFreshCredentials: true,
    };
    try {
      const posted = await limiter.run(() => post(request, context, signal), signal);
      if (posted.status === 'failed') return posted.failure;
    } catch (error) {
      return requestFailure(error, signal);
    }
  }
  return undefined;
}

/** A key has 32 characters; what plainly is none, a page of HTML or an empty file, is not sent. */
function checkedKey(text: string): string {
  if (!/^[\u0021-\u007e]{8,64}$/.test(text)) throw new Error('the routing key of PagerDuty holds what no key holds');
  return text;
}
