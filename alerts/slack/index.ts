import { z } from 'zod';

import { defineChannel, type ChannelInstance, type DeliveryResult } from '../../src/plugin/channel.ts';
import type { Context, SecretRef } from '../../src/plugin/context.ts';
import { checkedUrl, delivered, failed, requestFailure, secretFailure } from '../../src/plugin/delivery.ts';
import type { Notification } from '../../src/plugin/notification.ts';
import { secretFields, secretOf } from '../../src/plugin/options.ts';
import { webhookAnswer } from './answer.ts';
import { botChannel } from './bot.ts';
import { formsOf, inFormThatPasses, RATE, requestOf, type Post } from './request.ts';

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

/** Posts to a Slack channel: by an incoming webhook, or as a bot that keeps one message for each alert up to date, with its history in the thread. */
export const slack = defineChannel({
  type: 'slack',
  summary: 'Slack, by webhook, or as a bot with one message for each alert and its history in the thread',
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
    try {
      const answer = await inFormThatPasses(formsOf(notification), post);
      return answer.status === 'failed' ? failed(recipient, answer.failure) : delivered(recipient);
    } catch (error) {
      return failed(recipient, requestFailure(error, signal));
    }
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
