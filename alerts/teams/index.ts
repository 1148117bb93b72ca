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
import { messageOf } from './card.ts';

/** The URL is a secret, so its receiver goes by this name. */
const RECIPIENT = 'workflow';
/**
 * Teams slows down who sends more than 4 messages a second or 60 in 30 seconds
 * (https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using#rate-limiting-for-connectors).
 */
const RATE = { perSecond: 2, concurrency: 1 };
/** Before workflows, Teams answered 200 and said in the body what had gone wrong. */
const REFUSAL_IN_BODY = /returned HTTP error (\d{3})|^Bad payload/;

const options = z.strictObject({
  ...secretFields(
    'webhook_url',
    'URL of a workflow that posts to a channel or chat when a webhook request is received',
  ),
});

/** Posts adaptive cards to a channel or chat of Microsoft Teams, by a workflow. */
export const teams = defineChannel({
  type: 'teams',
  summary: 'Microsoft Teams, by a workflow, as adaptive cards',
  options,
  async create(rest, context): Promise<ChannelInstance> {
    const webhookUrl = secretOf(rest, 'webhook_url');
    if (webhookUrl === undefined) throw new Error('give the URL of the workflow by webhook_url_file');
    return {
      recipients: () => [RECIPIENT],
      async send(notification, to, _previous, signal) {
        const failure = await deliver(notification, webhookUrl, context, signal);
        return to.map((recipient) => (failure === undefined ? delivered(recipient) : failed(recipient, failure)));
      },
      async verify() {
        // A workflow takes every request for a message: only that the URL can be read and is one is known.
        checkedUrl(await context.secret(webhookUrl));
      },
    };
  },
});

/** One attempt; undefined when the workflow took it. */
async function deliver(
  notification: Notification,
  webhookUrl: SecretRef,
  context: Context,
  signal: AbortSignal,
): Promise<Failure | undefined> {
  let url: string;
  try {
    url = checkedUrl(await context.secret(webhookUrl));
  } catch (error) {
    return secretFailure(error);
  }
  const request = {
    url,
    headers: { 'content-type': 'application/json; charset=utf-8' },
    body: messageOf(notification),
    secrets: [],
    hasFreshCredentials: true,
  };
  const limiter = context.limit(`teams:${'file' in webhookUrl ? webhookUrl.file : webhookUrl.env}`, RATE);
  try {
    const posted = await limiter.run(() => post(request, context, signal), signal);
    return posted.status === 'failed' ? posted.failure : failureIn(posted.response.body);
  } catch (error) {
    return requestFailure(error, signal);
  }
}

/** A refusal inside an answer of 200. A page of HTML is none of Teams either: somebody asks for a login. */
function failureIn(body: string): Failure | undefined {
  const text = body.trimStart();
  if (text.startsWith('<')) {
    const detail = 'the answer is not one of Teams: a proxy or a login page may stand between';
    return { reason: 'server_error', detail, retryable: true };
  }
  const refusal = REFUSAL_IN_BODY.exec(text);
  if (refusal === null) return undefined;
  const status = refusal[1] ?? '400';
  const detail = `Teams answered 200, and HTTP ${status} in its text`;
  if (status === '429') return { reason: 'rate_limited', detail, retryable: true };
  return status.startsWith('5')
    ? { reason: 'server_error', detail, retryable: true }
    : { reason: 'rejected', detail, retryable: false };
}
