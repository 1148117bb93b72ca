import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { endpoint } from '../../../collectors/endpoint/index.ts';
import { createNetwork } from '../../../src/network/create-network.ts';
import type { Context } from '../../../src/plugin/context.ts';
import type { Observation } from '../../../src/plugin/observation.ts';
import { collect, deafContext, NOTHING_KNOWN } from '../../contract/collector.ts';
import { createAuthority, selfSigned } from '../../helpers/pki.ts';
import { handshakeMessage, serveTls12, tls12Flight, tls12List } from '../../helpers/raw-tls.ts';
import { serveTls13Peer, tls13List, VERIFY } from '../../helpers/tls13-peer.ts';
import { closedPort, startSilentServer, startTcpServer, startTlsServer } from '../../helpers/loopback-servers.ts';

const never = new AbortController().signal;
const root = createAuthority({ name: 'Root' });
const intermediate = createAuthority({ name: 'Intermediate', parent: root });
const leaf = intermediate.issue({ names: ['pay.example'] });
const rsa = selfSigned({ names: ['pay.example'], keyType: 'rsa' });

describe('the endpoint collector', () => {
  let folder: string;
  let context: Context;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'notafter-endpoint-'));
    writeFileSync(join(folder, 'hosts'), '127.0.0.1 pay.example two.example\n127.0.0.2 two.example\n');
    writeFileSync(join(folder, 'resolv.conf'), '');
    context = {
      ...deafContext(),
      network: createNetwork({
        hostsFile: join(folder, 'hosts'),
        resolvConf: join(folder, 'resolv.conf'),
        nameServers: ['127.0.0.1:1'],
      }),
    };
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** One look at every target. */
  async function look(options: { targets: readonly string[]; [option: string]: unknown }): Promise<Observation[]> {
    const instance = await endpoint.create(endpoint.options.parse(options), context);
    const observations: Observation[] = [];
    for (const target of await collect(instance.discover(never))) {
      observations.push(...(await collect(instance.observe(target, NOTHING_KNOWN, never))));
    }
    return observations;
  }

  test('shows what a server serves, with roles, figures of the handshake and the exact list', async () => {
    await using server = await startTlsServer({
      key: leaf.keyPem,
      cert: leaf.chainPem + root.certificate.pem + leaf.pem,
      ca: root.certificate.pem,
      requestCert: true,
      rejectUnauthorized: false,
      ALPNProtocols: ['h2'],
      maxVersion: 'TLSv1.3',
    });

    const observations = await look({ targets: [`pay.example:${server.port}`] });

    expect(observations).toEqual([
      {
        location: `pay.example:${server.port}@127.0.0.1`,
        items: [
          { kind: 'certificate', der: leaf.der, place: { key: 'chain', index: 0 }, role: 'server' },
          {
            kind: 'certificate',
            der: intermediate.certificate.der,
            place: { key: 'chain', index: 1 },
            role: 'intermediate',
          },
          { kind: 'certificate', der: root.certificate.der, place: { key: 'chain', index: 2 }, role: 'trust-anchor' },
        ],
        problems: [],
        endpoint: {
          address: '127.0.0.1',
          port: server.port,
          serverName: 'pay.example',
          handshake: 'hello',
          tlsVersion: '1.3',
          cipher: expect.stringMatching(/^TLS_/),
          alpn: 'h2',
          requestsClientCertificate: true,
          chain: [leaf, intermediate.certificate, root.certificate, leaf].map(({ fingerprint }) => fingerprint),
          acceptableIssuers: ['CN=Root'],
          verdicts: [],
          group: 'X25519',
          transcript: expect.arrayContaining([
            'Probe, hello handshake:',
            '< Finished (20)',
            '> Certificate (11): none',
          ]),
        },
      },
    ]);
    expect(server.serverNames).toEqual(['pay.example']);
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'has no problem with a server that refuses us over %s',
    async (version) => {
      await using server = await startTlsServer({
        key: leaf.keyPem,
        cert: leaf.chainPem,
        ca: root.certificate.pem,
        requestCert: true,
        rejectUnauthorized: true,
        minVersion: version,
        maxVersion: version,
      });
      const [observation] = await look({ targets: [`127.0.0.1:${server.port}`] });
      expect(observation).toMatchObject({ problems: [], endpoint: { requestsClientCertificate: true } });
      expect(observation?.items).toHaveLength(2);
    },
  );

  describe.each(['hello', 'full'])('with the handshake %s', (handshake) => {
    test('tells whether the server holds the key of what it shows, where that is asked', async () => {
      await using honest = await startTlsServer({ key: leaf.keyPem, cert: leaf.pem });
      const messages = [handshakeMessage(11, tls13List([leaf.der])), VERIFY];
      await using impostor = await startTcpServer(serveTls13Peer({ messages }));
      const targets = [honest, impostor].map(({ port }) => `127.0.0.1:${port}`);

      const asked = await look({ targets, handshake, verify_possession: true });
      const unasked = await look({ targets, handshake });

      expect(asked.map((observation) => observation.endpoint?.possession)).toEqual(['proven', 'failed']);
      expect(asked.flatMap(({ problems }) => problems)).toEqual([]);
      expect(unasked.map((observation) => observation.endpoint?.possession)).toEqual([undefined, undefined]);
    });
  });

  test('says which group agreed on the keys, and why it was looked at another way', async () => {
    const ciphers = 'AES128-SHA:@SECLEVEL=0';
    const old = { key: rsa.keyPem, cert: rsa.pem, maxVersion: 'TLSv1.2', ciphers } as const;
    await using server = await startTlsServer(old);
    await using modern = await startTlsServer({ key: leaf.keyPem, cert: leaf.pem, ecdhCurve: 'P-384' });

    const [first, second] = await look({ targets: [server, modern].map(({ port }) => `127.0.0.1:${port}`) });

    expect(first?.endpoint).toMatchObject({ handshake: 'full', fallback: 'alert_40' });
    expect(first?.endpoint).not.toHaveProperty('group');
    expect(second?.endpoint).toMatchObject({ handshake: 'hello', group: 'P-384' });
    expect(second?.endpoint).not.toHaveProperty('fallback');
  });

  test('looks at every address of a name, each a location of its own', async () => {
    const other = intermediate.issue({ names: ['two.example'] });
    await using first = await startTlsServer({ key: leaf.keyPem, cert: leaf.pem });
    await using second = await startTlsServer(
      { key: other.keyPem, cert: other.pem },
      { host: '127.0.0.2', port: first.port },
    );

    const observations = await look({ targets: [`two.example:${second.port}`] });

    expect(observations.map(({ location, endpoint: facts }) => [location, facts?.chain])).toEqual([
      [`two.example:${first.port}@127.0.0.1`, [leaf.fingerprint]],
      [`two.example:${first.port}@127.0.0.2`, [other.fingerprint]],
    ]);
  });

  test('reports the address that fails beside the one that does not', async () => {
    await using server = await startTlsServer({ key: leaf.keyPem, cert: leaf.pem });

    const [good, bad] = await look({ targets: [`two.example:${server.port}`] });

    expect([good?.items.length, good?.problems]).toEqual([1, []]);
    expect(bad).toEqual({
      location: `two.example:${server.port}@127.0.0.2`,
      items: [],
      problems: [
        {
          reason: 'refused',
          detail: `two.example: 127.0.0.2 port ${server.port} refused the connection; check that the service runs there and listens on this port`,
        },
      ],
      endpoint: expect.objectContaining({ address: '127.0.0.2', chain: [], acceptableIssuers: [] }),
    });
  });

  test('looks at no more addresses than it may, and at the same ones though their order changes', async () => {
    const port = await closedPort();
    const addresses = Array.from({ length: 30 }, (_value, index) => ({
      address: `127.0.1.${index}`,
      family: 4 as const,
    }));
    const orders = [addresses, addresses.toReversed()];
    const network = { ...context.network, resolve: () => Promise.resolve(orders.pop() ?? []) };
    const options = endpoint.options.parse({ targets: [`many.example:${port}`], max_addresses: 5 });
    const instance = await endpoint.create(options, { ...context, network });
    const target = { key: 'many', data: { host: 'many.example', port } };

    const one = await collect(instance.observe(target, NOTHING_KNOWN, never));
    const again = await collect(instance.observe(target, NOTHING_KNOWN, never));

    expect(one).toHaveLength(5);
    expect(again.map(({ location }) => location)).toEqual(one.map(({ location }) => location));
  });

  test.each([
    ['127.0.0.1', '127.0.0.1'],
    ['::1', '[::1]'],
  ])('names the location of the literal address %s and asks for no name there', async (host, written) => {
    await using server = await startTlsServer({ key: leaf.keyPem, cert: leaf.pem }, { host });
    const [observation] = await look({ targets: [`${written}:${server.port}`] });
    expect(observation?.location).toBe(`${written}:${server.port}@${written}`);
    expect(observation?.endpoint?.serverName).toBeUndefined();
    expect(server.serverNames).toEqual([false]);
  });

  test('asks for the configured name', async () => {
    await using server = await startTlsServer({ key: leaf.keyPem, cert: leaf.pem });
    const [observation] = await look({ targets: [`127.0.0.1:${server.port}`], server_name: 'bücher.example' });
    expect(observation?.endpoint?.serverName).toBe('xn--bcher-kva.example');
    expect(server.serverNames).toEqual(['xn--bcher-kva.example']);
  });

  test('reports the entry of a list that is no certificate, and keeps the others', async () => {
    const good = selfSigned();
    const flight = tls12Flight(tls12List([good.der, Buffer.from('no certificate'), root.certificate.der]));
    await using server = await startTcpServer(serveTls12(flight));

    const [observation] = await look({ targets: [`127.0.0.1:${server.port}`], timeout: '3s' });

    expect(observation?.items.map(({ place }) => place.index)).toEqual([0, 2]);
    expect(observation?.problems).toEqual([
      {
        reason: 'malformed',
        place: 'chain/1',
        detail: expect.stringMatching(/^entry 1 of the served list is no certificate that can be read: /),
      },
    ]);
    expect(observation?.endpoint?.chain).toHaveLength(3);
  });

  test('reports a list that is too long for it', async () => {
    const flight = tls12Flight(tls12List(Array.from({ length: 101 }, () => root.certificate.der)));
    await using server = await startTcpServer(serveTls12(flight));
    const [observation] = await look({ targets: [`127.0.0.1:${server.port}`], timeout: '3s' });
    expect(observation?.problems).toEqual([
      { reason: 'too_large', place: 'chain', detail: 'the server sent 101 certificates; the first 100 were read' },
    ]);
  });

  test('is done by its deadline with a server that says nothing', async () => {
    await using server = await startSilentServer();
    const startedAt = performance.now();
    const [observation] = await look({ targets: [`127.0.0.1:${server.port}`], timeout: '300ms' });
    expect(performance.now() - startedAt).toBeLessThan(550);
    expect(observation?.problems).toEqual([{ reason: 'timeout', detail: expect.stringContaining('sent nothing') }]);
  });

  test.each([
    ['nowhere.example', /^nowhere\.example could not be resolved: the name servers could not be contacted/],
    ['2130706433', /^"2130706433" is not a host name/],
    ['0x7f.1', /^"0x7f\.1" is not a host name/],
    ['127.1', /is not a host name, and not an address in the usual form/],
  ])('fails as a whole when %s cannot be resolved', async (host, message) => {
    await expect(look({ targets: [`${host}:443`] })).rejects.toMatchObject({
      name: 'CollectError',
      reason: 'dns',
      message: expect.stringMatching(message),
    });
  });

  test('throws the reason of a stop, and not a failure of the target', async () => {
    await using server = await startSilentServer();
    const instance = await endpoint.create(endpoint.options.parse({ targets: [`127.0.0.1:${server.port}`] }), context);
    const [target] = await collect(instance.discover(never));
    const controller = new AbortController();
    const stop = new Error('stopping');
    setImmediate(() => controller.abort(stop));
    await expect(
      collect(instance.observe(target ?? { key: '', data: null }, NOTHING_KNOWN, controller.signal)),
    ).rejects.toBe(stop);
  });

  test('gives one target for each host and port, however often it is written', async () => {
    const instance = await endpoint.create(
      endpoint.options.parse({
        targets: ['a.example', 'https://A.example/x', 'a.example:443', '[::1]:1', 'a.example:444'],
      }),
      context,
    );
    expect((await collect(instance.discover(never))).map(({ key }) => key)).toEqual([
      'a.example:443',
      '[::1]:1',
      'a.example:444',
    ]);
  });
});
