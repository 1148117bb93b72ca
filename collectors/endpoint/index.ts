import { hash } from 'node:crypto';
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';

import { z } from 'zod';

import { CertificateError, parseCertificate, type Certificate } from '../../src/certificate/certificate.ts';
import { defineCollector, type CollectorInstance } from '../../src/plugin/collector.ts';
import type { Context } from '../../src/plugin/context.ts';
import { pinsOption, trustOption } from '../../src/plugin/demands.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Item, Role } from '../../src/plugin/item.ts';
import type { Observation, Problem, Staple } from '../../src/plugin/observation.ts';
import { durationOption } from '../../src/plugin/options.ts';
import { proxyOption } from '../../src/plugin/proxy.ts';
import { createProber } from '../../src/tls/probe.ts';
import type { ProbeResult } from '../../src/tls/probe-result.ts';
import { spotsOf, type Spot } from './addresses.ts';
import { clientsOption, createClients, type Client } from './clients.ts';
import { createDiscovery, discoveryOptions } from './discovery.ts';
import { createPoliteness, createReach, politenessOption, type Reach } from './reach.ts';
import { rehearseEach, rehearseOption, toRequest, type Login } from './rehearsals.ts';
import { judgeStaple } from './staple.ts';
import { formatEndpoint, type Endpoint } from './target.ts';
import { heloNameOption, wayTo, type Way } from './way.ts';

/** The place of everything that was served. */
const PLACE = 'chain';

const options = z.strictObject({
  ...discoveryOptions,
  server_name: z
    .string()
    .min(1)
    .optional()
    .describe('The name to ask for (SNI) in place of the host of each target. An IP address asks for none by itself.'),
  alpn: z
    .array(z.string().min(1).max(255))
    .default(['h2', 'http/1.1'])
    .describe(
      'Application protocols to offer (ALPN) to targets without a scheme, or with https; an empty list offers none.',
    ),
  timeout: durationOption('One deadline over name, connection and handshake of a target.', '10s'),
  handshake: z
    .enum(['hello', 'early', 'full'])
    .default('hello')
    .describe(
      'How to look: `hello` reads and completes the handshake with our own reader, `early` leaves at the certificate, `full` uses the TLS library.',
    ),
  verify_possession: z
    .boolean()
    .default(false)
    .describe('Whether to check that the server holds the key of the certificate that it shows: one signature more.'),
  max_addresses: z
    .int()
    .min(1)
    .max(64)
    .default(16)
    .describe('Addresses of one name that are looked at, IPv4 first; each is a location of its own.'),
  default_certificate: z
    .boolean()
    .default(false)
    .describe('Whether to look at each address once more without a name: at what clients get that send none (SNI).'),
  proxy: proxyOption(
    'A proxy to reach the targets through: socks5://host:port, where notafter looks up the names, or socks5h://host:port or http://host:port (CONNECT), where the proxy does.',
  ).optional(),
  per_address: politenessOption,
  helo_name: heloNameOption,
  clients: clientsOption,
  rehearse: rehearseOption,
  trust: trustOption
    .optional()
    .describe('Whom the clients of these endpoints trust. With it, a chain that ends elsewhere is critical.'),
  pins: pinsOption
    .optional()
    .describe(
      "What the clients of these endpoints pin: of each kind given, the server's certificate must be in the list.",
    ),
});

type Options = z.output<typeof options>;

/** What travels with a target. */
const EndpointData = z.object({ host: z.string(), port: z.int(), scheme: z.string().optional() });

export const endpoint = defineCollector({
  type: 'endpoint',
  summary: 'What servers show in a TLS handshake, at every address of their name',
  options,
  scope: () => 'cluster',
  demands: ({ trust, pins }) => ({
    ...(trust === undefined ? {} : { trust }),
    ...(pins === undefined ? {} : { pins }),
  }),
  create: async (given, context) => createInstance(given, context),
});

function createInstance(given: Options, context: Context): CollectorInstance {
  const probe = context.probe ?? createProber({ now: () => context.clock.now() });
  const loadClients = createClients(given.clients, context);
  const request = toRequest(given.rehearse);
  const reach = createReach(given.proxy, context);
  const inTurn = createPoliteness(given.per_address, context);

  /** What the server says of each client, and of one without a certificate: nothing when it could not be looked at. */
  async function loginsTo(
    { spot: { address }, port, serverName }: Place,
    way: Way,
    result: ProbeResult,
    clients: readonly Client[],
    signal: AbortSignal,
  ): Promise<readonly Login[]> {
    // Unasked, nobody logs in: a server that insists on a certificate logs an error for each attempt without one.
    const isWanted = given.clients.length > 0 || (request.kind !== 'auto' && request.kind !== 'none');
    if (!isWanted || result.chain.length === 0) return [];
    const candidates = clients.flatMap(({ name, identity }) => (identity === undefined ? [] : [{ name, identity }]));
    const host = serverName === undefined ? {} : { serverName };
    return rehearseEach(
      [...candidates, { name: null, identity: null }],
      { ...way, address, port, ...host, request, timeoutMs: given.timeout },
      signal,
    );
  }

  async function lookAt(
    place: Place,
    clients: readonly Client[],
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<Observation> {
    const { spot, port, serverName } = place;
    const { address } = spot;
    const way = wayTo(place, {
      connect: reach.connect,
      host: serverName ?? (domainToASCII(place.host) || place.host),
      heloName: given.helo_name,
      alpn: given.alpn,
      request,
    });
    const name = serverName === undefined ? {} : { serverName };
    return inTurn(
      address,
      async () => {
        const result = await probe(
          {
            ...way,
            isDirect: reach.proxy === undefined && way.connect === reach.connect,
            address,
            port,
            ...name,
            timeoutMs,
            verifyPossession: given.verify_possession,
            transcript: true,
          },
          given.handshake,
          signal,
        );
        const logins = place.isDefault ? [] : await loginsTo(place, way, result, clients, signal);
        return toObservation(place, reach, way, result, clients, logins, judgeStaple(result, context.clock.now()));
      },
      signal,
    );
  }

  return {
    discover: createDiscovery(given, context),

    async *observe(target, _known, signal) {
      signal.throwIfAborted();
      const { data } = EndpointData.safeParse(target.data);
      if (data === undefined) throw new CollectError('not_found', `${target.key} is not a target of this source`);
      const { host, port, scheme } = data;
      const named = { host, port, ...(scheme === undefined ? {} : { scheme }) };
      const deadline = AbortSignal.timeout(given.timeout);
      const startedAt = context.clock.now();
      const spots = await spotsOf(
        host,
        reach,
        given.max_addresses,
        context.network,
        AbortSignal.any([signal, deadline]),
      );
      signal.throwIfAborted();

      const left = Math.min(given.timeout, Math.max(1, given.timeout - (context.clock.now() - startedAt)));
      const name = given.server_name ?? (isIP(host) === 0 ? host : undefined);
      const serverName = name === undefined ? undefined : domainToASCII(name);
      const clients = await loadClients({ type: 'endpoint', id: formatEndpoint({ host, port }) }, signal);
      const looks = spots.map(async (spot) => {
        const place = { ...named, spot };
        if (serverName === undefined) return [await lookAt(place, clients, left, signal)];
        const [asked, nameless] = await Promise.all([
          lookAt({ ...place, serverName }, clients, left, signal),
          given.default_certificate ? lookAt({ ...place, isDefault: true }, [], left, signal) : undefined,
        ]);
        return nameless === undefined || insistsOnName(asked, nameless) ? [asked] : [asked, nameless];
      });
      yield* (await Promise.all(looks)).flat();
    },
  };
}

/** Whether a server has no certificate for who names no host: that is an answer, and no failure. */
function insistsOnName(named: Observation, nameless: Observation): boolean {
  const why = nameless.problems.find(({ place }) => place === undefined)?.reason;
  return named.endpoint?.chain.length !== 0 && (why === 'tls_alert' || why === 'closed' || why === 'reset');
}

interface Place extends Endpoint {
  readonly spot: Spot;
  readonly serverName?: string;
  /** Looked at without a name though there is one, for the certificate that the server has for everybody else. */
  readonly isDefault?: true;
}

function toObservation(
  place: Place,
  reach: Reach,
  way: Way,
  result: ProbeResult,
  clients: readonly Client[],
  logins: readonly Login[],
  staple: Staple | undefined,
): Observation {
  const { items, problems } = readChain(result);
  const before = way.told({ address: place.spot.address, port: place.port });
  return {
    location: `${formatEndpoint(place)}@${place.spot.label}${place.isDefault ? '/default' : ''}`,
    items: [...items, ...clients.flatMap((client) => client.items)],
    problems: [
      ...(result.chain.length > 0 ? problems : [whyNothing(place, result)]),
      ...before.problems,
      ...clients.flatMap((client) => client.problems),
    ],
    endpoint: {
      address: place.spot.address,
      port: place.port,
      ...(reach.proxy === undefined ? {} : { proxy: reach.proxy }),
      ...(place.serverName === undefined ? {} : { serverName: place.serverName }),
      ...before.facts,
      handshake: result.handshake,
      ...(result.tlsVersion === undefined ? {} : { tlsVersion: result.tlsVersion }),
      ...(result.cipher === undefined ? {} : { cipher: result.cipher }),
      ...(result.alpn === undefined ? {} : { alpn: result.alpn }),
      ...(result.requestsClientCertificate === undefined
        ? {}
        : { requestsClientCertificate: result.requestsClientCertificate }),
      chain: result.chain.map((der) => hash('sha256', der, 'hex')),
      acceptableIssuers: result.acceptableIssuers,
      verdicts: logins.map(({ verdict }) => verdict),
      transcript: transcriptOf(result, logins),
      ...(staple === undefined ? {} : { staple }),
      ...(result.group === undefined ? {} : { group: result.group }),
      ...(result.possession === undefined ? {} : { possession: result.possession }),
      ...(result.fallback === undefined ? {} : { fallback: result.fallback }),
    },
  };
}

/** What passed in the probe and in each login, one after the other. */
function transcriptOf({ handshake, transcript = [] }: ProbeResult, logins: readonly Login[]): readonly string[] {
  return [
    `Probe, ${handshake} handshake:`,
    ...transcript,
    ...logins.flatMap(({ verdict, transcript: lines }) => [
      `Login ${verdict.name === null ? 'without a certificate' : `as ${verdict.name}`}, ${verdict.status}${verdict.reason === null ? '' : ` (${verdict.reason})`}:`,
      ...lines,
    ]),
  ];
}

/** A server that served a list was looked at, however the handshake ended; one that served none was not. */
function whyNothing({ host, port, spot: { address } }: Place, result: ProbeResult): Problem {
  const failure = result.failure ?? {
    reason: 'empty' as const,
    detail: `${address} port ${port} completed the handshake without a certificate`,
  };
  return { reason: failure.reason, detail: host === address ? failure.detail : `${host}: ${failure.detail}` };
}

/** Every distinct certificate of the served list; what is none is a problem of its own. */
function readChain(result: ProbeResult): { items: readonly Item[]; problems: readonly Problem[] } {
  const items = new Map<string, Item>();
  const problems: Problem[] = [];
  for (const [index, der] of result.chain.entries()) {
    try {
      const certificate = parseCertificate(der);
      // Some servers send a certificate twice; that it is there is one fact.
      if (items.has(certificate.fingerprint)) continue;
      items.set(certificate.fingerprint, {
        kind: 'certificate',
        der,
        place: { key: PLACE, index },
        role: roleOf(certificate, index),
      });
    } catch (error) {
      if (!(error instanceof CertificateError)) throw error;
      problems.push({
        reason: 'malformed',
        place: `${PLACE}/${index}`,
        detail: `entry ${index} of the served list is no certificate that can be read: ${error.message}`,
      });
    }
  }
  if (result.servedCount > result.chain.length) {
    problems.push({
      reason: 'too_large',
      place: PLACE,
      detail: `the server sent ${result.servedCount} certificates; the first ${result.chain.length} were read`,
    });
  }
  return { items: [...items.values()], problems };
}

function roleOf(certificate: Certificate, index: number): Role {
  if (index === 0) return 'server';
  const selfIssued = Buffer.compare(certificate.subject.der, certificate.issuer.der) === 0;
  return certificate.isCa && selfIssued ? 'trust-anchor' : 'intermediate';
}
