import { createServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';

import { createAuthority } from './pki.ts';

/** One request as it came over the wire. */
export interface VaultRequest {
  readonly path: string;
  readonly query: URLSearchParams;
  /** The bearer token; empty for the request that asks for the challenge. */
  readonly token: string;
}

export type VaultReply = (response: ServerResponse, request: IncomingMessage) => void;

/** A certificate in the fake vault. */
export interface VaultCertificate {
  readonly name: string;
  readonly version?: string;
  readonly der?: Uint8Array;
  /** SHA-1 of the DER; base64url on the wire. */
  readonly sha1?: Uint8Array;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly updated?: Date;
  readonly enabled?: boolean;
  readonly tags?: Readonly<Record<string, string>>;
  readonly policy?: {
    readonly issuer?: string;
    readonly actions?: readonly {
      readonly type: string;
      readonly daysBeforeExpiry?: number;
      readonly percentage?: number;
    }[];
  };
}

export interface FakeKeyVault extends AsyncDisposable {
  readonly url: string;
  readonly requests: VaultRequest[];
  certificates: VaultCertificate[];
  pageSize: number;
  /** Asked before the fake answers an authorised request by itself. */
  intercept: ((request: VaultRequest) => VaultReply | undefined) | undefined;
  paths(): readonly string[];
}

export const TENANT = '11111111-2222-3333-4444-555555555555';

/**
 * A server that speaks the certificates part of Key Vault's REST API on loopback. The client insists on HTTPS, so this
 * process trusts the fake's authority until the fake is disposed of.
 */
export async function startFakeKeyVault(): Promise<FakeKeyVault> {
  const authority = createAuthority({ name: 'Fake Key Vault CA' });
  const identity = authority.issue({ names: ['127.0.0.1', '*.vault.azure.net', 'vault.example'] });
  const trusted = getCACertificates('default');
  setDefaultCACertificates([...trusted, authority.certificate.pem]);

  const requests: VaultRequest[] = [];
  const server = createServer({ key: identity.keyPem, cert: identity.chainPem }, (request, response) => {
    const url = new URL(request.url ?? '/', fake.url);
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    const parsed: VaultRequest = { path: url.pathname, query: url.searchParams, token };
    requests.push(parsed);
    const reply = token === '' ? challenge() : (fake.intercept?.(parsed) ?? answer(fake, parsed));
    reply(response, request);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const fake: FakeKeyVault = {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    certificates: [],
    pageSize: 25,
    intercept: undefined,
    paths: () => requests.filter((request) => request.token !== '').map((request) => request.path),
    async [Symbol.asyncDispose]() {
      setDefaultCACertificates(trusted);
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
  return fake;
}

/** Key Vault says which tenant and resource a token must be for. */
function challenge(): VaultReply {
  return (response) => {
    response.writeHead(401, {
      'www-authenticate': `Bearer authorization="https://login.microsoftonline.com/${TENANT}", resource="https://vault.azure.net"`,
      'content-type': 'application/json',
    });
    response.end(
      JSON.stringify({
        error: { code: 'Unauthorized', message: 'AKV10000: Request is missing a Bearer or PoP token.' },
      }),
    );
  };
}

function answer(fake: FakeKeyVault, request: VaultRequest): VaultReply {
  const [, collection, name, version] = request.path.split('/');
  if (collection !== 'certificates') return vaultFault(404, 'NotFound', 'no such collection');
  if (name === undefined || name === '') {
    return vaultJson(listPage(fake, Number(request.query.get('$skiptoken') ?? '0')));
  }
  const certificate = fake.certificates.find(
    (candidate) =>
      candidate.name === name && (version === undefined || version === '' || version === candidate.version),
  );
  return certificate === undefined
    ? vaultFault(404, 'CertificateNotFound', `A certificate with (name/id) ${name} was not found in this key vault.`)
    : vaultJson(bundleOf(fake.url, certificate));
}

function listPage(fake: FakeKeyVault, start: number): object {
  const end = start + fake.pageSize;
  return {
    value: fake.certificates
      .slice(start, end)
      .map((certificate) => ({ id: `${fake.url}/certificates/${certificate.name}`, ...commonOf(certificate) })),
    nextLink:
      end < fake.certificates.length
        ? `${fake.url}/certificates?api-version=2025-07-01&$skiptoken=${end}&maxresults=25`
        : null,
  };
}

function commonOf(certificate: VaultCertificate): object {
  return {
    x5t: certificate.sha1 === undefined ? undefined : Buffer.from(certificate.sha1).toString('base64url'),
    tags: certificate.tags,
    attributes: {
      enabled: certificate.enabled ?? true,
      nbf: seconds(certificate.notBefore),
      exp: seconds(certificate.notAfter),
      created: 1_700_000_000,
      updated: seconds(certificate.updated) ?? 1_700_000_000,
    },
  };
}

function bundleOf(url: string, certificate: VaultCertificate): object {
  const version = certificate.version ?? '0123456789abcdef0123456789abcdef';
  return {
    id: `${url}/certificates/${certificate.name}/${version}`,
    kid: `${url}/keys/${certificate.name}/${version}`,
    sid: `${url}/secrets/${certificate.name}/${version}`,
    cer: certificate.der === undefined ? undefined : Buffer.from(certificate.der).toString('base64'),
    ...commonOf(certificate),
    policy: {
      id: `${url}/certificates/${certificate.name}/policy`,
      issuer: { name: certificate.policy?.issuer ?? 'Self' },
      lifetime_actions: (certificate.policy?.actions ?? []).map((action) => ({
        trigger: { days_before_expiry: action.daysBeforeExpiry, lifetime_percentage: action.percentage },
        action: { action_type: action.type },
      })),
    },
  };
}

/** Whole seconds, as Key Vault tells time. */
function seconds(date: Date | undefined): number | undefined {
  return date === undefined ? undefined : Math.floor(date.getTime() / 1000);
}

export function vaultJson(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): VaultReply {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
    response.end(JSON.stringify(value));
  };
}

export function vaultFault(
  status: number,
  code: string,
  message: string,
  inner?: string,
  headers: Readonly<Record<string, string>> = {},
): VaultReply {
  return vaultJson(
    { error: { code, message, ...(inner === undefined ? {} : { innererror: { code: inner } }) } },
    status,
    headers,
  );
}
