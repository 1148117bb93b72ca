import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { endpoint } from '../../../collectors/endpoint/index.ts';
import { createNetwork } from '../../../src/network/create-network.ts';
import { createLimiters } from '../../../src/network/limiter.ts';
import type { Context } from '../../../src/plugin/context.ts';
import type { Observation } from '../../../src/plugin/observation.ts';
import { collect, deafContext, NOTHING_KNOWN } from '../../contract/collector.ts';
import { startTcpServer, startTlsServer } from '../../helpers/loopback-servers.ts';
import { createAuthority } from '../../helpers/pki.ts';
import { startHttpProxy, startSocksProxy } from '../../helpers/proxies.ts';

const never = new AbortController().signal;
const root = createAuthority({ name: 'Root' });
const named = root.issue({ names: ['pay.example'] });
const fallback = root.issue({ names: ['default.example'] });

describe('how the endpoint collector reaches its targets', () => {
  let folder: string;
  let context: Context;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'notafter-reach-'));
    writeFileSync(
      join(folder, 'hosts'),
      `127.0.0.1 pay.example ${Array.from({ length: 6 }, (_value, index) => `shop-${index}.example`).join(' ')}\n`,
    );
    context = {
      ...deafContext(),
      network: createNetwork({
        hostsFile: join(folder, 'hosts'),
        resolvConf: '/dev/null',
        nameServers: ['127.0.0.1:1'],
      }),
      limit: createLimiters(),
    };
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  async function look(options: { targets: readonly string[]; [option: string]: unknown }): Promise<Observation[]> {
    const instance = await endpoint.create(endpoint.options.parse(options), context);
    const targets = await collect(instance.discover(never));
    return (await Promise.all(targets.map((target) => collect(instance.observe(target, NOTHING_KNOWN, never))))).flat();
  }

  const shown = ({ location, endpoint: facts }: Observation): unknown[] => [location, facts?.serverName, facts?.chain];

  describe('with default_certificate', () => {
    test('what is served to who sends no name is a location of its own', async () => {
      await using server = await startTlsServer({
        cert: fallback.pem,
        key: fallback.keyPem,
        SNICallback: (_name, done) => done(null, createSecureContext({ cert: named.pem, key: named.keyPem })),
      });

      const observations = await look({ targets: [`pay.example:${server.port}`], default_certificate: true });

      expect(observations.map(shown)).toEqual([
        [`pay.example:${server.port}@127.0.0.1`, 'pay.example', [named.fingerprint]],
        [`pay.example:${server.port}@127.0.0.1/default`, undefined, [fallback.fingerprint]],
      ]);
      expect(new Set(server.serverNames)).toEqual(new Set([false, 'pay.example']));
    });

    test('a server that insists on a name has no such location', async () => {
      await using server = await startTlsServer({ cert: named.pem, key: named.keyPem });
      await using front = await startTcpServer((socket) => {
        socket.once('data', (hello) => {
          if (!hello.includes('pay.example')) {
            socket.destroy();
            return;
          }
          const behind = connect(server.port, '127.0.0.1');
          behind.on('error', () => socket.destroy());
          behind.write(hello);
          socket.pipe(behind).pipe(socket);
        });
      });
      const observations = await look({ targets: [`pay.example:${front.port}`], default_certificate: true });
      expect(observations.map(shown)).toEqual([
        [`pay.example:${front.port}@127.0.0.1`, 'pay.example', [named.fingerprint]],
      ]);
    });

    test('a server that cannot be reached fails at both', async () => {
      const observations = await look({ targets: ['pay.example:1'], default_certificate: true });
      expect(observations.map(({ location, problems }) => [location, problems[0]?.reason])).toEqual([
        ['pay.example:1@127.0.0.1', 'refused'],
        ['pay.example:1@127.0.0.1/default', 'refused'],
      ]);
    });

    test('an address is looked at once: it sends no name anyway', async () => {
      await using server = await startTlsServer({ cert: fallback.pem, key: fallback.keyPem });
      const observations = await look({ targets: [`127.0.0.1:${server.port}`], default_certificate: true });
      expect(observations.map(({ location }) => location)).toEqual([`127.0.0.1:${server.port}@127.0.0.1`]);
    });
  });

  describe('through a proxy', () => {
    test.each([
      ['socks5h', startSocksProxy],
      ['http', startHttpProxy],
    ] as const)('that looks up the names (%s) there is one location, called as the proxy', async (scheme, start) => {
      await using server = await startTlsServer({ cert: named.pem, key: named.keyPem });
      await using proxy = await start({ names: { 'inside.example': '127.0.0.1' } });

      const [observation, ...others] = await look({
        targets: [`inside.example:${server.port}`],
        proxy: `${scheme}://127.0.0.1:${proxy.port}`,
      });

      expect(others).toEqual([]);
      expect(observation).toMatchObject({
        location: `inside.example:${server.port}@127.0.0.1:${proxy.port}`,
        problems: [],
        endpoint: {
          address: 'inside.example',
          serverName: 'inside.example',
          proxy: `${scheme}://127.0.0.1:${proxy.port}`,
          chain: [named.fingerprint],
        },
      });
      expect(proxy.asked).toEqual([`inside.example:${server.port}`]);
    });

    test('each address is asked for where notafter looks up the names, with a login read from a file', async () => {
      await using server = await startTlsServer({ cert: named.pem, key: named.keyPem });
      await using proxy = await startHttpProxy({ login: { username: 'notafter', password: 'secret' } });

      const observations = await look({
        targets: [`pay.example:${server.port}`],
        proxy: {
          url: `http://127.0.0.1:${proxy.port}`,
          username: 'notafter',
          password_file: '/run/secrets/proxy',
          resolve: 'here',
        },
      });

      expect(observations.map(shown)).toEqual([
        [`pay.example:${server.port}@127.0.0.1`, 'pay.example', [named.fingerprint]],
      ]);
      expect(proxy.asked).toEqual([`127.0.0.1:${server.port}`]);
    });

    test('a refused login fails the look, and says whose it was', async () => {
      await using proxy = await startSocksProxy({ login: { username: 'notafter', password: 'secret' } });
      const [observation] = await look({ targets: ['pay.example:443'], proxy: `socks5://127.0.0.1:${proxy.port}` });
      expect(observation?.problems).toEqual([
        {
          reason: 'authentication_failed',
          detail: `pay.example: 127.0.0.1 port 443: the socks5 proxy 127.0.0.1:${proxy.port} wants a login; give it a username and a password`,
        },
      ]);
    });

    test.each([
      ['a login in the URL', 'http://user:hunter2@proxy.example:3128', /a login is not written into the URL/],
      ['a kind that is not spoken', 'socks4://proxy.example:1080', /socks4:\/\/ is not spoken/],
      ['no port', 'http://proxy.example', /http:\/\/host:port/],
      ['a login without a password', { url: 'http://proxy.example:3128', username: 'u' }, /goes together/],
      [
        'a password in the config',
        { url: 'http://proxy.example:3128', username: 'u', password: 'hunter2' },
        /password/,
      ],
    ])('%s is refused, and not repeated', (_what, proxy, message) => {
      const { error } = endpoint.options.safeParse({ targets: ['a.example'], proxy });
      expect(JSON.stringify(error?.issues)).toMatch(message);
      expect(JSON.stringify(error?.issues)).not.toContain('hunter2');
    });
  });

  test('many names that lead to one address are looked at a few at a time', async () => {
    let most = 0;
    const open = new Set<Socket>();
    // Answers two at a time, so that both are there at once, and gives the others time to come if they were allowed to.
    await using server = await startTcpServer((socket) => {
      open.add(socket);
      most = Math.max(most, open.size);
      if (open.size !== 2) return;
      setTimeout(() => {
        for (const each of open) each.end('HTTP/1.1 400 Bad Request\r\n\r\n');
        open.clear();
      }, 20);
    });

    const observations = await look({
      targets: Array.from({ length: 6 }, (_value, index) => `shop-${index}.example:${server.port}`),
      per_address: { concurrency: 2, per_second: 1000 },
    });

    expect(observations.map(({ problems }) => problems[0]?.reason)).toEqual(Array.from({ length: 6 }, () => 'not_tls'));
    expect(most).toBe(2);
  });
});
