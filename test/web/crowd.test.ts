import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';

import { Hono } from 'hono';
import { afterEach, describe, expect, test } from 'vitest';

import { createApp } from '../../src/web/app.ts';
import { listen, type WebServer } from '../../src/web/server.ts';
import { createWebStage } from '../helpers/web-stage.ts';

const READERS = 1_000;
const PATIENCE = { headersMs: 300, requestMs: 500, silenceMs: 500, checkMs: 50 };

const open: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

interface Got {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly length: number;
}

/** Each request on a connection of its own. */
const agent = new Agent({ keepAlive: false, maxSockets: Number.POSITIVE_INFINITY });

async function read(url: string): Promise<Got> {
  const [answer] = (await once(get(url, { agent }), 'response')) as [IncomingMessage];
  let length = 0;
  for await (const piece of answer) length += (piece as Buffer).length;
  return { status: answer.statusCode ?? 0, retryAfter: answer.headers['retry-after'], length };
}

describe('a crowd', () => {
  test('of 1 000 readers at once is answered, each with all of the page or with when to come again', async () => {
    const stage = await createWebStage();
    open.push(() => stage.close());
    const had = await stage.parts.survey();
    // As in the daemon: it is made once for all who ask.
    const server = await listen(createApp({ ...stage.parts, survey: async () => had }), '127.0.0.1', 0);
    open.push(() => server.close());
    const [whole] = [await read(`${server.url}/`)];
    expect(whole).toMatchObject({ status: 200 });

    const got = await Promise.all(Array.from({ length: READERS }, () => read(`${server.url}/`)));

    const served = got.filter(({ status }) => status === 200);
    const sentAway = got.filter(({ status }) => status !== 200);
    expect(served.length).toBeGreaterThan(0);
    expect(new Set(served.map(({ length }) => length))).toEqual(new Set([whole?.length]));
    for (const { status, retryAfter } of sentAway) {
      expect([429, 503]).toContain(status);
      expect(Number(retryAfter)).toBeGreaterThan(0);
    }
    expect(await read(`${server.url}/-/healthy`)).toMatchObject({ status: 200 });
  });
});

describe('a slow client', () => {
  interface Stage {
    readonly server: WebServer;
    readonly port: number;
    /** Resolves when a long answer was given up. */
    readonly givenUp: Promise<void>;
  }

  async function start(): Promise<Stage> {
    const { promise: givenUp, resolve } = Promise.withResolvers<void>();
    const endless = new Uint8Array(65_536);
    const app = new Hono();
    app.onError((_error, context) => context.text('', 400));
    app.get('/', (context) => context.text('here'));
    app.post('/', async (context) => context.text(String((await context.req.arrayBuffer()).byteLength)));
    app.get('/much', () => {
      return new Response(new ReadableStream({ pull: (stream) => stream.enqueue(endless), cancel: () => resolve() }));
    });
    const server = await listen(app, '127.0.0.1', 0, { patience: PATIENCE });
    open.push(() => server.close());
    return { server, port: Number(new URL(server.url).port), givenUp };
  }

  /** Says something, then a little more again and again; gives what came back until it was hung up on. */
  async function drip(port: number, first: string, more: string): Promise<string> {
    const socket: Socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    let said = '';
    socket.setEncoding('latin1').on('data', (text: string) => (said += text));
    socket.write(first);
    const timer = setInterval(() => socket.write(more), 40);
    // Not by once(): that it is hung up on with an error is as good.
    await new Promise((resolve) => socket.once('close', resolve));
    clearInterval(timer);
    return said;
  }

  test.each([
    ['never ends its head', 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n', 'X-More: 1\r\n'],
    ['never ends its body', 'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n', 'x'],
  ])('that %s is hung up on, and others are answered meanwhile', async (_, first, more) => {
    const { server, port } = await start();
    const slow = Promise.all(Array.from({ length: 50 }, () => drip(port, first, more)));
    expect(await read(`${server.url}/`)).toMatchObject({ status: 200, length: 4 });
    for (const said of await slow) expect(said).toMatch(/^(?:HTTP\/1\.1 4\d\d |$)/);
  });

  test('that takes nothing of an endless answer is hung up on', async () => {
    const { server, port, givenUp } = await start();
    const socket = connect(port, '127.0.0.1').pause();
    socket.on('error', () => undefined);
    open.push(() => void socket.destroy());
    socket.write('GET /much HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
    expect(await read(`${server.url}/`)).toMatchObject({ status: 200 });
    await givenUp;
  });
});
