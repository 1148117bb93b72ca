import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request, type RequestOptions } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TLSSocket } from 'node:tls';

import { Hono } from 'hono';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createApp } from '../../src/web/app.ts';
import type { WebParts } from '../../src/web/parts.ts';
import { listen, type TlsFiles } from '../../src/web/server.ts';
import { eventually } from '../helpers/eventually.ts';
import { createAuthority } from '../helpers/pki.ts';
import { openGate } from '../helpers/web-stage.ts';

describe('by TLS', () => {
  const authority = createAuthority({ name: 'Page CA' });
  const issue = (name: string, client = false) =>
    authority.issue({
      commonName: name,
      names: client ? [name] : ['localhost', '127.0.0.1'],
      ...(client ? { extendedKeyUsage: ['clientAuth'] } : {}),
    });
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'notafter-page-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function write(certificate: ReturnType<typeof issue>): TlsFiles {
    writeFileSync(path.join(folder, 'cert.pem'), certificate.chainPem);
    writeFileSync(path.join(folder, 'key.pem'), certificate.keyPem);
    writeFileSync(path.join(folder, 'ca.pem'), authority.certificate.pem);
    return {
      certificateFile: path.join(folder, 'cert.pem'),
      keyFile: path.join(folder, 'key.pem'),
      minVersion: 'TLSv1.2',
    };
  }

  /** The subject that is served, and the status of the answer; or the error. */
  async function get(url: string, options: RequestOptions = {}): Promise<readonly [string, number] | string> {
    const { promise, resolve } = Promise.withResolvers<readonly [string, number] | string>();
    const asked = request(url, { ca: authority.certificate.pem, agent: false, ...options }, (answer) => {
      const subject = (answer.socket as TLSSocket).getPeerX509Certificate()?.subject ?? '';
      answer.resume().on('end', () => resolve([subject, answer.statusCode ?? 0]));
    });
    asked.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message)).end();
    return promise;
  }

  it('serves its certificate, and the new one as soon as it lies there', async () => {
    const app = new Hono().get('/', (context) => context.text('here'));
    const errors: unknown[] = [];
    const tls = write(issue('first'));
    const server = await listen(app, '127.0.0.1', 0, { tls, tlsCheckMs: 5, onTlsError: (error) => errors.push(error) });
    try {
      expect(server.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
      expect(await get(server.url)).toEqual(['CN=first', 200]);
      expect(await get(server.url, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'ALL:@SECLEVEL=0' })).toMatch(
        /^(?:EPROTO|ERR_SSL|ECONNRESET)/,
      );
      writeFileSync(tls.certificateFile, 'broken');
      await eventually('the broken certificate is told of', () => errors.length > 0 || undefined);
      expect(await get(server.url)).toEqual(['CN=first', 200]);
      write(issue('second'));
      await eventually(
        'the new certificate is served',
        async () => (await get(server.url))[0] === 'CN=second' || undefined,
      );
    } finally {
      await server.close();
    }
  });

  it('lets in clients with a certificate of the CA alone, and only names that are allowed', async () => {
    const tls = { ...write(issue('page')), clientAuthorityFile: path.join(folder, 'ca.pem') };
    const app = createApp({
      version: '1',
      headers: () => new Map(),
      gate: openGate({ now: () => 0 }, { hasClientCertificates: true, clientNames: ['anna.example.com'] }),
      notReady: () => [],
    } as unknown as WebParts);
    const server = await listen(app, '127.0.0.1', 0, { tls });
    const as = (one: ReturnType<typeof issue>) => get(`${server.url}/openapi.json`, { cert: one.pem, key: one.keyPem });
    try {
      expect(await as(issue('anna.example.com', true))).toEqual(['CN=page', 200]);
      expect(await as(issue('otto.example.com', true))).toEqual(['CN=page', 403]);
      expect(typeof (await get(`${server.url}/openapi.json`))).toBe('string');
      const stranger = createAuthority({ name: 'Other CA' }).issue({
        names: ['anna.example.com'],
        extendedKeyUsage: ['clientAuth'],
      });
      expect(typeof (await as(stranger))).toBe('string');
    } finally {
      await server.close();
    }
  });

  it('says which file cannot be read', async () => {
    const tls = { ...write(issue('page')), keyFile: path.join(folder, 'nosuch.pem') };
    await expect(listen(new Hono(), '127.0.0.1', 0, { tls })).rejects.toThrow(
      /^web\.tls_server_config\.key_file: .*nosuch\.pem cannot be read \(ENOENT\)$/,
    );
  });
});
