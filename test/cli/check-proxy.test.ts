import { expect, test } from 'vitest';

import { runCli } from '../helpers/cli.ts';
import { selfSigned } from '../helpers/pki.ts';
import { startSocksProxy } from '../helpers/proxies.ts';
import { startTlsServer } from '../helpers/loopback-servers.ts';

test('check reaches an endpoint through a proxy that knows its name, and says so', async () => {
  const certificate = selfSigned({ names: ['inside.example'] });
  await using server = await startTlsServer({ cert: certificate.pem, key: certificate.keyPem });
  await using proxy = await startSocksProxy({ names: { 'inside.example': '127.0.0.1' } });
  const url = `socks5h://127.0.0.1:${proxy.port}`;

  const ran = await runCli(['check', '--json', `inside.example:${server.port}`, '--proxy', url]);

  const { locations } = JSON.parse(ran.stdout) as {
    locations: readonly { location: string; endpoint: { proxy: string; chain: readonly string[] } }[];
  };
  expect(locations.map(({ location, endpoint }) => [location, endpoint.proxy, endpoint.chain])).toEqual([
    [`inside.example:${server.port}@127.0.0.1:${proxy.port}`, url, [certificate.fingerprint]],
  ]);
  expect(proxy.asked).toEqual([`inside.example:${server.port}`]);
});

test('check says what is wrong with the URL of a proxy, and does not repeat a password', async () => {
  const ran = await runCli(['check', 'inside.example', '--proxy', 'http://user:hunter2@127.0.0.1:3128']);
  expect(ran).toMatchObject({ exitCode: 3, stdout: '' });
  expect(ran.stderr).toMatch(/^notafter: --proxy: a login is not written into the URL/);
  expect(ran.stderr).not.toContain('hunter2');
});
