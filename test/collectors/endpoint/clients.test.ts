import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttps } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTls, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { fileFailure } from '../../../collectors/endpoint/bounded-file.ts';
import { endpoint } from '../../../collectors/endpoint/index.ts';
import { createInventoryIndex } from '../../../src/inventory/inventory-index.ts';
import { applyObservation } from '../../../src/inventory/record.ts';
import { createChains } from '../../../src/look/chains.ts';
import { createContext } from '../../../src/look/context.ts';
import { createNetwork } from '../../../src/network/create-network.ts';
import type { CollectorInstance } from '../../../src/plugin/collector.ts';
import type { Context } from '../../../src/plugin/context.ts';
import type { Observation } from '../../../src/plugin/observation.ts';
import { assess } from '../../../src/policy/assess.ts';
import { DEFAULT_POLICY } from '../../../src/policy/policy.ts';
import { collect, deafContext, NOTHING_KNOWN } from '../../contract/collector.ts';
import { clientIntermediate, clientRoot, clients } from '../../helpers/client-identities.ts';
import { byCertificate, startPostgres } from '../../helpers/fake-postgres.ts';
import { closedPort, startServer, type TestServer } from '../../helpers/loopback-servers.ts';
import { pkcs12 } from '../../helpers/pkcs12.ts';
import { createAuthority } from '../../helpers/pki.ts';
import { insistent, serverLeaf } from '../../helpers/rehearsal.ts';

const never = new AbortController().signal;
const DAY_MS = 86_400_000;
const { good, expired } = clients;

describe('the endpoint collector with clients', () => {
  let folder: string;
  let context: Context;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'notafter-clients-'));
    context = createContext({
      ...deafContext(),
      network: createNetwork(),
      environment: { KEY_PASSWORD: 'opensesame', UNSET: undefined },
    });
  });
  beforeEach(() => {
    put('good.pem', good.chainPem);
    put('good.key', good.certificate.keyPem);
    put('expired.pem', expired.chainPem);
    put('expired.key', expired.certificate.keyPem);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function put(name: string, content: string | Uint8Array): string {
    const file = join(folder, name);
    writeFileSync(file, content);
    return file;
  }

  function pemClient(name: 'good' | 'expired'): object {
    return { name, certificate_file: join(folder, `${name}.pem`), key_file: join(folder, `${name}.key`) };
  }

  async function open(options: object): Promise<CollectorInstance> {
    return endpoint.create(endpoint.options.parse(options), context);
  }

  async function lookWith(instance: CollectorInstance): Promise<Observation> {
    const [target] = await collect(instance.discover(never));
    const [observation] = await collect(instance.observe(target ?? { key: '', data: null }, NOTHING_KNOWN, never));
    if (observation === undefined) throw new Error('nothing was observed');
    return observation;
  }

  async function look(server: { readonly port: number }, options: object): Promise<Observation> {
    return lookWith(await open({ targets: [`127.0.0.1:${server.port}`], ...options }));
  }

  /** Lets in who has a valid certificate, and remembers who came how far. */
  async function startGate(): Promise<TestServer & { readonly seen: readonly (string | undefined)[] }> {
    const seen: (string | undefined)[] = [];
    const server = createHttps(insistent('TLSv1.3', { rejectUnauthorized: false }), (request, response) => {
      const socket = request.socket as TLSSocket;
      seen.push(socket.getPeerX509Certificate()?.subject);
      response.writeHead(socket.authorized ? 200 : 403).end();
    });
    return Object.assign(await startServer(server), { seen });
  }

  test('has a verdict for each client in order, and for nobody last', async () => {
    await using server = await startGate();

    const observation = await look(server, { clients: [pemClient('expired'), pemClient('good')] });

    expect(observation.endpoint?.verdicts).toEqual([
      {
        client: expired.certificate.fingerprint,
        name: 'expired',
        status: 'rejected',
        reason: 'http_403',
        evidence: 'HTTP 403 to HEAD /',
      },
      {
        client: good.certificate.fingerprint,
        name: 'good',
        status: 'accepted',
        reason: null,
        evidence: 'HTTP 200 to HEAD /',
      },
      { client: null, name: null, status: 'rejected', reason: 'http_403', evidence: 'HTTP 403 to HEAD /' },
    ]);
    expect(observation.problems).toEqual([]);
    expect(new Set(server.seen)).toEqual(new Set(['CN=expired', 'CN=good', undefined]));
    expect(server.seen).toHaveLength(3);
  });

  test('has a verdict of its own for each identity, also where two have one certificate', async () => {
    await using server = await startServer(createHttps(insistent('TLSv1.3'), (_, response) => response.end()));
    const alone = { ...pemClient('good'), name: 'alone', certificate_file: put('alone.pem', good.certificate.pem) };

    const observation = await look(server, { clients: [alone, pemClient('good')] });

    expect(observation.endpoint?.verdicts).toMatchObject([
      { client: good.certificate.fingerprint, name: 'alone', status: 'rejected' },
      { client: good.certificate.fingerprint, name: 'good', status: 'accepted' },
      { client: null, name: null, status: 'rejected' },
    ]);
  });

  test('shows the certificates of each client at a place of its own', async () => {
    await using server = await startGate();

    const observation = await look(server, { clients: [pemClient('good')] });

    const usedBy = [{ type: 'endpoint', id: `127.0.0.1:${server.port}` }];
    expect(observation.items).toEqual([
      expect.objectContaining({ der: serverLeaf.der, role: 'server' }),
      {
        kind: 'certificate',
        der: good.certificate.der,
        place: { key: 'client/good', index: 0 },
        role: 'client',
        usedBy,
        key: { at: join(folder, 'good.key'), match: 'yes' },
      },
      {
        kind: 'certificate',
        der: clientIntermediate.certificate.der,
        place: { key: 'client/good', index: 1 },
        role: 'intermediate',
        usedBy,
      },
    ]);
    expect(observation.endpoint?.chain).toEqual([serverLeaf.fingerprint]);
  });

  test('takes a keystore with a password from a file of several, or from the environment', async () => {
    await using server = await startGate();
    const chain = [good.certificate, clientIntermediate.certificate];
    const store = put('good.p12', pkcs12(chain, good.certificate.key, 'opensesame'));
    const passwords = put('passwords', 'first\r\nopensesame\nthird\n');
    const others = put('others', 'fourth\n');

    const observation = await look(server, {
      clients: [
        { name: 'one', pkcs12_file: store, password_file: passwords },
        { name: 'two', pkcs12_file: store, password: '${KEY_PASSWORD}' },
        { name: 'three', pkcs12_file: store, password_file: [others, passwords] },
      ],
    });

    expect(observation.problems).toEqual([]);
    expect(observation.endpoint?.verdicts.map(({ client, status }) => [client, status])).toEqual([
      [good.certificate.fingerprint, 'accepted'],
      [good.certificate.fingerprint, 'accepted'],
      [good.certificate.fingerprint, 'accepted'],
      [null, 'rejected'],
    ]);
    expect(observation.items.filter(({ role }) => role === 'client')).toHaveLength(3);
  });

  test('reads the files anew at each look', async () => {
    await using server = await startGate();
    const client = {
      name: 'rotated',
      certificate_file: put('r.pem', expired.chainPem),
      key_file: put('r.key', expired.certificate.keyPem),
    };
    const instance = await open({ targets: [`127.0.0.1:${server.port}`], clients: [client] });

    const before = await lookWith(instance);
    put('r.pem', good.chainPem);
    const between = await lookWith(instance);
    put('r.key', good.certificate.keyPem);
    const after = await lookWith(instance);

    expect(before.endpoint?.verdicts.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(between.endpoint?.verdicts.map(({ client: who }) => who)).toEqual([null]);
    expect(between.problems).toMatchObject([{ place: 'client/rotated', reason: 'malformed' }]);
    expect(after.endpoint?.verdicts.map(({ status }) => status)).toEqual(['accepted', 'rejected']);
  });

  describe('whose files are not as they should be', () => {
    const other = clientIntermediate.issue({ commonName: 'other' });
    const cases: readonly (readonly [string, () => object, string, RegExp])[] = [
      [
        'a certificate that is not there',
        () => ({ certificate_file: '/nowhere/c.pem', key_file: join(folder, 'good.key') }),
        'not_found',
        /^\/nowhere\/c\.pem does not exist/,
      ],
      [
        'a key that is not there',
        () => ({ certificate_file: join(folder, 'good.pem'), key_file: '/nowhere/k' }),
        'not_found',
        /^\/nowhere\/k does not exist/,
      ],
      [
        'a folder',
        () => ({ certificate_file: folder, key_file: join(folder, 'good.key') }),
        'unsupported',
        /not a regular file/,
      ],
      [
        'a broken certificate',
        () => ({
          certificate_file: put('b.pem', good.chainPem.replace(/\n.{20}/, '\nAAAA')),
          key_file: join(folder, 'good.key'),
        }),
        'malformed',
        /b\.pem cannot be read/,
      ],
      [
        'a key in place of a certificate',
        () => ({ certificate_file: join(folder, 'good.key'), key_file: join(folder, 'good.key') }),
        'empty',
        /holds no certificate/,
      ],
      [
        'a key of another',
        () => ({ certificate_file: join(folder, 'good.pem'), key_file: put('o.key', other.keyPem) }),
        'malformed',
        /o\.key does not belong to the client certificate/,
      ],
      [
        'a keystore without its password',
        () => ({ pkcs12_file: put('x.p12', pkcs12([good.certificate], good.certificate.key, 'opensesame')) }),
        'wrong_password',
        /x\.p12 needs a password/,
      ],
      [
        'a wrong password',
        () => ({
          pkcs12_file: put('x.p12', pkcs12([good.certificate], good.certificate.key, 'opensesame')),
          password_file: put('pw', 'no\n'),
        }),
        'wrong_password',
        /x\.p12 cannot be opened/,
      ],
      [
        'a password that is not there',
        () => ({ pkcs12_file: put('x.p12', 'x'), password_file: '/nowhere/pw' }),
        'not_found',
        /the password is missing: .*\/nowhere\/pw/,
      ],
      [
        'a password that is not set',
        () => ({ pkcs12_file: put('x.p12', 'x'), password: '${UNSET}' }),
        'empty',
        /UNSET is not set/,
      ],
      [
        'something that is no keystore',
        () => ({ pkcs12_file: put('x.p12', 'x') }),
        'malformed',
        /is not a PKCS#12 keystore/,
      ],
      [
        'a file that is far too large',
        () => ({ pkcs12_file: put('big.p12', Buffer.alloc(1024 * 1024 + 1)) }),
        'too_large',
        /larger/,
      ],
    ];

    test.each(cases)('tells of %s, and looks all the same', async (_what, client, reason, detail) => {
      await using server = await startGate();

      const observation = await look(server, { clients: [{ name: 'bad', ...client() }, pemClient('good')] });

      expect(observation.problems).toEqual([{ reason, place: 'client/bad', detail: expect.stringMatching(detail) }]);
      expect(observation.items[0]).toMatchObject({ role: 'server' });
      expect(observation.endpoint?.verdicts.map(({ client: who, status }) => [who, status])).toEqual([
        [good.certificate.fingerprint, 'accepted'],
        [null, 'rejected'],
      ]);
      expect(JSON.stringify(observation.problems)).not.toContain('opensesame');
    });

    test('tells of a key that may not be read', () => {
      const refusal = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
      expect(fileFailure(refusal, '/k')).toEqual({
        reason: 'permission_denied',
        detail: '/k cannot be read: permission denied; allow the user of notafter to read it',
      });
    });

    test('still shows a certificate whose key is at fault, and says so', async () => {
      await using server = await startGate();
      const observation = await look(server, {
        clients: [{ name: 'bad', certificate_file: join(folder, 'good.pem'), key_file: put('o.key', other.keyPem) }],
      });
      expect(observation.items.filter(({ place }) => place.key === 'client/bad')).toMatchObject([
        { role: 'client', key: { match: 'no' } },
        { role: 'intermediate' },
      ]);
    });
  });

  test('shows the clients of a server that cannot be reached, without a verdict', async () => {
    const port = await closedPort();
    const observation = await look({ port }, { clients: [pemClient('good')] });
    expect(observation.problems).toMatchObject([{ reason: 'refused' }]);
    expect(observation.items.map(({ role }) => role)).toEqual(['client', 'intermediate']);
    expect(observation.endpoint?.verdicts).toEqual([]);
  });

  test('without clients logs in only where something is configured to be asked', async () => {
    await using server = await startGate();
    expect((await look(server, {})).endpoint?.verdicts).toEqual([]);
    expect(server.seen).toEqual([]);
    expect((await look(server, { rehearse: { http: { path: '/' } } })).endpoint?.verdicts).toEqual([
      { client: null, name: null, status: 'rejected', reason: 'http_403', evidence: 'HTTP 403 to GET /' },
    ]);
  });

  test('asks what it is told to ask', async () => {
    const asked: (string | undefined)[] = [];
    await using server = await startServer(
      createHttps(insistent('TLSv1.3'), (request, response) => {
        asked.push(`${request.method} ${request.url}`);
        response.writeHead(418).end();
      }),
    );
    const rehearse = { http: { method: 'GET', path: '/status', expect: [200] } };
    const observation = await look(server, { clients: [pemClient('good')], rehearse });
    expect(asked).toEqual(['GET /status']);
    expect(observation.endpoint?.verdicts.map(({ reason }) => reason)).toEqual(['http_418', 'certificate_required']);
  });

  test.each(['hello', 'full'])(
    'begins TLS as PostgreSQL wants it when that is asked, with the handshake %s',
    async (handshake) => {
      await using server = await startPostgres('TLSv1.3', byCertificate);
      const rehearse = { postgres: { user: 'billing', database: 'ledger' } };

      const observation = await look(server, { clients: [pemClient('good')], rehearse, handshake });

      expect(observation.problems).toEqual([]);
      expect(observation.endpoint).toMatchObject({
        chain: [serverLeaf.fingerprint],
        verdicts: [{ status: 'accepted' }, { client: null, status: 'rejected', reason: 'postgres_28000' }],
      });
      expect(server.logins).toHaveLength(2);
    },
  );

  test.each<[string, object, RegExp]>([
    ['a client without a certificate', { clients: [{ name: 'a' }] }, /give either/],
    ['a certificate without a key', { clients: [{ name: 'a', certificate_file: 'c' }] }, /go together/],
    ['both kinds', { clients: [{ name: 'a', certificate_file: 'c', key_file: 'k', pkcs12_file: 'p' }] }, /give either/],
    [
      'two clients of one name',
      {
        clients: [
          { name: 'a', pkcs12_file: 'p' },
          { name: 'a', pkcs12_file: 'q' },
        ],
      },
      /another client named a/,
    ],
    ['a name that is no place', { clients: [{ name: 'a/b', pkcs12_file: 'p' }] }, /letters, digits/],
    [
      'a password in the config',
      { clients: [{ name: 'a', pkcs12_file: 'p', password: 'opensesame' }] },
      /not written into the config/,
    ],
    ['two passwords', { clients: [{ name: 'a', pkcs12_file: 'p', password: '${A}', password_file: 'f' }] }, /not both/],
    ['a path that breaks the request', { rehearse: { http: { path: '/a b\r\nX: y' } } }, /Invalid input|path/],
    ['a method of its own', { rehearse: { http: { method: 'CONNECT', path: '/' } } }, /Invalid/],
    ['two requests', { rehearse: { http: { path: '/' }, grpc: {} } }, /Invalid|Unrecognized/],
  ])('refuses %s', (_what, options, message) => {
    const { error } = endpoint.options.safeParse({ targets: ['a.example'], ...options });
    expect(error?.message).toMatch(message);
  });

  describe('in the inventory', () => {
    const trust = { mozilla: [], system: [] };

    test('adds nothing to the chain that was served, and is judged by its own end', async () => {
      // Server and client of one private PKI: the client sends the very intermediate that the server serves.
      const intermediate = createAuthority({ name: 'Shared', parent: clientRoot });
      const server = intermediate.issue({ commonName: 'server', names: ['localhost'] });
      const ending = intermediate.issue({
        commonName: 'ending',
        notBefore: new Date(Date.now() - 60 * DAY_MS),
        notAfter: new Date(Date.now() + 2 * DAY_MS),
      });
      await using gate = await startServer(
        createTls(insistent('TLSv1.3', { key: server.keyPem, cert: server.chainPem, crl: [] as string[] }), (socket) =>
          socket.resume(),
        ),
      );
      const client = {
        name: 'ending',
        certificate_file: put('e.pem', ending.chainPem),
        key_file: put('e.key', ending.keyPem),
      };

      const observation = await look(gate, { clients: [client] });
      const meta = {
        source: 's',
        type: 'endpoint',
        target: 't',
        labels: {},
        chains: createChains(() => trust, { now: Date.now }).finder(),
      };
      const now = Date.now();
      const { location } = applyObservation(undefined, observation, meta, now);
      const view = {
        ...createInventoryIndex(),
        isPublicRoot: () => false,
        hasPublicIssuer: () => false,
        intervalMs: () => undefined,
        facts: () => [],
      };
      const { findings } = assess(location, view, DEFAULT_POLICY, now);

      expect(location.chain?.leaf.by).toBe(server.fingerprint);
      expect(location.chain?.effective.by).not.toBe(ending.fingerprint);
      expect(location.sightings.map(({ place, role }) => [place, role])).toEqual([
        ['chain', 'server'],
        ['chain', 'intermediate'],
        ['client/ending', 'client'],
        ['client/ending', 'intermediate'],
      ]);
      const about = findings.filter(({ family }) => family === 'expiry');
      expect(about.map(({ severity, cause }) => [severity, cause])).toEqual([['critical', ending.fingerprint]]);
      expect(location.endpoint?.verdicts.map(({ client: who, status }) => [who, status])).toEqual([
        [ending.fingerprint, 'accepted'],
        [null, 'rejected'],
      ]);
    });

    test('judges one certificate for both sides as a leaf, and not as an authority of its own chain', async () => {
      const both = clientIntermediate.issue({ commonName: 'both', notAfter: new Date(Date.now() + 60 * DAY_MS) });
      await using gate = await startServer(
        createTls(insistent('TLSv1.3', { key: both.keyPem, cert: both.chainPem }), (socket) => socket.resume()),
      );
      const client = {
        name: 'both',
        certificate_file: put('m.pem', both.chainPem),
        key_file: put('m.key', both.keyPem),
      };

      const observation = await look(gate, { clients: [client] });
      const meta = {
        source: 's',
        type: 'endpoint',
        target: 't',
        labels: {},
        chains: createChains(() => trust, { now: Date.now }).finder(),
      };
      const { location } = applyObservation(undefined, observation, meta, Date.now());
      const view = {
        ...createInventoryIndex(),
        isPublicRoot: () => false,
        hasPublicIssuer: () => false,
        intervalMs: () => undefined,
        facts: () => [],
      };

      expect(
        assess(location, view, DEFAULT_POLICY, Date.now()).findings.filter(({ family }) => family === 'expiry'),
      ).toEqual([]);
    });
  });
});
