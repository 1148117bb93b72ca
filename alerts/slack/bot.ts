import type { ChannelInstance, DeliveryResult, Receipt } from '../../src/plugin/channel.ts';
import type { Context, SecretRef } from '../../src/plugin/context.ts';
import { delivered, failed, requestFailure, secretFailure } from '../../src/plugin/delivery.ts';
import type { Json } from '../../src/plugin/json.ts';
import type { Notification } from '../../src/plugin/notification.ts';
import { apiAnswer, isAboutEditing, isAboutThread, type Answer } from './answer.ts';
import { noteBlocksOf, noteTextOf } from './blocks.ts';
import { forms, formsOf, inFormThatPasses, RATE, requestOf, type Body, type Post } from './request.ts';

export interface Bot {
  readonly token: SecretRef;
  readonly channel: string;
  readonly apiUrl: string;
}

/** The message that stands for a group: it is kept up to date, and its thread tells how it came to be so. */
interface Root {
  readonly channel: string;
  readonly ts: string;
}

/** A call of one method of the Web API. */
type Call = (method: 'chat.postMessage' | 'chat.update', body: Body) => Promise<Answer>;

export function botChannel({ token, channel, apiUrl }: Bot, context: Context): ChannelInstance {
  async function request(method: string, body: Body, secret: string, signal: AbortSignal): Promise<Answer> {
    const sent = requestOf(body, { authorization: `Bearer ${secret}` });
    return apiAnswer(await context.network.fetch(`${apiUrl}/${method}`, sent, signal), context.clock.now());
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
    const call: Call = (method, body) => limiter.run(() => request(method, body, secret, signal), signal);
    try {
      const root = rootOf(previous);
      const followed = root === undefined ? undefined : await follow(notification, root, call);
      const outcome = followed ?? (await begin(notification, recipient, call));
      return outcome.answer.status === 'failed'
        ? failed(recipient, outcome.answer.failure)
        : delivered(recipient, outcome.root);
    } catch (error) {
      return failed(recipient, requestFailure(error, signal));
    }
  }

  return {
    recipients: () => [channel],
    send: (notification, to, previous, signal) =>
      Promise.all(to.map((recipient) => deliver(notification, recipient, previous, signal))),
    async verify(signal) {
      const answer = await request('auth.test', {}, checkedToken(await context.secret(token)), signal);
      if (answer.status === 'failed') throw new Error(answer.failure.detail);
    },
  };
}

interface Outcome {
  readonly answer: Answer;
  readonly root?: { readonly channel: string; readonly ts: string };
}

async function begin(notification: Notification, channel: string, call: Call): Promise<Outcome> {
  const answer = await inFormThatPasses(formsOf(notification), (body) =>
    call('chat.postMessage', { channel, ...body }),
  );
  if (answer.status === 'failed' || answer.channel === undefined || answer.ts === undefined) return { answer };
  return { answer, root: { channel: answer.channel, ts: answer.ts } };
}

/**
 * Brings the message of the group up to date, then says in its thread what has changed. In this order: the update can be
 * repeated without harm when the reply fails. Undefined when the message is gone and a new one has to be begun.
 */
async function follow(notification: Notification, root: Root, call: Call): Promise<Outcome | undefined> {
  const whole = formsOf(notification);
  const updated = await inFormThatPasses(whole, (body) => call('chat.update', { ...root, ...body }));
  if (isAboutThread(updated)) return undefined;
  if (updated.status === 'failed' && !isAboutEditing(updated)) return { answer: updated };
  // What opens again far up in the channel, and what could not be brought up to date, is told whole.
  const isWhole = updated.status === 'failed' || notification.reason === 'first';
  const reply = isWhole ? whole : forms(noteTextOf(notification), noteBlocksOf(notification));
  const post: Post = (body) =>
    // A reply is shown in the channel too: who reads only the channel must see that it got worse, or is over.
    call('chat.postMessage', { channel: root.channel, thread_ts: root.ts, reply_broadcast: true, ...body });
  const answer = await inFormThatPasses(reply, post);
  return isAboutThread(answer) ? undefined : { answer, root: { channel: root.channel, ts: root.ts } };
}

function rootOf(receipt: Receipt | undefined): Root | undefined {
  if (typeof receipt !== 'object' || receipt === null || Array.isArray(receipt)) return undefined;
  const { channel, ts } = receipt as { readonly [key: string]: Json };
  return typeof channel === 'string' && typeof ts === 'string' ? { channel, ts } : undefined;
}

/** A header must not be broken by what a file holds. */
function checkedToken(text: string): string {
  if (!/^[\u0021-\u007e]{1,1024}$/.test(text)) throw new Error('the token of Slack holds characters that no token has');
  return text;
}
