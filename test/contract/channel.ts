import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, describe, expect, test } from 'vitest';

import type { ChannelInstance, Delivery, DeliveryReason } from '../../src/plugin/channel.ts';
import type { Notification } from '../../src/plugin/notification.ts';
import { createChannelContext, type ChannelContext } from '../helpers/channel-context.ts';
import { digest, HOSTILE_TEXTS, hostileNotice, hugeNotice, notice, notification } from '../helpers/notifications.ts';

/** Stands in every secret, URL path and query of the channel under test, and must come out of it nowhere. */
export const CANARY = 'canary-7f3a9c';

export interface Request {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export type Handler = (request: Request, response: ServerResponse) => void;

export interface Receiver {
  readonly url: string;
  readonly requests: readonly Request[];
  close(): Promise<void>;
}

/** A real HTTP server on loopback. */
export async function startReceiver(handler: Handler): Promise<Receiver> {
  const requests: Request[] = [];
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      const request = { path: incoming.url ?? '', headers: incoming.headers, body };
      requests.push(request);
      handler(request, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A channel that posts over HTTP, and what is known of its receiver. */
export interface HttpChannelUnderTest {
  readonly name: string;
  /** Secrets by file name for a receiver at `url`; every one holds the canary. */
  secrets(url: string): Readonly<Record<string, string>>;
  open(url: string, bench: ChannelContext): Promise<ChannelInstance>;
  /** Answers a message as a receiver that took it. */
  readonly take: Handler;
  /** What a status must mean; undefined where the message was taken. */
  expected(status: number): { readonly reason: DeliveryReason; readonly retryable: boolean } | undefined;
  /** Fails when text in the body is more than text. */
  expectHarmless(body: string, hostile: string): void;
  /** Fails when the body breaks a limit of the receiver. */
  expectWithinLimits(body: string): void;
}

const never = new AbortController().signal;

/** What every channel over HTTP keeps to. */
export function describeHttpChannel(subject: HttpChannelUnderTest): void {
  describe(`${subject.name} keeps the contract of a channel`, () => {
    const receivers: Receiver[] = [];

    afterEach(async () => {
      for (const receiver of receivers.splice(0)) await receiver.close();
    });

    async function opened(
      handler: Handler,
      base?: string,
    ): Promise<{ receiver: Receiver; instance: ChannelInstance; bench: ChannelContext }> {
      const receiver = await startReceiver(handler);
      receivers.push(receiver);
      const bench = createChannelContext(subject.secrets(base ?? receiver.url));
      return { receiver, bench, instance: await subject.open(base ?? receiver.url, bench) };
    }

    async function send(
      instance: ChannelInstance,
      message: Notification = notification(),
      signal = never,
    ): Promise<Delivery> {
      return instance.send(message, instance.recipients(), undefined, signal);
    }

    function expectNoCanary(...texts: readonly unknown[]): void {
      for (const text of texts) expect(typeof text === 'string' ? text : JSON.stringify(text)).not.toContain(CANARY);
    }

    test('its recipients are stable and no secret', async () => {
      const { instance } = await opened(subject.take);
      expect(instance.recipients()).toEqual(instance.recipients());
      expect(instance.recipients()).toHaveLength(1);
      expectNoCanary(instance.recipients());
    });

    test('a message that is taken is delivered, once', async () => {
      const { instance, receiver } = await opened(subject.take);
      expect(await send(instance)).toMatchObject([{ recipient: instance.recipients()[0], status: 'delivered' }]);
      expect(receiver.requests).toHaveLength(1);
    });

    test('answers for exactly the recipients it was asked for', async () => {
      const { instance } = await opened(subject.take);
      const results = await instance.send(notification(), ['the old name'], undefined, never);
      expect(results.map((result) => result.recipient)).toEqual(['the old name']);
    });

    test('every HTTP status means what it should', async () => {
      let status = 0;
      const { instance } = await opened((request, response) => {
        if (status === 200) subject.take(request, response);
        else response.socket?.end(`HTTP/1.1 ${status} Status\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
      });
      const wrong: unknown[] = [];
      for (status = 100; status <= 599; status += 1) {
        const [result] = await send(instance);
        const expected = subject.expected(status);
        const { reason, retryable } = result?.status === 'failed' ? result : {};
        // Below 200 no answer ever comes: whatever it is called, it is tried again.
        const isRight =
          status < 200 ? retryable === true : reason === expected?.reason && retryable === expected?.retryable;
        if (!isRight) wrong.push([status, result]);
      }
      expect(wrong).toEqual([]);
    });

    test.each([
      ['seconds', '30', 30_000],
      ['a date', 'Fri, 01 Jan 2027 00:02:00 GMT', 120_000],
      ['a date that is over', 'Fri, 01 Jan 1999 00:00:00 GMT', 0],
      ['nonsense', 'soon', undefined],
      ['an absurd number', '99999999999999', undefined],
    ])('a receiver that asks to wait by %s is heard', async (_name, header, expected) => {
      const { instance } = await opened((_request, response) =>
        response.writeHead(429, { 'retry-after': header }).end(),
      );
      const [result] = await send(instance);
      expect(result).toMatchObject({ status: 'failed', reason: 'rate_limited', retryable: true });
      expect(result?.status === 'failed' ? result.retryAfterMs : 'delivered').toBe(expected);
    });

    test('a redirect is not followed', async () => {
      const { instance, receiver } = await opened((request, response) => {
        if (request.path.endsWith('/elsewhere')) subject.take(request, response);
        else response.writeHead(307, { location: '/elsewhere' }).end();
      });
      expect(await send(instance)).toMatchObject([{ status: 'failed', retryable: false }]);
      expect(receiver.requests).toHaveLength(1);
    });

    test('a receiver that is not there is a failure to try again, not an error', async () => {
      const { instance, receiver } = await opened(subject.take);
      await receiver.close();
      expect(await send(instance)).toMatchObject([{ status: 'failed', reason: 'network', retryable: true }]);
    });

    test('a connection that breaks in the answer is a failure to try again', async () => {
      const { instance } = await opened((_request, response) => {
        response.writeHead(200, { 'content-length': '1000' });
        response.write('o', () => response.destroy());
      });
      expect(await send(instance)).toMatchObject([{ status: 'failed', reason: 'network', retryable: true }]);
    });

    test('a receiver that takes the request and resets the connection is a failure to try again', async () => {
      const { instance } = await opened((_request, response) => response.socket?.resetAndDestroy());
      expect(await send(instance)).toMatchObject([{ status: 'failed', reason: 'network', retryable: true }]);
    });

    test.each([400, 404, 410, 500, 503])('a page of HTML with status %i is not repeated', async (status) => {
      const { instance } = await opened((_request, response) =>
        response.writeHead(status, { 'content-type': 'text/html' }).end('<html><h1>Sign in</h1></html>'),
      );
      const results = await send(instance);
      expect(results).toMatchObject([{ status: 'failed', retryable: status >= 500 }]);
      expect(JSON.stringify(results)).not.toContain('Sign in');
    });

    test('an attempt ends when it is aborted', async () => {
      const stop = new AbortController();
      const { instance } = await opened(() => stop.abort());
      expect(await send(instance, notification(), stop.signal)).toMatchObject([
        { status: 'failed', reason: 'timeout', retryable: true },
      ]);
    });

    test.each([200, 307, 400, 401, 403, 404, 429, 500])(
      'a receiver that repeats what it was sent, with status %i, spills no secret',
      async (status) => {
        const { instance, bench } = await opened((request, response) => {
          response.writeHead(status, { location: request.path });
          response.end(`${request.path} ${JSON.stringify(request.headers)} ${decodeURIComponent(request.path)}`);
        });
        const results = await send(instance);
        expectNoCanary(results, bench.logged);
      },
    );

    test.each([
      ['a receiver that is not there', 'http://127.0.0.1:1'],
      ['a URL that is none', `ht!tp://${CANARY}`],
      ['a URL of another kind', `file:///${CANARY}`],
      ['a URL with a password', `http://user:${CANARY}@127.0.0.1:1`],
      ['a name that does not resolve', 'http://does-not-exist.invalid'],
    ])('%s spills no secret', async (_name, base) => {
      const bench = createChannelContext(subject.secrets(base));
      let said: unknown;
      try {
        said = await send(await subject.open(base, bench));
        expect(said).toMatchObject([{ status: 'failed' }]);
      } catch (error) {
        said = error instanceof Error ? `${error.message} ${error.stack}` : error;
      }
      expectNoCanary(said, bench.logged);
    });

    test('a secret that cannot be read is a failure to try again, which names the file', async () => {
      const { instance, bench } = await opened(subject.take);
      bench.secrets.clear();
      const results = await send(instance);
      expect(results).toMatchObject([{ status: 'failed', reason: 'internal', retryable: true }]);
      expect(JSON.stringify(results)).toContain('cannot be read');
    });

    test.each(HOSTILE_TEXTS.map((text) => [JSON.stringify(text), text]))(
      'hostile text stays text: %s',
      async (_name, text) => {
        const { instance, receiver } = await opened(subject.take);
        const hostile = hostileNotice(text);
        await send(instance, notification({ alerts: [hostile] }));
        await send(instance, { ...digest(1), alerts: [hostile] });
        expect(receiver.requests).toHaveLength(2);
        for (const { body } of receiver.requests) subject.expectHarmless(body, text);
      },
    );

    test.each<[string, Notification]>([
      ['an alert as large as one can be', notification({ alerts: [hugeNotice()] })],
      ['an alert that is all escapes', notification({ alerts: [hugeNotice('&'.repeat(70_000))] })],
      ['a full digest', digest(50, 12_345)],
      [
        'a full digest of large alerts',
        { ...digest(50, 12_345), alerts: Array.from({ length: 50 }, () => hugeNotice('A&<'.repeat(1_000))) },
      ],
      ['a test', notification({ kind: 'test', alerts: [], alertCount: 0 })],
      ['an alert with nothing optional', notification({ alerts: [bare()] })],
    ])('%s is within the limits of the receiver', async (_name, message) => {
      const { instance, receiver } = await opened(subject.take);
      expect(await send(instance, message)).toMatchObject([{ status: 'delivered' }]);
      for (const { body } of receiver.requests) subject.expectWithinLimits(body);
    });
  });
}

function bare(): ReturnType<typeof notice> {
  const {
    endsAt: _end,
    runbookUrl: _url,
    ...rest
  } = notice({ facts: [], actions: [], places: [], placeCount: 0, summary: '' });
  return rest;
}
