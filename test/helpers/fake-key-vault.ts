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

/** A plain secret in the fake vault. */
export interface VaultSecret {
  readonly name: string;
  readonly value?: string;
  readonly contentType?: string;
  readonly expires?: Date;
  readonly updated?: Date;
  readonly managed?: boolean;
  readonly enabled?: boolean;
}

export interface FakeKeyVault extends AsyncDisposable {
  readonly url: string;
  readonly requests: VaultRequest[];
  /** Of several with one name the last is the latest version. */
  certificates: VaultCertificate[];
  deleted: (VaultCertificate & { readonly deletedOn?: Date; readonly purgedOn?: Date })[];
  secrets: VaultSecret[];
  /** What is said of the next version, by the name of the certificate. */
  pending: Map<string, object>;
  pageSize: number;
  /** Asked before the fake answers an authorised request by itself. */
  intercept: ((request: VaultRequest) => VaultReply | undefined) | undefined;
  paths(): readonly string[];
}

const VERSION = '0123456789abcdef0123456789abcdef';

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
    deleted: [],
    secrets: [],
    pending: new Map(),
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
  const [, collection, name = '', version = ''] = request.path.split('/');
  const page = (items: readonly object[]): VaultReply => vaultJson(pageOf(fake, request, items));
  switch (collection) {
    case 'certificates':
      return name === ''
        ? page(latestOf(fake).map((one) => entryOf(fake, one)))
        : certificateReply(fake, request, name, version);
    case 'deletedcertificates':
      return page(
        fake.deleted.map((one) => ({
          ...entryOf(fake, one),
          recoveryId: `${fake.url}/deletedcertificates/${one.name}`,
          deletedDate: seconds(one.deletedOn),
          scheduledPurgeDate: seconds(one.purgedOn),
        })),
      );
    case 'secrets': {
      if (name === '') return page(fake.secrets.map((one) => secretOf(fake, one)));
      const secret = fake.secrets.find((one) => one.name === name);
      return secret === undefined
        ? vaultFault(404, 'SecretNotFound', `A secret with (name/id) ${name} was not found in this key vault.`)
        : vaultJson({ ...secretOf(fake, secret), value: secret.value });
    }
    default:
      return vaultFault(404, 'NotFound', 'no such collection');
  }
}

function certificateReply(fake: FakeKeyVault, request: VaultRequest, name: string, version: string): VaultReply {
  const versions = fake.certificates.filter((candidate) => candidate.name === name);
  if (version === 'versions') {
    return vaultJson(
      pageOf(
        fake,
        request,
        versions.map((one) => ({
          ...entryOf(fake, one),
          id: `${fake.url}/certificates/${name}/${one.version ?? VERSION}`,
        })),
      ),
    );
  }
  if (version === 'pending') {
    const pending = fake.pending.get(name);
    return pending === undefined
      ? vaultFault(404, 'PendingCertificateNotFound', `Pending certificate not found: ${name}`)
      : vaultJson({ id: `${fake.url}/certificates/${name}/pending`, ...pending });
  }
  const certificate = versions.findLast((candidate) => version === '' || version === candidate.version);
  return certificate === undefined
    ? vaultFault(404, 'CertificateNotFound', `A certificate with (name/id) ${name} was not found in this key vault.`)
    : vaultJson(bundleOf(fake.url, certificate));
}

function latestOf({ certificates }: FakeKeyVault): readonly VaultCertificate[] {
  return [...new Map(certificates.map((certificate) => [certificate.name, certificate])).values()];
}

function entryOf(fake: FakeKeyVault, certificate: VaultCertificate): object {
  return { id: `${fake.url}/certificates/${certificate.name}`, ...commonOf(certificate) };
}

function secretOf(
  fake: FakeKeyVault,
  { name, contentType, expires, updated, managed, enabled = true }: VaultSecret,
): object {
  return {
    id: `${fake.url}/secrets/${name}`,
    contentType,
    managed,
    attributes: { enabled, exp: seconds(expires), updated: seconds(updated) ?? 1_700_000_000 },
  };
}

function pageOf(fake: FakeKeyVault, { path, query }: VaultRequest, items: readonly object[]): object {
  const start = Number(query.get('$skiptoken') ?? '0');
  const end = start + fake.pageSize;
  return {
    value: items.slice(start, end),
    nextLink: end < items.length ? `${fake.url}${path}?api-version=2025-07-01&$skiptoken=${end}&maxresults=25` : null,
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
  const version = certificate.version ?? VERSION;
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
