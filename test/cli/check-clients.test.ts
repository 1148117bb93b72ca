import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttps } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { prepareRehearsal, type RehearsalFlags } from '../../collectors/endpoint/check-options.ts';
import { createContext } from '../../src/look/context.ts';
import { deafContext } from '../contract/collector.ts';
import { linesOf, runCli } from '../helpers/cli.ts';
import { clientIntermediate, clients } from '../helpers/client-identities.ts';
import { startServer, type TestServer } from '../helpers/loopback-servers.ts';
import { pkcs12 } from '../helpers/pkcs12.ts';
import { insistent } from '../helpers/rehearsal.ts';

const { good, expired } = clients;
const folder = mkdtempSync(join(tmpdir(), 'notafter-check-clients-'));
const other = clientIntermediate.issue({ commonName: 'other' });

function put(name: string, content: string | Uint8Array): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
}

const goodPem = put('good.pem', good.chainPem);
const goodKey = put('good.key', good.certificate.keyPem);
const expiredPem = put('expired.pem', expired.chainPem);
const expiredKey = put('expired.key', expired.certificate.keyPem);
const otherKey = put('other.key', other.keyPem);
const otherStore = put('other.p12', pkcs12([other, clientIntermediate.certificate], other.key, 'opensesame'));
const lockedKey = put(
  'locked.key',
  good.certificate.key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'opensesame' }),
);
const nothing = put('nothing.pem', '');
const password = put('password', 'opensesame\n');
const wrong = put('wrong', 'guess\n');

/** Lets in who has a valid certificate, and counts who connects. */
let gate: TestServer;
let connections = 0;

beforeAll(async () => {
  const server = createHttps(insistent('TLSv1.3', { rejectUnauthorized: false }), (request, response) => {
    response.writeHead((request.socket as TLSSocket).authorized ? 200 : 403).end();
  });
  server.on('connection', () => {
    connections++;
  });
  gate = await startServer(server);
});
afterAll(async () => {
  await gate[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const FAULTS: readonly (readonly [string, RehearsalFlags, string, RegExp])[] = [
  ['a certificate that is not there', pem('/nope.pem', goodKey), '/nope.pem', /does not exist; check the path/],
  ['a key that is not there', pem(goodPem, '/nope.key'), '/nope.key', /does not exist; check the path/],
  ['a key of another', pem(goodPem, otherKey), otherKey, /does not belong .*--client-key takes/],
  ['an empty certificate', pem(nothing, goodKey), nothing, /--client-cert takes/],
  ['an empty key', pem(goodPem, nothing), nothing, /no private key .*--client-key takes/],
  ['a folder', pem(folder, goodKey), folder, /not a regular file; name the file itself/],
  ['a locked key', pem(goodPem, lockedKey), lockedKey, /no password is given; give .* by --password-file/],
  [
    'a locked key with a wrong password',
    { ...pem(goodPem, lockedKey), passwordFile: [wrong] },
    lockedKey,
    /cannot be opened.*the right password by --password-file/,
  ],
  ['a keystore without a password', { clientPkcs12: [otherStore] }, otherStore, /needs a password.*--password-file/],
  [
    'a keystore with a wrong password',
    { clientPkcs12: [otherStore], passwordFile: [wrong] },
    otherStore,
    /cannot be opened.*the right password by --password-file/,
  ],
  ['a PEM file as a keystore', { clientPkcs12: [goodPem] }, goodPem, /not a PKCS#12 keystore.*--client-cert/],
  [
    'the second of two',
    { clientCert: [goodPem, expiredPem], clientKey: [goodKey, otherKey] },
    otherKey,
    /does not belong to the client certificate/,
  ],
  ['fewer keys than certificates', { clientCert: [goodPem] }, '--client-key', /1 of the one and 0 of the other/],
  ['a password file that nobody needs', { passwordFile: ['/nope'] }, '/nope', /cannot be read .*--password-file/],
  ['a method that is none', { request: 'FROB /' }, '--request', /takes a method and a path/],
];

test.each(FAULTS)(
  '%s is refused with a text that names it and says what to do',
  async (_what, flags, named, message) => {
    const context = createContext({ ...deafContext(), environment: {} });
    const refusal: unknown = await prepareRehearsal(flags, context, new AbortController().signal).catch(
      (error: unknown) => error,
    );

    const text = refusal instanceof Error ? refusal.message : '';
    expect(text).toMatch(message);
    expect(text).toContain(named);
    expect(text).not.toMatch(/\n|opensesame|guess/);
  },
);

test.each<RehearsalFlags>([
  pem('/nope.pem', '/nope.key'),
  { clientPkcs12: [otherStore], passwordFile: [wrong] },
  { passwordFile: ['/nope'] },
])('check ends in that one line, before anything is looked at: %j', async (flags) => {
  const before = connections;
  const ran = await runCli(['check', `127.0.0.1:${gate.port}`, '--json', ...words(flags)]);

  expect(ran).toMatchObject({ exitCode: 3, stdout: '' });
  expect(linesOf(ran)).toEqual([expect.stringMatching(/^notafter: .*(?:\/nope|other\.p12)/)]);
  expect(connections).toBe(before);
});

test('several identities are tried in the order given, keystores after the rest, and nobody last', async () => {
  const ran = await runCli([
    'check',
    '--json',
    `127.0.0.1:${gate.port}`,
    ...words({ clientPkcs12: [otherStore], passwordFile: [wrong, password] }),
    ...words({ clientCert: [expiredPem, goodPem], clientKey: [expiredKey, lockedKey] }),
  ]);

  expect(ran.stderr).toBe('');
  const { locations, certificates } = JSON.parse(ran.stdout) as {
    locations: readonly { endpoint: { verdicts: readonly { client: string | null; status: string }[] } }[];
    certificates: readonly { role: string; place: string }[];
  };
  expect(locations[0]?.endpoint.verdicts.map(({ client, status }) => [client, status])).toEqual([
    [expired.certificate.fingerprint, 'rejected'],
    [good.certificate.fingerprint, 'accepted'],
    [other.fingerprint, 'accepted'],
    [null, 'rejected'],
  ]);
  expect(certificates.filter(({ role }) => role === 'client').map(({ place }) => place)).toEqual([
    'client/expired',
    'client/good',
    'client/other',
  ]);
});

function pem(certificate: string, key: string): RehearsalFlags {
  return { clientCert: [certificate], clientKey: [key] };
}

/** The flags as they are typed. */
function words({ clientCert = [], clientKey = [], clientPkcs12 = [], passwordFile = [] }: RehearsalFlags): string[] {
  return [
    ...clientCert.flatMap((file) => ['--client-cert', file]),
    ...clientKey.flatMap((file) => ['--client-key', file]),
    ...clientPkcs12.flatMap((file) => ['--client-pkcs12', file]),
    ...passwordFile.flatMap((file) => ['--password-file', file]),
  ];
}
