import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';

import { dial } from '../../src/network/dialer.ts';

const never = new AbortController().signal;

describe('dial', () => {
  const servers: Server[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.close();
      await once(server, 'close');
    }
  });

  async function listen(host = '127.0.0.1'): Promise<number> {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('end', () => socket.end());
    });
    servers.push(server);
    server.listen(0, host);
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  test.each(['127.0.0.1', '::1'])('connects to exactly the address %s', async (address) => {
    const socket = await dial(address, await listen(address), never);
    expect(socket.remoteAddress).toBe(address);
    socket.destroy();
  });

  test('survives an error that comes before the caller listens', async () => {
    const socket = await dial('127.0.0.1', await listen(), never);
    const closed = new Promise((resolve) => {
      socket.once('close', resolve);
    });
    socket.destroy(new Error('boom'));
    await expect(closed).resolves.toBe(true);
  });

  test('says that a closed port refuses, on which address, and what to check', async () => {
    const port = await listen();
    const [server] = servers.splice(0);
    server?.close();
    await expect(dial('127.0.0.1', port, never)).rejects.toMatchObject({
      name: 'NetworkError',
      reason: 'refused',
      message: `127.0.0.1 port ${port} refused the connection; check that the service runs there and listens on this port`,
    });
  });

  test('says that an address cannot be reached', async () => {
    // RFC 6666: a prefix that is routed nowhere; also on a machine that has IPv6.
    await expect(dial('100::1', 9, AbortSignal.timeout(2_000))).rejects.toMatchObject({
      name: 'NetworkError',
      reason: expect.stringMatching(/^(?:unreachable|timeout)$/),
    });
  });

  test('says so when the time is over before the connection is there', async () => {
    const port = await listen();
    const controller = new AbortController();
    const pending = dial('127.0.0.1', port, controller.signal);
    controller.abort(new DOMException('late', 'TimeoutError'));
    await expect(pending).rejects.toMatchObject({
      name: 'NetworkError',
      reason: 'timeout',
      message: `127.0.0.1 port ${port} did not answer in time; a firewall that drops packets looks like this`,
    });
  });

  test('passes on the reason when the caller stops', async () => {
    const controller = new AbortController();
    const pending = dial('127.0.0.1', await listen(), controller.signal);
    const stop = new Error('stopping');
    controller.abort(stop);
    await expect(pending).rejects.toBe(stop);
  });

  test('looks up no names', async () => {
    await expect(dial('localhost', 443, never)).rejects.toThrow(TypeError);
  });
});
