import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createServer } from 'node:tls';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { endpoint } from '../../../collectors/endpoint/index.ts';
import { createNetwork } from '../../../src/network/create-network.ts';
import type { Staple } from '../../../src/plugin/observation.ts';
import { collect, deafContext, NOTHING_KNOWN } from '../../contract/collector.ts';
import { startServer } from '../../helpers/loopback-servers.ts';
import { createOcspResponse, type OcspOptions } from '../../helpers/ocsp.ts';
import { createAuthority } from '../../helpers/pki.ts';

const HOUR = 3_600_000;
const never = new AbortController().signal;
const root = createAuthority({ name: 'Root' });
const authority = createAuthority({ name: 'Issuing CA', parent: root });
const leaf = authority.issue({ names: ['localhost'], mustStaple: true });
const other = authority.issue({ names: ['other.example'] });
const stranger = createAuthority({ name: 'Issuing CA' });
const responder = authority.issue({ names: [], commonName: 'Responder', extendedKeyUsage: ['1.3.6.1.5.5.7.3.9'] });

describe('the staple of a server', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'notafter-staple-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** What a look at a real server that staples these bytes finds. */
  async function look(
    staple: Uint8Array | null,
    server: { cert?: string; maxVersion?: 'TLSv1.2'; handshake?: string } = {},
  ): Promise<Staple | undefined> {
    const { handshake = 'hello', ...tls } = server;
    const tlsServer = createServer({ key: leaf.keyPem, cert: leaf.chainPem, ...tls }, (socket) => socket.resume());
    tlsServer.on('tlsClientError', () => undefined);
    tlsServer.on('OCSPRequest', (_certificate, _issuer, answer) => {
      answer(null, staple === null ? Buffer.alloc(0) : Buffer.from(staple));
    });
    await using running = await startServer(tlsServer);
    const network = createNetwork({
      hostsFile: path.join(folder, 'hosts'),
      resolvConf: path.join(folder, 'resolv.conf'),
    });
    const options = endpoint.options.parse({ targets: [`127.0.0.1:${running.port}`], handshake });
    const instance = await endpoint.create(options, { ...deafContext(), clock: { now: Date.now }, network });
    const [target] = await collect(instance.discover(never));
    if (target === undefined) throw new Error('no target');
    const [observation] = await collect(instance.observe(target, NOTHING_KNOWN, never));
    expect(observation?.endpoint?.chain).not.toEqual([]);
    return observation?.endpoint?.staple;
  }

  const past = new Date(Math.floor(Date.now() / 1000) * 1000 - HOUR);
  test.each<[string, OcspOptions, Partial<Staple>]>([
    ['good', {}, { status: 'good', nextUpdateAt: expect.any(Number) as number }],
    ['revoked', { status: 'revoked', revokedAt: past }, { status: 'revoked', revokedAt: past.getTime() }],
    ['unknown to its responder', { status: 'unknown' }, { status: 'unknown' }],
    ['good but out of date', { nextUpdate: past }, { status: 'good', nextUpdateAt: past.getTime() }],
    ['good by a delegated responder', { signer: responder }, { status: 'good' }],
    ['signed by a stranger', { signer: stranger.certificate }, { status: 'invalid' }],
    [
      'an error of the responder',
      { failure: 6 },
      { status: 'invalid', problem: 'the responder answered unauthorized' },
    ],
  ])('%s', async (_, options, expected) => {
    const staple = createOcspResponse(authority, leaf, options);
    expect(await look(staple)).toMatchObject(expected);
  });

  test('reads the same by TLS 1.2', async () => {
    expect(await look(createOcspResponse(authority, leaf), { maxVersion: 'TLSv1.2' })).toMatchObject({
      status: 'good',
    });
  });

  test('about another certificate is invalid', async () => {
    expect(await look(createOcspResponse(authority, other))).toEqual({
      status: 'invalid',
      problem: 'it is about another certificate',
    });
  });

  test('that is no OCSP response is invalid', async () => {
    expect(await look(Buffer.from('ready'))).toMatchObject({
      status: 'invalid',
      problem: expect.stringMatching(/^not an/),
    });
  });

  test('cannot be judged where the server sends no issuer', async () => {
    expect(await look(createOcspResponse(authority, leaf), { cert: leaf.pem })).toMatchObject({ status: 'unknown' });
  });

  test('is absent where there is none', async () => {
    expect(await look(null)).toBeUndefined();
  });
});
