import { createHmac } from 'node:crypto';

import { z } from 'zod';

import { defineChannel, type ChannelInstance } from '../../src/plugin/channel.ts';
import type { Context, SecretRef } from '../../src/plugin/context.ts';
import { checkedUrl, delivered, failed, secretFailure, type Failure } from '../../src/plugin/delivery.ts';
import type { Notification } from '../../src/plugin/notification.ts';
import { secretFields, secretOf } from '../../src/plugin/options.ts';
import { payload } from '../../src/plugin/payload.ts';
import { post } from '../../src/plugin/post.ts';

/** A webhook has one receiver; its URL may be a secret, so it goes by this name. */
const RECIPIENT = 'webhook';

/** Headers that are ours, or that belong to the connection. */
const RESERVED_HEADERS =
  /^(?:connection|content-length|content-type|expect|host|idempotency-key|keep-alive|te|trailer|transfer-encoding|upgrade|x-notafter-.*)$/i;

const options = z.strictObject({
  url: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Where to post. Where the URL itself is a secret, use url_file.'),
  url_file: z.string().min(1).optional().describe('The URL, read from this file at each use.'),
  ...secretFields('secret', 'Key of the signature'),
  headers: z
    .record(
      z
        .string()
        .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'a header name')
        .refine((name) => !RESERVED_HEADERS.test(name), 'this header is set by notafter'),
      z.string().regex(/^[\t\u0020-\u007e]*$/, 'a header value: printable ASCII'),
    )
    .default({})
    .describe('Headers to send as well. Values are not secret: sign with secret_file instead of a token here.'),
});

/** Posts every notification as JSON to a URL of yours. */
export const webhook = defineChannel({
  type: 'webhook',
  summary: 'JSON by POST to a URL, signed',
  options,
  async create({ url, url_file: urlFile, headers, ...rest }, context): Promise<ChannelInstance> {
    if ((url === undefined) === (urlFile === undefined)) throw new Error('give either url or url_file');
    if (url !== undefined) checkedUrl(url);
    const readUrl = urlFile === undefined ? () => Promise.resolve(url ?? '') : () => context.secret({ file: urlFile });
    const secret = secretOf(rest, 'secret');
    return {
      recipients: () => [RECIPIENT],
      async send(notification, to, _previous, signal) {
        const failure = await deliver(notification, { readUrl, secret, headers }, context, signal);
        return to.map((recipient) => (failure === undefined ? delivered(recipient) : failed(recipient, failure)));
      },
    };
  },
});

interface Receiver {
  readUrl(): Promise<string>;
  readonly secret: SecretRef | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

/** One attempt; undefined when it was taken. */
async function deliver(
  notification: Notification,
  receiver: Receiver,
  context: Context,
  signal: AbortSignal,
): Promise<Failure | undefined> {
  const body = JSON.stringify(payload(notification));
  let url: string;
  let key: string | undefined;
  try {
    url = checkedUrl(await receiver.readUrl());
    key = receiver.secret === undefined ? undefined : await context.secret(receiver.secret);
  } catch (error) {
    return secretFailure(error);
  }
  const headers = {
    ...receiver.headers,
    'content-type': 'application/json; charset=utf-8',
    'idempotency-key': notification.id,
    ...(key === undefined ? {} : { 'x-notafter-signature': signature(body, key, context.clock.now()) }),
  };
  const secrets = [...Object.values(receiver.headers), ...(key === undefined ? [] : [key])];
  const posted = await post({ url, headers, body, secrets }, context, signal);
  return posted.status === 'failed' ? posted.failure : undefined;
}

/** `t=<seconds>,v1=<hex>`: the time is signed too, so that a receiver can refuse what is old. */
function signature(body: string, key: string, now: number): string {
  const seconds = Math.floor(now / 1000);
  return `t=${seconds},v1=${createHmac('sha256', key).update(`${seconds}.${body}`).digest('hex')}`;
}
