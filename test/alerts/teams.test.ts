import { afterEach, describe, expect, test } from 'vitest';

import { CARD_VERSION, MAX_MESSAGE_BYTES } from '../../alerts/teams/card.ts';
import { teams } from '../../alerts/teams/index.ts';
import type { ChannelInstance } from '../../src/plugin/channel.ts';
import type { Notification } from '../../src/plugin/notification.ts';
import {
  CANARY,
  describeHttpChannel,
  startReceiver,
  type HttpChannelUnderTest,
  type Receiver,
} from '../contract/channel.ts';
import { createChannelContext } from '../helpers/channel-context.ts';
import { digest, hugeNotice, notice, notification } from '../helpers/notifications.ts';

const never = new AbortController().signal;

interface Element {
  readonly type: string;
  readonly text?: string;
  readonly style?: string;
  readonly items?: readonly Element[];
  readonly inlines?: readonly Element[];
  readonly [key: string]: unknown;
}

interface Card {
  readonly type: string;
  readonly version: string;
  readonly body: readonly Element[];
  readonly actions: readonly { readonly type: string; readonly title: string; readonly url: string }[];
}

function cardOf(body: string): Card {
  const message = JSON.parse(body) as { type: string; attachments: { contentType: string; content: Card }[] };
  expect(message.type).toBe('message');
  expect(message.attachments).toHaveLength(1);
  expect(message.attachments[0]?.contentType).toBe('application/vnd.microsoft.card.adaptive');
  return message.attachments[0]?.content as Card;
}

/** All elements, those inside others after them. */
function elementsOf(elements: readonly Element[]): readonly Element[] {
  return elements.flatMap((element) => [
    element,
    ...elementsOf([...(element.items ?? []), ...(element.inlines ?? [])]),
  ]);
}

/** The text of each paragraph. */
function linesOf(card: Card): readonly string[] {
  return elementsOf(card.body)
    .filter((element) => element.type === 'RichTextBlock')
    .map((element) => (element.inlines ?? []).map((run) => run.text ?? '').join(''));
}

/** The properties of version 1.4 that are used (https://adaptivecards.io/explorer/), with the values that they may have. */
const PROPERTIES: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  Container: {
    style: /^(?:default|emphasis|good|attention|warning|accent)$/,
    bleed: /^true$/,
    spacing: /^(?:none|small|default|medium)$/,
    items: /./,
  },
  RichTextBlock: { spacing: /^(?:none|small|default|medium)$/, inlines: /./ },
  TextRun: {
    text: /[^]*/,
    size: /^large$/,
    weight: /^bolder$/,
    color: /^(?:default|attention|warning|good)$/,
    fontType: /^monospace$/,
    isSubtle: /^true$/,
  },
};

const checks: Pick<HttpChannelUnderTest, 'expectHarmless' | 'expectWithinLimits'> = {
  expectHarmless(body) {
    for (const element of elementsOf(cardOf(body).body)) {
      // Only these read no markdown.
      expect(Object.keys(PROPERTIES)).toContain(element.type);
      expect(element.text ?? '').not.toMatch(/[\p{Cc}\u202a-\u202e\u2028\u2029]/u);
    }
  },
  expectWithinLimits(body) {
    expect(Buffer.byteLength(body)).toBeLessThanOrEqual(MAX_MESSAGE_BYTES);
    const card = cardOf(body);
    expect(card).toMatchObject({ type: 'AdaptiveCard', version: CARD_VERSION });
    const unknown = elementsOf(card.body).flatMap(({ type, ...properties }) =>
      Object.entries(properties).filter(([name, value]) => PROPERTIES[type]?.[name]?.test(String(value)) !== true),
    );
    expect(unknown).toEqual([]);
    for (const { type, url } of card.actions) expect([type, url.slice(0, 4)]).toEqual(['Action.OpenUrl', 'http']);
  },
};

describeHttpChannel({
  name: 'teams',
  secrets: (url) => ({ flow: `${url}/workflows/${CANARY}/triggers/manual/paths/invoke?api-version=1&sig=${CANARY}` }),
  open: (_url, { context }) => teams.create(teams.options.parse({ webhook_url_file: 'flow' }), context),
  take: (_request, response) => response.writeHead(202).end(),
  expected(status) {
    if (status >= 200 && status < 300) return undefined;
    if (status === 401 || status === 403 || status === 407) return { reason: 'authentication', retryable: true };
    if (status === 408) return { reason: 'timeout', retryable: true };
    if (status === 425) return { reason: 'server_error', retryable: true };
    if (status === 429) return { reason: 'rate_limited', retryable: true };
    return status < 500 ? { reason: 'rejected', retryable: false } : { reason: 'server_error', retryable: true };
  },
  ...checks,
});

describe('teams', () => {
  const receivers: Receiver[] = [];

  afterEach(async () => {
    for (const started of receivers.splice(0)) await started.close();
  });

  async function receiver(status = 202, body = ''): Promise<Receiver> {
    const started = await startReceiver((_request, response) => response.writeHead(status).end(body));
    receivers.push(started);
    return started;
  }

  function open(url: string): Promise<ChannelInstance> {
    const options = teams.options.parse({ webhook_url: '${FLOW}' });
    return teams.create(options, createChannelContext({ FLOW: `${url}/invoke?sig=x` }).context);
  }

  async function cardFor(message: Notification): Promise<Card> {
    const { url, requests } = await receiver();
    await (await open(url)).send(message, ['workflow'], undefined, never);
    expect(requests[0]?.path).toBe('/invoke?sig=x');
    return cardOf(requests[0]?.body ?? '');
  }

  test('says what matters in the order in which it matters', async () => {
    const card = await cardFor(notification());
    expect(linesOf(card)).toEqual([
      'Critical: api.example.com ends in 4 days (2 places)',
      'api.example.com ends in 4 days, 2027-01-05 12:00 UTC, at api.example.com:443@10.0.0.7',
      'What to do',
      '1. Renew api.example.com, issued by CN=R11',
      '2. Prove it:',
      'notafter check api.example.com:443',
      '2 places',
      'api.example.com:443@10.0.0.7  (source partners; owner payments; expiring)',
      '/etc/ssl/api.pem  (source disk; expiring)',
      'Facts',
      'End: 2027-01-05 12:00 UTC, ends in 4 days',
      `Fingerprint: ${'f'.repeat(64)}`,
      'Serial: 0A',
    ]);
    expect(card.actions).toEqual([
      { type: 'Action.OpenUrl', title: 'Runbook', url: 'https://notafter.example/runbooks/expiring' },
      { type: 'Action.OpenUrl', title: 'notafter', url: 'https://notafter.example/' },
    ]);
  });

  test.each<[string, Partial<Notification>, string]>([
    ['critical', {}, 'attention'],
    ['warning', { severity: 'warning' }, 'warning'],
    ['info', { severity: 'info' }, 'emphasis'],
    ['resolved', { reason: 'resolved' }, 'good'],
    ['gone', { reason: 'withdrawn' }, 'emphasis'],
    ['a test', { kind: 'test' }, 'emphasis'],
  ])('the bar of %s has its colour', async (_name, overrides, style) => {
    expect((await cardFor(notification(overrides))).body[0]?.style).toBe(style);
  });

  test('what does not fit is counted, and what to do is there first', async () => {
    const large = linesOf(await cardFor(notification({ alerts: [hugeNotice()] })));
    expect(large).toContain('20000 places');
    expect(large.findLast((line) => /^and \d+ more$/.test(line))).toMatch(/^and 199\d\d more$/);
    expect(large.indexOf('What to do')).toBeLessThan(large.indexOf('20000 places'));
    const list = linesOf(await cardFor(digest(50, 12_345)));
    const shown = list.filter((line) => line.includes('host-')).length;
    expect(list).toContain(`and ${12_345 - shown} more`);
  });

  test('a link that is none of the web is left out', async () => {
    const alerts = [notice({ runbookUrl: 'javascript:alert(1)' })];
    const card = await cardFor(notification({ alerts, externalUrl: 'https://a.example/"><script>' }));
    expect(card.actions).toEqual([]);
  });

  test.each([
    [
      'Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429',
      'rate_limited',
      true,
    ],
    [
      'Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 502',
      'server_error',
      true,
    ],
    ['Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 413', 'rejected', false],
    ['Bad payload received by generic incoming webhook.', 'rejected', false],
    ['<html>Sign in to your account</html>', 'server_error', true],
  ])('200 with %s is a failure: %s', async (body, reason, retryable) => {
    const { url } = await receiver(200, body);
    const [result] = await (await open(url)).send(notification(), ['workflow'], undefined, never);
    expect(result).toMatchObject({ status: 'failed', reason, retryable });
  });

  test('a workflow that is gone says so', async () => {
    const { url } = await receiver(
      404,
      '{"error":{"code":"WorkflowNotFound","message":"The workflow was not found."}}',
    );
    const [result] = await (await open(url)).send(notification(), ['workflow'], undefined, never);
    expect(result).toMatchObject({ reason: 'rejected', retryable: false });
    expect(JSON.stringify(result)).toContain('WorkflowNotFound');
  });

  test('verify reads the URL and posts nothing', async () => {
    const { url, requests } = await receiver();
    await (await open(url)).verify?.(never);
    expect(requests).toEqual([]);
    const wrong = await teams.create(
      teams.options.parse({ webhook_url_file: 'flow' }),
      createChannelContext({ flow: 'not a URL' }).context,
    );
    await expect(wrong.verify?.(never)).rejects.toThrow('https://');
  });

  test('the config check refuses the URL in the config itself, without repeating it', () => {
    const result = teams.options.safeParse({ webhook_url: `https://x.example/${CANARY}` });
    expect(result.success).toBe(false);
    expect(JSON.stringify(result.error?.issues)).not.toContain(CANARY);
  });
});
