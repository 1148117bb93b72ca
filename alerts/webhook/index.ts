import { createHmac } from 'node:crypto';

import { z } from 'zod';

import { defineChannel, type ChannelInstance } from '../../src/plugin/channel.ts';
import type { Context, SecretRef } from '../../src/plugin/context.ts';
import { checkedUrl, delivered, failed, secretFailure, type Failure } from '../../src/plugin/delivery.ts';
import type { Notification } from '../../src/plugin/notification.ts';
import { secretFields, secretOf } from '../../src/plugin/options.ts';
import { post } from '../../src/plugin/post.ts';
import { bodyFault, CONTENT_TYPES, createForm, templateFault, type ContentType, type Form } from './form.ts';

/** A webhook has one receiver; its URL may be a secret, so it goes by this name. */
const RECIPIENT = 'webhook';

/** Headers that are ours, or that belong to the connection. */
const RESERVED_HEADERS =
  /^(?:connection|content-length|content-type|expect|host|idempotency-key|keep-alive|te|trailer|transfer-encoding|upgrade|x-notafter-.*)$/i;

const options = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe('Where to post. Where the URL itself is a secret, use url_file.'),
    url_file: z.string().min(1).optional().describe('The URL, read from this file at each use.'),
    ...secretFields('secret', 'Key of the signature'),
    ...secretFields('token', 'Token for the header Authorization'),
    token_scheme: z
      .string()
      .regex(/^[A-Za-z][A-Za-z0-9-]{0,40}$/, 'one word, such as Bearer')
      .default('Bearer')
      .describe('What stands before the token.'),
    headers: z
      .record(
        z
          .string()
          .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'a header name')
          .refine((name) => !RESERVED_HEADERS.test(name), 'this header is set by notafter'),
        z
          .string()
          .regex(/^[\t\u0020-\u007e]*$/, 'a header value: printable ASCII')
          .superRefine((value, check) => report(templateFault(value), check)),
      )
      .default({})
      .describe('Headers to send as well; values are templates. They are not secret: for a token there is token_file.'),
    body: z.string().min(1).optional().describe('A template for the body. Default: the documented JSON.'),
    content_type: z
      .enum(Object.keys(CONTENT_TYPES) as [ContentType, ...ContentType[]])
      .default('application/json')
      .describe('What the body is; values are escaped accordingly.'),
  })
  .superRefine(({ body, content_type: contentType }, check) => {
    if (body !== undefined) report(bodyFault(body, contentType), check, ['body']);
    else if (contentType !== 'application/json') report('without a body, JSON is sent', check, ['content_type']);
  });

function report(fault: string | undefined, check: z.RefinementCtx, path: string[] = []): void {
  if (fault !== undefined) check.addIssue({ code: 'custom', message: fault, path });
}

/** Posts every notification to a URL of yours, as JSON or in a form of your own. */
export const webhook = defineChannel({
  type: 'webhook',
  summary: 'a POST to a URL, signed: JSON, or a template of your own',
  options,
  async create({ url, url_file: urlFile, headers, body, content_type: contentType, ...rest }, context) {
    if ((url === undefined) === (urlFile === undefined)) throw new Error('give either url or url_file');
    if (url !== undefined) checkedUrl(url);
    const receiver: Receiver = {
      readUrl: urlFile === undefined ? () => Promise.resolve(url ?? '') : () => context.secret({ file: urlFile }),
      secret: secretOf(rest, 'secret'),
      token: secretOf(rest, 'token'),
      tokenScheme: rest.token_scheme,
      form: createForm({ body, contentType, headers }),
      contentType,
    };
    if (receiver.token !== undefined && Object.keys(headers).some((name) => name.toLowerCase() === 'authorization')) {
      throw new Error('give either token_file or a header Authorization');
    }
    return {
      recipients: () => [RECIPIENT],
      async send(notification, to, _previous, signal) {
        const failure = await deliver(notification, receiver, context, signal);
        return to.map((recipient) => (failure === undefined ? delivered(recipient) : failed(recipient, failure)));
      },
      async verify() {
        // Whatever is posted may be taken for a message: only that everything can be read is known.
        checkedUrl(await receiver.readUrl());
        await credentialsOf(receiver, context);
      },
    } satisfies ChannelInstance;
  },
});

interface Receiver {
  readUrl(): Promise<string>;
  /** Key of the signature. */
  readonly secret: SecretRef | undefined;
  readonly token: SecretRef | undefined;
  readonly tokenScheme: string;
  readonly form: Form;
  readonly contentType: ContentType;
}

interface Credentials {
  readonly key: string | undefined;
  readonly token: string | undefined;
}

async function credentialsOf({ secret, token }: Receiver, context: Context): Promise<Credentials> {
  const read = (reference: SecretRef | undefined): Promise<string | undefined> =>
    reference === undefined ? Promise.resolve(undefined) : context.secret(reference);
  const [key, word] = [await read(secret), await read(token)];
  if (word !== undefined && !/^[\u0021-\u007e]{1,4096}$/.test(word)) {
    throw new Error('the token holds characters that no token has');
  }
  return { key, token: word };
}

/** One attempt; undefined when it was taken. */
async function deliver(
  notification: Notification,
  receiver: Receiver,
  context: Context,
  signal: AbortSignal,
): Promise<Failure | undefined> {
  let url: string;
  let credentials: Credentials;
  let body: string;
  let own: Readonly<Record<string, string>>;
  try {
    url = checkedUrl(await receiver.readUrl());
    credentials = await credentialsOf(receiver, context);
    body = receiver.form.body(notification);
    own = receiver.form.headers(notification);
  } catch (error) {
    return secretFailure(error);
  }
  const { key, token } = credentials;
  const headers = {
    ...own,
    ...(token === undefined ? {} : { authorization: `${receiver.tokenScheme} ${token}` }),
    'content-type': `${receiver.contentType}; charset=utf-8`,
    'idempotency-key': notification.id,
    ...(key === undefined ? {} : { 'x-notafter-signature': signature(body, key, context.clock.now()) }),
  };
  const secrets = [...Object.values(own), key ?? '', token ?? ''];
  const posted = await post({ url, headers, body, secrets }, context, signal);
  return posted.status === 'failed' ? posted.failure : undefined;
}

/** `t=<seconds>,v1=<hex>`: the time is signed too, so that a receiver can refuse what is old. */
function signature(body: string, key: string, now: number): string {
  const seconds = Math.floor(now / 1000);
  return `t=${seconds},v1=${createHmac('sha256', key).update(`${seconds}.${body}`).digest('hex')}`;
}
