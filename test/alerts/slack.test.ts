import { afterEach, describe, expect, test } from 'vitest';

import { MAX_BLOCKS, MAX_FIELD, MAX_FIELDS, MAX_SECTION, MAX_TEXT } from '../../alerts/slack/blocks.ts';
import { slack } from '../../alerts/slack/index.ts';
import type { ChannelInstance } from '../../src/plugin/channel.ts';
import {
  CANARY,
  describeHttpChannel,
  startReceiver,
  type Handler,
  type HttpChannelUnderTest,
  type Receiver,
} from '../contract/channel.ts';
import { createChannelContext } from '../helpers/channel-context.ts';
import { digest, HOSTILE_TEXTS, hostileNotice, hugeNotice, notice, notification } from '../helpers/notifications.ts';

interface TextObject {
  readonly type: string;
  readonly text: string;
  readonly verbatim?: boolean;
}

interface Block {
  readonly type: string;
  readonly text?: TextObject;
  readonly fields?: readonly TextObject[];
  readonly elements?: readonly TextObject[];
}

interface Message {
  readonly text: string;
  readonly blocks?: readonly Block[];
  readonly channel?: string;
  readonly ts?: string;
  readonly thread_ts?: string;
  readonly reply_broadcast?: boolean;
}

function messageOf(body: string): Message {
  return JSON.parse(body) as Message;
}

function textsOf(message: Message): readonly TextObject[] {
  return (message.blocks ?? []).flatMap((block) => [
    ...(block.text === undefined ? [] : [block.text]),
    ...(block.fields ?? []),
    ...(block.elements ?? []),
  ]);
}

/** Every live piece of mrkdwn: mentions, links, channels. Ours are the two links of the footer. */
function markupOf(text: string): readonly string[] {
  return (text.match(/<[^>]*>/g) ?? []).filter(
    (found) => !/^<https:\/\/notafter\.example\/[a-z/]*\|(?:Runbook|notafter)>$/.test(found),
  );
}

const limits: Pick<HttpChannelUnderTest, 'expectHarmless' | 'expectWithinLimits'> = {
  expectHarmless(body) {
    const message = messageOf(body);
    const texts = [message.text, ...textsOf(message).map((object) => object.text)];
    for (const text of texts) {
      expect(markupOf(text)).toEqual([]);
      expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
    }
    for (const object of textsOf(message)) expect(object.verbatim).toBe(true);
  },
  expectWithinLimits(body) {
    const message = messageOf(body);
    const blocks = message.blocks ?? [];
    expect(blocks.length).toBeGreaterThan(0);
    expect(blocks.length).toBeLessThanOrEqual(MAX_BLOCKS);
    expect(message.text.length).toBeGreaterThan(0);
    expect(message.text.length).toBeLessThanOrEqual(MAX_TEXT);
    let total = 0;
    for (const block of blocks) {
      expect(block.text?.text.length ?? 1).toBeGreaterThan(0);
      expect(block.text?.text.length ?? 0).toBeLessThanOrEqual(MAX_SECTION);
      expect(block.fields?.length ?? 1).toBeGreaterThan(0);
      expect(block.fields?.length ?? 0).toBeLessThanOrEqual(MAX_FIELDS);
      for (const field of block.fields ?? []) expect(field.text.length).toBeLessThanOrEqual(MAX_FIELD);
    }
    for (const { text } of textsOf(message)) {
      total += text.length;
      // Cut nowhere inside an escape or a piece of code.
      expect(text).not.toMatch(/&(?!amp;|lt;|gt;)/);
      expect((text.match(/`/g) ?? []).length % 2).toBe(0);
    }
    expect(total).toBeLessThan(13_200);
  },
};

/** What a status means where there is no word beside it. */
function byStatus(status: number): ReturnType<HttpChannelUnderTest['expected']> {
  if (status === 401 || status === 403 || status === 407) return { reason: 'authentication', retryable: true };
  if (status === 408) return { reason: 'timeout', retryable: true };
  if (status === 425) return { reason: 'server_error', retryable: true };
  if (status === 429) return { reason: 'rate_limited', retryable: true };
  return status < 500 ? { reason: 'rejected', retryable: false } : { reason: 'server_error', retryable: true };
}

describeHttpChannel({
  name: 'slack by webhook',
  secrets: (url) => ({ hook: `${url}/services/T0/B0/${CANARY}` }),
  open: (_url, { context }) => slack.create(slack.options.parse({ webhook_url_file: 'hook' }), context),
  take: (_request, response) => response.end('ok'),
  expected: (status) => (status >= 200 && status < 300 ? undefined : byStatus(status)),
  ...limits,
});

const takeAsApi: Handler = (_request, response) =>
  response.end(JSON.stringify({ ok: true, channel: 'C0123456789', ts: '1.0' }));

describeHttpChannel({
  name: 'slack as a bot',
  secrets: () => ({ token: `xoxb-${CANARY}` }),
  open: (url, { context }) =>
    slack.create(
      slack.options.parse({ token_file: 'token', channel: '#alerts', api_url: new URL('/api', url).href }),
      context,
    ),
  take: takeAsApi,
  // The Web API says everything with 200.
  expected: (status) =>
    status === 200 ? undefined : status < 300 ? { reason: 'rejected', retryable: false } : byStatus(status),
  ...limits,
});

const never = new AbortController().signal;

describe('slack', () => {
  const receivers: Receiver[] = [];

  afterEach(async () => {
    for (const started of receivers.splice(0)) await started.close();
  });

  async function receiver(
    ...answers: readonly (string | { readonly status: number; readonly body: string })[]
  ): Promise<Receiver> {
    const left = [...answers];
    const started = await startReceiver((_request, response) => {
      const answer = left.length > 1 ? left.shift() : left[0];
      if (typeof answer === 'string') response.end(answer);
      else response.writeHead(answer?.status ?? 200).end(answer?.body);
    });
    receivers.push(started);
    return started;
  }

  function bot(url: string): Promise<ChannelInstance> {
    const options = { token_file: 'token', channel: 'C0123456789', api_url: `${url}/api/` };
    return slack.create(slack.options.parse(options), createChannelContext({ token: 'xoxb-1' }).context);
  }

  function hook(url: string): Promise<ChannelInstance> {
    const options = { webhook_url: '${HOOK}' };
    return slack.create(slack.options.parse(options), createChannelContext({ HOOK: `${url}/services/x` }).context);
  }

  const taken = (ts: string): string => JSON.stringify({ ok: true, channel: 'C0123456789', ts });

  test('says what matters in the order in which it matters', async () => {
    const { url, requests } = await receiver('ok');
    await (await hook(url)).send(notification(), ['webhook'], undefined, never);
    const message = messageOf(requests[0]?.body ?? '');
    expect(requests[0]?.path).toBe('/services/x');
    expect(textsOf(message).map((object) => object.text)).toEqual([
      ':red_circle: *Critical: api.example.com ends in 4 days (2 places)*',
      'api.example.com ends in 4 days, 2027-01-05 12:00 UTC, at api.example.com:443@10.0.0.7',
      '*What to do*\n1. Renew api.example.com, issued by CN=R11\n2. Prove it: `notafter check api.example.com:443`',
      '*2 places*\n• `api.example.com:443@10.0.0.7` (source partners; owner payments; expiring)\n• `/etc/ssl/api.pem` (source disk; expiring)',
      '*End*\n2027-01-05 12:00 UTC, ends in 4 days',
      `*Fingerprint*\n${'f'.repeat(64)}`,
      '*Serial*\n0A',
      '<https://notafter.example/runbooks/expiring|Runbook>  |  <https://notafter.example/|notafter>  |  alert 0123456789abcdef',
    ]);
    expect(message.text).toBe(
      'Critical: api.example.com ends in 4 days (2 places)\n' +
        'api.example.com ends in 4 days, 2027-01-05 12:00 UTC, at api.example.com:443@10.0.0.7\n' +
        '1. Renew api.example.com, issued by CN=R11\n2. Prove it: `notafter check api.example.com:443`',
    );
  });

  test('counts the places and alerts that it does not list', async () => {
    const { url, requests } = await receiver('ok');
    const instance = await hook(url);
    await instance.send(notification({ alerts: [notice({ placeCount: 500 })] }), ['webhook'], undefined, never);
    await instance.send(digest(50, 120), ['webhook'], undefined, never);
    const [alert, list] = requests.map(({ body }) => textsOf(messageOf(body)).map(({ text }) => text));
    expect(alert?.join('\n')).toContain('*500 places*');
    expect(alert?.join('\n')).toContain('and 498 more');
    expect(list?.[0]).toBe(':red_circle: *First day: 120 alerts, the worst critical*');
    const listed = list?.join('\n').match(/host-\d+\.example\.com/g) ?? [];
    expect(listed).toHaveLength(50);
    expect(list?.join('\n')).toContain('and 70 more');
  });

  const previous = { channel: 'C0123456789', ts: '100.1' };

  test('a bot posts with its token, keeps the message of the group up to date, and tells its thread and the channel', async () => {
    const { url, requests } = await receiver(taken('100.1'), taken('100.1'), taken('200.2'));
    const instance = await bot(url);
    const [first] = await instance.send(notification(), instance.recipients(), undefined, never);
    expect(first).toEqual({ recipient: 'C0123456789', status: 'delivered', receipt: previous });

    const receipt = first?.status === 'delivered' ? first.receipt : undefined;
    const [second] = await instance.send(notification({ reason: 'worse' }), instance.recipients(), receipt, never);
    expect(second).toEqual(first);

    expect(requests.map(({ path, headers }) => [path, headers.authorization])).toEqual([
      ['/api/chat.postMessage', 'Bearer xoxb-1'],
      ['/api/chat.update', 'Bearer xoxb-1'],
      ['/api/chat.postMessage', 'Bearer xoxb-1'],
    ]);
    const [root, update, reply] = requests.map(({ body }) => messageOf(body));
    expect(root).not.toHaveProperty('thread_ts');
    expect(update).toMatchObject({ channel: 'C0123456789', ts: '100.1' });
    expect(textsOf(update as Message).slice(1)).toEqual(textsOf(root as Message).slice(1));
    expect(reply).toMatchObject({ channel: 'C0123456789', thread_ts: '100.1', reply_broadcast: true });
    expect(textsOf(reply as Message).map(({ text }) => text)).toEqual([
      ':red_circle: *Worse, now critical: api.example.com ends in 4 days (2 places)*',
      'api.example.com ends in 4 days, 2027-01-05 12:00 UTC, at api.example.com:443@10.0.0.7',
    ]);
  });

  test.each([
    ['the update', ['{"ok":false,"error":"message_not_found"}']],
    ['the reply', [taken('100.1'), '{"ok":false,"error":"thread_not_found"}']],
  ])('a message that is gone, as %s shows, is begun anew', async (_name, answers) => {
    const { url, requests } = await receiver(...answers, taken('300.3'));
    const message = notification({ reason: 'worse' });
    const [result] = await (await bot(url)).send(message, ['C0123456789'], previous, never);
    expect(result).toMatchObject({ status: 'delivered', receipt: { ts: '300.3' } });
    expect(requests.at(-1)?.path).toBe('/api/chat.postMessage');
    expect(messageOf(requests.at(-1)?.body ?? '')).not.toHaveProperty('thread_ts');
  });

  test.each([
    ['that may not be changed any more', 'worse', '{"ok":false,"error":"edit_window_closed"}'],
    ['that lies far up, of an alert that opens again,', 'first', taken('100.1')],
  ] as const)('a message %s is answered with all there is to say', async (_name, reason, answer) => {
    const { url, requests } = await receiver(answer, taken('200.2'));
    const [result] = await (await bot(url)).send(notification({ reason }), ['C0123456789'], previous, never);
    expect(result).toMatchObject({ status: 'delivered', receipt: previous });
    const reply = messageOf(requests[1]?.body ?? '');
    expect(reply.thread_ts).toBe('100.1');
    expect(textsOf(reply).map(({ text }) => text)).toEqual(
      textsOf(messageOf(requests[0]?.body ?? '')).map(({ text }) => text),
    );
  });

  test.each([
    ['update', [{ status: 429, body: '' }], 1],
    ['reply', [taken('100.1'), { status: 429, body: '' }], 2],
  ])('a failed %s is tried again as a whole', async (_name, answers, count) => {
    const { url, requests } = await receiver(...answers);
    const message = notification({ reason: 'worse' });
    const [result] = await (await bot(url)).send(message, ['C0123456789'], previous, never);
    expect(result).toMatchObject({ status: 'failed', reason: 'rate_limited', retryable: true });
    expect(requests).toHaveLength(count);
  });

  test.each(HOSTILE_TEXTS.map((text) => [JSON.stringify(text), text]))(
    'hostile text stays text in an update and in a thread: %s',
    async (_name, text) => {
      const { url, requests } = await receiver(taken('100.1'));
      const message = notification({ reason: 'worse', alerts: [hostileNotice(text)] });
      await (await bot(url)).send(message, ['C0123456789'], previous, never);
      expect(requests).toHaveLength(2);
      for (const { body } of requests) limits.expectHarmless(body, text);
    },
  );

  test('the largest update and its reply are within the limits', async () => {
    const { url, requests } = await receiver(taken('100.1'));
    const message = notification({ reason: 'worse', alerts: [hugeNotice('&'.repeat(70_000))] });
    await (await bot(url)).send(message, ['C0123456789'], previous, never);
    expect(requests).toHaveLength(2);
    for (const { body } of requests) limits.expectWithinLimits(body);
  });

  test.each([
    ['as a bot', bot, '{"ok":false,"error":"msg_blocks_too_long"}', taken('1.1')],
    ['by webhook', hook, { status: 400, body: 'invalid_blocks' }, 'ok'],
  ])('blocks that Slack does not take are sent again as text, %s', async (_name, open, refusal, acceptance) => {
    const { url, requests } = await receiver(refusal, acceptance);
    const [result] = await (await open(url)).send(notification(), ['C0123456789'], undefined, never);
    expect(result).toMatchObject({ status: 'delivered' });
    expect(requests).toHaveLength(2);
    expect(messageOf(requests[1]?.body ?? '')).not.toHaveProperty('blocks');
    expect(messageOf(requests[1]?.body ?? '').text).toContain('Renew api.example.com');
  });

  test.each([
    ['invalid_auth', 'authentication', true],
    ['token_expired', 'authentication', true],
    ['missing_scope', 'authentication', true],
    ['channel_not_found', 'rejected', true],
    ['not_in_channel', 'rejected', true],
    ['is_archived', 'rejected', true],
    ['ratelimited', 'rate_limited', true],
    ['fatal_error', 'server_error', true],
    ['no_text', 'rejected', false],
    ['something_new', 'rejected', false],
    ['Not An Error Name', 'rejected', false],
  ])('200 with ok: false and %s is a failure: %s', async (error, reason, retryable) => {
    const { url } = await receiver(JSON.stringify({ ok: false, error }));
    const [result] = await (await bot(url)).send(notification(), ['C0123456789'], undefined, never);
    expect(result).toMatchObject({ status: 'failed', reason, retryable });
  });

  test.each([
    [403, 'invalid_token', 'authentication', true],
    [404, 'no_service', 'authentication', true],
    [404, 'channel_not_found', 'rejected', true],
    [410, 'channel_is_archived', 'rejected', true],
    [500, 'rollup_error', 'server_error', true],
    [503, 'invalid_token', 'server_error', true],
    [200, '{"ok":false,"error":"invalid_auth"}', 'authentication', true],
    [200, 'no_service', 'authentication', true],
    [200, '<html>Please log in</html>', 'server_error', true],
  ])('a webhook that answers %i %s is a failure: %s', async (status, body, reason, retryable) => {
    const { url } = await receiver({ status, body });
    const [result] = await (await hook(url)).send(notification(), ['webhook'], undefined, never);
    expect(result).toMatchObject({ status: 'failed', reason, retryable });
  });

  test('an answer to a bot that is not JSON is not a delivery', async () => {
    const { url } = await receiver('<html>Please log in</html>');
    expect(await (await bot(url)).send(notification(), ['C0123456789'], undefined, never)).toMatchObject([
      { status: 'failed', reason: 'server_error', retryable: true },
    ]);
  });

  test('keeps to one message a second for each channel', async () => {
    const { url } = await receiver(taken('1.1'));
    const bench = createChannelContext({ token: 'xoxb-1' });
    const asked: unknown[] = [];
    const context = {
      ...bench.context,
      limit(key: string, rate: object) {
        asked.push([key, rate]);
        return bench.context.limit(key, { perSecond: 1, concurrency: 1 });
      },
    };
    const options = slack.options.parse({ token_file: 'token', channel: '#alerts', api_url: url });
    await (await slack.create(options, context)).send(notification(), ['#alerts'], undefined, never);
    expect(asked).toEqual([['slack:#alerts', { perSecond: 1, concurrency: 1 }]]);
  });

  test('verify proves the token without a message', async () => {
    const { url, requests } = await receiver('{"ok":true}', '{"ok":false,"error":"invalid_auth"}');
    const instance = await bot(url);
    await instance.verify?.(never);
    expect(requests[0]?.path).toBe('/api/auth.test');
    await expect(instance.verify?.(never)).rejects.toThrow('invalid_auth: renew the token');
  });

  test.each<[string, object]>([
    ['nothing', {}],
    ['a token without a channel', { token_file: 'token' }],
    ['a webhook with a channel', { webhook_url_file: 'hook', channel: '#alerts' }],
    ['both ways', { webhook_url_file: 'hook', token_file: 'token', channel: '#alerts' }],
  ])('refuses %s', async (_name, options) => {
    await expect(slack.create(slack.options.parse(options), createChannelContext().context)).rejects.toThrow(
      'give either',
    );
  });

  test('the config check refuses a webhook URL in the config itself, without repeating it', () => {
    const result = slack.options.safeParse({ webhook_url: `https://hooks.slack.com/services/${CANARY}` });
    expect(result.success).toBe(false);
    expect(JSON.stringify(result.error?.issues)).not.toContain(CANARY);
  });
});
