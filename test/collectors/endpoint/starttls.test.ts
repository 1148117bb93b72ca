import { describe, expect, test } from 'vitest';

import { endpoint } from '../../../collectors/endpoint/index.ts';
import { createNetwork } from '../../../src/network/create-network.ts';
import type { Observation } from '../../../src/plugin/observation.ts';
import { collect, deafContext, NOTHING_KNOWN } from '../../contract/collector.ts';
import { startTcpServer } from '../../helpers/loopback-servers.ts';
import { serverLeaf } from '../../helpers/rehearsal.ts';
import { startSpeaking } from '../../helpers/starttls-server.ts';

const never = new AbortController().signal;

async function look(target: string, options: Record<string, unknown> = {}): Promise<Observation | undefined> {
  const context = { ...deafContext(), network: createNetwork() };
  const given = endpoint.options.parse({ targets: [target], helo_name: 'monitor.example.com', ...options });
  const instance = await endpoint.create(given, context);
  const [found] = await collect(instance.discover(never));
  expect(found?.key).toBe(target);
  const observations = found === undefined ? [] : await collect(instance.observe(found, NOTHING_KNOWN, never));
  expect(observations).toHaveLength(1);
  return observations[0];
}

describe('the endpoint collector behind a scheme', () => {
  test('names target, location and protocol by it', async () => {
    await using server = await startSpeaking('smtp');
    const observation = await look(`smtp://127.0.0.1:${server.port}`);
    expect(observation).toMatchObject({
      location: `smtp://127.0.0.1:${server.port}@127.0.0.1`,
      items: [{ der: serverLeaf.der, role: 'server' }],
      problems: [],
      endpoint: { protocol: 'smtp', handshake: 'hello', chain: [serverLeaf.fingerprint] },
    });
  });

  test('reads the certificate of a server into whose words somebody slips bytes, and tells of them', async () => {
    await using server = await startSpeaking('imap', {}, { early: '* CAPABILITY\r\n' });
    const observation = await look(`imap://127.0.0.1:${server.port}`);
    expect(observation).toMatchObject({
      items: [{ der: serverLeaf.der }],
      problems: [
        { reason: 'injected', place: 'starttls', detail: expect.stringMatching(/^14 octets came in the clear/) },
      ],
    });
  });

  test('tells of a server without TLS that it has none', async () => {
    await using server = await startTcpServer((socket) => socket.once('data', () => socket.write('N')));
    const observation = await look(`postgres://127.0.0.1:${server.port}`);
    expect(observation).toMatchObject({
      items: [],
      problems: [{ reason: 'tls_not_offered', detail: expect.stringContaining('PostgreSQL but does not offer TLS') }],
      endpoint: { protocol: 'postgres', chain: [] },
    });
    expect(observation?.problems[0]).not.toHaveProperty('place');
  });

  test('asks a chat server for the domain that it is configured with', async () => {
    await using server = await startSpeaking('xmpp');
    const observation = await look(`xmpp://127.0.0.1:${server.port}`, { server_name: 'mail.example.com' });
    expect(observation).toMatchObject({ problems: [], endpoint: { serverName: 'mail.example.com' } });
  });

  test('looks at MySQL by the way that says farewell, and says why', async () => {
    await using server = await startSpeaking('mysql');
    const observation = await look(`mysql://127.0.0.1:${server.port}`, { handshake: 'early' });
    expect(observation?.endpoint).toMatchObject({ protocol: 'mysql', handshake: 'full', fallback: 'farewell' });
  });
});
