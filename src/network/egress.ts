import { networkInterfaces } from 'node:os';

import { addressKind, isInBlock, parseBlock, type AddressKind, type Block } from './address-kind.ts';
import { startDeadline } from './deadline.ts';
import { parseHost } from './host.ts';
import { DEFAULT_DEADLINE_MS, createHttpClient, parseHttpUrl, type BinaryResponse } from './http.ts';
import type { ProxyRoute } from './http-route.ts';
import { NetworkError, type Address, type HttpRequest, type Network } from './network.ts';

const DEFAULT_PORTS = [80, 443];
const MAX_REDIRECTS = 3;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** What may be reached beyond the public Internet: a host, or a block of addresses, at one port or at the usual ones. */
export interface Allowance {
  readonly what: { readonly kind: 'host'; readonly host: string } | { readonly kind: 'block'; readonly block: Block };
  /** Absent: 80 and 443. */
  readonly port?: number;
}

export interface EgressOptions {
  readonly network: Pick<Network, 'resolve'>;
  readonly userAgent: string;
  /** Read at each request, so that a new config is in force at once. */
  allow(): readonly Allowance[];
  /** Ports that everyone may have; default 80 and 443. */
  readonly ports?: readonly number[];
  /**
   * The way out, read at each request. A proxy that looks names up by itself is not gone through: nobody could promise that
   * the address which was judged is the one that it connects to.
   */
  proxy?(): ProxyRoute | undefined;
  /** The addresses of this machine, public ones too; default those of its interfaces. */
  ownAddresses?(): readonly string[];
}

/** Requests to places that somebody else has named: a certificate, a log, a redirect. */
export interface Egress {
  /**
   * One request, and for GET up to three redirects, each of them judged anew: http or https without a user, a port that
   * is allowed, and a host of which every address is allowed. The connection is made to an address that was judged, also
   * through a proxy, so that a name which changes its mind between the two gains nothing. Deadline and size are the request's, the former over
   * everything. Throws NetworkError: `permission_denied` for what the policy refuses; no text holds path or query.
   */
  fetch(url: string, request: HttpRequest, signal: AbortSignal): Promise<BinaryResponse>;
}

/**
 * Reads an allowance as the config has it: `pki.example.com`, `pki.example.com:8080`, `10.1.0.0/16`, `10.1.2.3:8080`,
 * `[2001:db8::7]:8080`, `fd12::/16`. Throws Error.
 */
export function parseAllowance(text: string): Allowance {
  const bracketed = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(text);
  const [, plainHost = '', plainPort] = /^([^:]*)(?::(\d{1,5}))?$/.exec(text) ?? [];
  const isBareIpv6 = bracketed === null && parseBlock(text) !== undefined;
  const host = isBareIpv6 ? text : (bracketed?.[1] ?? plainHost);
  const portText = isBareIpv6 ? undefined : bracketed === null ? plainPort : bracketed[2];
  const port = portText === undefined ? undefined : Number(portText);
  if (host === '' || (port !== undefined && (port < 1 || port > 65_535))) {
    throw new Error(
      'write a host, an address or a block of addresses, with a port or without: 10.1.0.0/16, pki.example.com:8080',
    );
  }
  const withPort = port === undefined ? {} : { port };
  const block = parseBlock(host);
  if (block !== undefined) return { what: { kind: 'block', block }, ...withPort };
  if (bracketed !== null) throw new Error(`${host} is no address; brackets are for IPv6 addresses`);
  const parsed = parseHost(host);
  return { what: { kind: 'host', host: parsed.kind === 'name' ? parsed.name : parsed.address }, ...withPort };
}

/**
 * Why a host with these addresses may not be reached at a port though somebody else has named it; `undefined` when it may.
 * Nothing may but what is allowed, also what is public, and all of its addresses have to be.
 */
export function whyNotAllowed(
  host: string,
  addresses: readonly Address[],
  port: number,
  allow: readonly Allowance[],
): string | undefined {
  const parsed = parseHost(host);
  const name = parsed.kind === 'name' ? parsed.name : undefined;
  const here = allow.filter((entry) => (entry.port === undefined ? DEFAULT_PORTS.includes(port) : entry.port === port));
  const own = addressesOfInterfaces().flatMap((address) => parseBlock(address) ?? []);
  for (const { address } of addresses) {
    const fitting = here.filter(({ what }) =>
      what.kind === 'host' ? what.host === name : isInBlock(address, what.block),
    );
    const kind = own.some((block) => isInBlock(address, block)) ? 'loopback' : addressKind(address);
    const isMeant = kind === 'public' ? fitting.length > 0 : isAllowed(kind, fitting);
    if (!isMeant) return `${address}, port ${port}, is ${KIND_TEXT[kind]}, and nothing allows it`;
  }
  return undefined;
}

export function createEgress(options: EgressOptions): Egress {
  const { ports = DEFAULT_PORTS, ownAddresses = addressesOfInterfaces } = options;

  /** The addresses that a URL may be fetched from, all of them judged. */
  async function judge(url: URL, signal: AbortSignal): Promise<readonly Address[]> {
    const what = `${url.protocol}//${url.host}`;
    if (url.username !== '' || url.password !== '') throw refusal(what, 'it names a user');
    const host = parseHost(url.hostname.replace(/^\[|\]$/g, ''));
    const addresses: readonly Address[] =
      host.kind === 'address' ? [host] : await options.network.resolve(url.hostname, signal);
    if (addresses.length === 0) throw new NetworkError('dns', `${what}: the host has no address`);
    const name = host.kind === 'name' ? host.name : undefined;
    const port = Number(url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : url.port);
    const allow = options
      .allow()
      .filter((entry) => (entry.port === undefined ? ports.includes(port) : entry.port === port));
    const own = ownAddresses().flatMap((address) => parseBlock(address) ?? []);
    for (const { address } of addresses) {
      const fitting = allow.filter(({ what: entry }) =>
        entry.kind === 'host' ? entry.host === name : isInBlock(address, entry.block),
      );
      const kind = own.some((block) => isInBlock(address, block)) ? 'loopback' : addressKind(address);
      if (!isAllowed(kind, fitting)) throw refusal(what, `${address} is ${KIND_TEXT[kind]}`);
      if (!ports.includes(port) && fitting.length === 0) {
        throw refusal(what, `port ${port} is not ${ports.join(' or ')}`);
      }
    }
    return addresses;
  }

  async function fetch(text: string, request: HttpRequest, stopping: AbortSignal): Promise<BinaryResponse> {
    let url = parseHttpUrl(text);
    using deadline = startDeadline(request.deadlineMs ?? DEFAULT_DEADLINE_MS, stopping);
    const { signal } = deadline;
    for (let hop = 0; ; hop++) {
      const addresses = await judge(url, signal);
      // One client for one request: it knows no address but those that were judged.
      const proxy = options.proxy?.();
      const client = createHttpClient({
        resolver: { resolve: async () => addresses },
        userAgent: options.userAgent,
        ...(proxy?.through.resolves === 'here' ? { proxy } : {}),
      });
      let response: BinaryResponse;
      try {
        response = await client.fetchBinary(url.href, request, signal);
      } finally {
        await client.close();
      }
      const location = response.headers.get('location');
      const isRedirect = REDIRECTS.has(response.status) && location !== undefined;
      if (!isRedirect || (request.method ?? 'GET') !== 'GET') return response;
      if (hop >= MAX_REDIRECTS) {
        throw new NetworkError('closed', `${url.protocol}//${url.host}: more than ${MAX_REDIRECTS} redirects`);
      }
      if (!URL.canParse(location, url.href)) {
        throw new NetworkError('closed', `${url.protocol}//${url.host}: redirects to what is no URL`);
      }
      // A whole URL is taken as it is written: reading it here would hide an address in an unusual form.
      url = parseHttpUrl(/^[a-z][a-z0-9+.-]*:/i.test(location) ? location : new URL(location, url.href).href);
    }
  }

  return { fetch };
}

function addressesOfInterfaces(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((entries = []) => entries.map(({ address }) => address));
}

const KIND_TEXT: Readonly<Record<AddressKind, string>> = {
  public: 'a public address',
  private: 'a private address',
  loopback: 'this machine itself',
  'link-local': 'a link-local or metadata address',
  special: 'not an address of the public Internet',
};

/** A host that is allowed may be a site's own; what a name must never lead to has to be allowed by its address. */
function isAllowed(kind: AddressKind, fitting: readonly Allowance[]): boolean {
  switch (kind) {
    case 'public':
      return true;
    case 'private':
    case 'loopback':
      return fitting.length > 0;
    case 'link-local':
    case 'special':
      return fitting.some(({ what }) => what.kind === 'block');
  }
}

function refusal(what: string, why: string): NetworkError {
  return new NetworkError(
    'permission_denied',
    `${what} is not fetched: ${why}; if it is meant to be, add it to enrich.allow`,
  );
}
