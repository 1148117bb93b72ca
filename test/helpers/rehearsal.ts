import type { TlsOptions } from 'node:tls';

import { dial } from '../../src/network/dialer.ts';
import { startTlsIn } from '../../src/tls/starttls/start.ts';
import { rehearse, type RehearsalOptions, type RehearsalVerdict } from '../../src/tls/rehearse/rehearse.ts';
import { clientIntermediate, clientRoot, REVOKED_SERIAL } from './client-identities.ts';
import { createAuthority, createCrl } from './pki.ts';

export const serverRoot = createAuthority({ name: 'Server Root' });
export const serverLeaf = serverRoot.issue({ names: ['localhost', '127.0.0.1'] });

/** Revocation lists of everybody who signs clients. */
export const clientCrls = [createCrl(clientRoot).pem, createCrl(clientIntermediate, { revoked: [REVOKED_SERIAL] }).pem];

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

/** A server of Node's that insists on a client certificate of ours. */
export function insistent(version: TlsVersion, more: TlsOptions = {}): TlsOptions {
  return {
    key: serverLeaf.keyPem,
    cert: serverLeaf.pem,
    ca: clientRoot.certificate.pem,
    crl: clientCrls,
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: version,
    maxVersion: version,
    ...more,
  };
}

const { connect: connectPostgres } = startTlsIn('postgres', dial, { host: 'localhost', own: 'localhost' });

/** A rehearsal on loopback: without a certificate and of kind `auto`, unless told otherwise; PostgreSQL as it begins. */
export function login(
  server: { readonly port: number },
  options: Partial<RehearsalOptions> = {},
  signal = new AbortController().signal,
): Promise<RehearsalVerdict> {
  return rehearse(
    {
      connect: options.request?.kind === 'postgres' ? connectPostgres : dial,
      address: '127.0.0.1',
      port: server.port,
      serverName: 'localhost',
      identity: null,
      request: { kind: 'auto' },
      timeoutMs: 5_000,
      ...options,
    },
    signal,
  );
}
