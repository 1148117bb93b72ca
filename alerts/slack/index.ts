import { z } from 'zod';

import { defineChannel, type ChannelInstance, type DeliveryResult, type Receipt } from '../../src/plugin/channel.ts';
import type { Context, SecretRef } from '../../src/plugin/context.ts';
import { checkedUrl, delivered, failed, requestFailure, secretFailure } from '../../src/plugin/delivery.ts';
import type { Json } from '../../src/plugin/json.ts';
import type { Notification } from '../../src/plugin/notification.ts';
import { secretFields, secretOf } from '../../src/plugin/options.ts';
import { apiAnswer, isAboutForm, isAboutThread, webhookAnswer, type Answer } from './answer.ts';
import { blocksOf, textOf } from './blocks.ts';

const DEADLINE_MS = 10_000;
const MAX_ANSWER_BYTES = 262_144;
/** One message a second for each channel (https://docs.slack.dev/apis/web-api/rate-limits). */
const RATE = { perSecond: 1, concurrency: 1 };
/** The URL of a webhook is a secret, so its receiver goes by this name. */
const WEBHOOK_RECIPIENT = 'webhook';

const options = z.strictObject({
  ...secretFields('webhook_url', 'URL of an incoming webhook'),
  ...secretFields('token', 'Token of a bot, xoxb-…, with the scope chat:write'),
  channel: z
    .string()
    .regex(/^(?:#[^\s#]{1,80}|[A-Z][A-Z0-9]{5,20})$/, 'a channel: its id (C0123456789) or #name')
    .optional()
    .describe('Channel the bot posts to: its id, or #name. With a token only.'),
  api_url: z
    .url({ protocol: /^https?$/ })
    .default('https://slack.com/api')
    .describe('Where the Web API is.'),
});

/** Posts to a Slack channel: by an incoming webhook, or as a bot that keeps what belongs together in one thread. */
export const slack = defineChannel({
  type: 'slack',
  summary: 'Slack, by webhook or as a bot with threads',
  options,
  async create({ channel, api_url: apiUrl, ...rest }, context): Promise<ChannelInstance> {
    const webhookUrl = secretOf(rest, 'webhook_url');
    const token = secretOf(rest, 'token');
    const isWebhook = webhookUrl !== undefined && token === undefined && channel === undefined;
    if (isWebhook) return webhookChannel(webhookUrl, context);
    if (token !== undefined && channel !== undefined && webhookUrl === undefined) {
      return botChannel({ token, channel, apiUrl: apiUrl.replace(/\/+$/, '') }, context);
    }
    throw new Error('give either webhook_url_file, or token_file and channel');
  },
});

/** Posts a body and gives Slack's answer. Throws what the network throws. */
type Post = (body: { readonly [key: string]: Json }) => Promise<Answer>;

function webhookChannel(webhookUrl: SecretRef, context: Context): ChannelInstance {
  const limiter = context.limit(`slack:${'file' in webhookUrl ? webhookUrl.file : webhookUrl.env}`, RATE);

  async function deliver(notification: Notification, recipient: string, signal: AbortSignal): Promise<DeliveryResult> {
    let url: string;
    try {
      url = checkedUrl(await context.secret(webhookUrl));
    } catch (error) {
      return failed(recipient, secretFailure(error));
    }
    const post: Post = async (body) => {
      const response = await limiter.run(() => context.network.fetch(url, requestOf(body, {}), signal), signal);
      return webhookAnswer(response, context.clock.now());
    };
    return attempt(notification, recipient, undefined, post, signal);
  }

  return {
    recipients: () => [WEBHOOK_RECIPIENT],
    send: (notification, to, _previous, signal) =>
      Promise.all(to.map((recipient) => deliver(notification, recipient, signal))),
    async verify() {
      checkedUrl(await context.secret(webhookUrl));
    },
  };
}

interface Bot {
  readonly token: SecretRef;
  readonly channel: string;
  readonly apiUrl: string;
}

function botChannel({ token, channel, apiUrl }: Bot, context: Context): ChannelInstance {
  async function call(
    method: string,
    body: { readonly [key: string]: Json },
    secret: string,
    signal: AbortSignal,
  ): Promise<Answer> {
    const request = requestOf(body, { authorization: `Bearer ${secret}` });
    return apiAnswer(await context.network.fetch(`${apiUrl}/${method}`, request, signal), context.clock.now());
  }

  async function deliver(
    notification: Notification,
    recipient: string,
    previous: Receipt | undefined,
    signal: AbortSignal,
  ): Promise<DeliveryResult> {
    let secret: string;
    try {
      secret = checkedToken(await context.secret(token));
    } catch (error) {
      return failed(recipient, secretFailure(error));
    }
    const limiter = context.limit(`slack:${recipient}`, RATE);
    const post: Post = (body) =>
      limiter.run(() => call('chat.postMessage', { channel: recipient, ...body }, secret, signal), signal);
    return attempt(notification, recipient, threadOf(previous), post, signal);
  }

  return {
    recipients: () => [channel],
    send: (notification, to, previous, signal) =>
      Promise.all(to.map((recipient) => deliver(notification, recipient, previous, signal))),
    async verify(signal) {
      const answer = await call('auth.test', {}, checkedToken(await context.secret(token)), signal);
      if (answer.status === 'failed') throw new Error(answer.failure.detail);
    },
  };
}

interface Thread {
  readonly channel: string;
  /** Of the message that began it. */
  readonly ts: string;
}

/** Posts the message; in a new thread when its own is gone, and as plain text when Slack does not take the blocks: an alert is never lost for its looks. */
async function attempt(
  notification: Notification,
  recipient: string,
  thread: Thread | undefined,
  post: Post,
  signal: AbortSignal,
): Promise<DeliveryResult> {
  const text = textOf(notification);
  const plain = { text, unfurl_links: false, unfurl_media: false };
  let body: { readonly [key: string]: Json } = { ...plain, blocks: blocksOf(notification) };
  let answersTo = thread;
  try {
    let answer = await post({ ...body, ...replyTo(answersTo) });
    if (answersTo !== undefined && isAboutThread(answer)) {
      answersTo = undefined;
      answer = await post(body);
    }
    if (isAboutForm(answer)) {
      body = plain;
      answer = await post({ ...body, ...replyTo(answersTo) });
    }
    return answer.status === 'failed'
      ? failed(recipient, answer.failure)
      : delivered(recipient, receiptOf(answer, answersTo));
  } catch (error) {
    return failed(recipient, requestFailure(error, signal));
  }
}

/** A reply is shown in the channel too: who reads only the channel must see that it got worse, or is over. */
function replyTo(thread: Thread | undefined): { readonly [key: string]: Json } {
  return thread === undefined ? {} : { channel: thread.channel, thread_ts: thread.ts, reply_broadcast: true };
}

function receiptOf(answer: Extract<Answer, { status: 'taken' }>, thread: Thread | undefined): Receipt | undefined {
  if (thread !== undefined) return { channel: thread.channel, ts: thread.ts };
  return answer.channel === undefined || answer.ts === undefined
    ? undefined
    : { channel: answer.channel, ts: answer.ts };
}

function threadOf(receipt: Receipt | undefined): Thread | undefined {
  if (typeof receipt !== 'object' || receipt === null || Array.isArray(receipt)) return undefined;
  const { channel, ts } = receipt as { readonly [key: string]: Json };
  return typeof channel === 'string' && typeof ts === 'string' ? { channel, ts } : undefined;
}

function requestOf(
  body: { readonly [key: string]: Json },
  headers: Readonly<Record<string, string>>,
): {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly deadlineMs: number;
  readonly maxBytes: number;
} {
  return {
    method: 'POST',
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
    body: JSON.stringify(body),
    deadlineMs: DEADLINE_MS,
    maxBytes: MAX_ANSWER_BYTES,
  };
}

/** A header must not be broken by what a file holds. */
function checkedToken(text: string): string {
  if (!/^[\u0021-\u007e]{1,1024}$/.test(text)) throw new Error('the token of Slack holds characters that no token has');
  return text;
}
