import type { Json } from '../../src/plugin/json.ts';
import type { Notification } from '../../src/plugin/notification.ts';
import { isAboutForm, type Answer } from './answer.ts';
import { blocksOf, textOf } from './blocks.ts';

const DEADLINE_MS = 10_000;
const MAX_ANSWER_BYTES = 262_144;
/** One message a second for each channel (https://docs.slack.dev/apis/web-api/rate-limits). */
export const RATE = { perSecond: 1, concurrency: 1 };

export type Body = { readonly [key: string]: Json };

/** Posts a body and gives Slack's answer. Throws what the network throws. */
export type Post = (body: Body) => Promise<Answer>;

/** A message as blocks, and as plain text for when Slack does not take the blocks. */
export interface Forms {
  readonly rich: Body;
  readonly plain: Body;
}

/** The whole message. */
export function formsOf(notification: Notification): Forms {
  return forms(textOf(notification), blocksOf(notification));
}

export function forms(text: string, blocks: readonly Json[]): Forms {
  const plain = { text, unfurl_links: false, unfurl_media: false };
  return { plain, rich: { ...plain, blocks } };
}

/** Posts the message, as plain text when Slack does not take the blocks: an alert is never lost for its looks. */
export async function inFormThatPasses({ rich, plain }: Forms, post: Post): Promise<Answer> {
  const answer = await post(rich);
  return isAboutForm(answer) ? post(plain) : answer;
}

export function requestOf(
  body: Body,
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
