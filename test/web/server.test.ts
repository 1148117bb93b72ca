import { Agent, get } from 'node:http';
import { connect } from 'node:net';
import { once } from 'node:events';

import { Hono } from 'hono';
import { afterEach, describe, expect, test } from 'vitest';

import { listen, type WebServer } from '../../src/web/server.ts';

const servers: WebServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function serve(app = new Hono().get('/', (context) => context.text('here\n'))): Promise<WebServer> {
  const server = await listen(app, '127.0.0.1', 0);
  servers.push(server);
  return server;
}

/** Closes the server; gives how long it took. */
async function closed(): Promise<number> {
  const since = performance.now();
  await servers.pop()?.close();
  return performance.now() - since;
}

describe('listen', () => {
  test('serves, and says where', async () => {
    const { url } = await serve();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(await (await fetch(url)).text()).toBe('here\n');
  });

  test('says what to do when the port is in use', async () => {
    const port = Number(new URL((await serve()).url).port);
    await expect(listen(new Hono(), '127.0.0.1', port)).rejects.toThrow(
      `127.0.0.1:${port} is in use already; is another notafter running? Choose another address with web: {listen: …}`,
    );
  });

  test('says what is wrong with an address that is not ours', async () => {
    await expect(listen(new Hono(), '192.0.2.1', 0)).rejects.toThrow(
      /^cannot listen on 192\.0\.2\.1:0: .*EADDRNOTAVAIL/,
    );
  });
});

describe('close', () => {
  test('does not wait for a connection that is kept alive', async () => {
    const { url } = await serve();
    const agent = new Agent({ keepAlive: true });
    const [response] = (await once(get(url, { agent }), 'response')) as [NodeJS.ReadableStream];
    response.resume();
    await once(response, 'end');

    expect(await closed()).toBeLessThan(1_000);
    agent.destroy();
  });

  test('does not wait for ever for a client that says nothing, or only half of what it wants', async () => {
    const { url } = await serve();
    const port = Number(new URL(url).port);
    const silent = connect(port, '127.0.0.1').on('error', () => undefined);
    const slow = connect(port, '127.0.0.1').on('error', () => undefined);
    await Promise.all([once(silent, 'connect'), once(slow, 'connect')]);
    slow.write('GET / HTTP/1.1\r\nhost: x\r\n');
    await fetch(url);

    expect(await closed()).toBeLessThan(4_000);
    silent.destroy();
    slow.destroy();
  });

  test('lets an answer under way end', async () => {
    const asked = Promise.withResolvers<void>();
    const { promise, resolve } = Promise.withResolvers<void>();
    const { url } = await serve(
      new Hono().get('/', async (context) => {
        asked.resolve();
        await promise;
        return context.text('late\n');
      }),
    );
    const answer = fetch(url);
    await asked.promise;
    const closing = closed();
    resolve();

    expect(await (await answer).text()).toBe('late\n');
    await closing;
    await expect(fetch(url)).rejects.toThrow('fetch failed');
  });
});
