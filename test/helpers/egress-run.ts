import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import path from 'node:path';

import { expect } from 'vitest';

import { startDaemonProcess, type DaemonProcess } from './daemon-process.ts';
import { startDnsServer, type DnsRecords } from './dns-server.ts';
import { eventually } from './eventually.ts';
import { parseExposition, samplesOf } from './exposition.ts';
import { startServer } from './loopback-servers.ts';
import { BAD_IPV4, INSIDE_NAMES, oddHosts } from './odd-addresses.ts';
import { createAuthority, createKey, type IssueOptions } from './pki.ts';
import { watchSockets } from './socket-watch.ts';

/** The only address to which others may lead. */
const OPEN = '127.0.0.9';
/** What the config itself names. */
const NAMED = '127.0.0.7';
const ENRICHERS = ['aia', 'crl', 'ocsp'] as const;
/** Channels that are told where by a URL. */
const CHANNELS = ['alertmanager', 'pagerduty', 'slack', 'slack-bot', 'teams', 'webhook'] as const;
const DOCUMENTS = ['redirect of saml', 'keys of oidc', 'redirect of jwks'] as const;
/** Other things that the config names, which are asked again and again. */
const SERVICES = ['azure', 'aws', 'google', 'heartbeat', 'kubernetes', 'sd', 'vault', 'venafi'] as const;
/** Channels of each kind: some send one message a second. */
const LANES = 24;
const FIRST_PORT = 20_000;
const PROBES_AT_ONCE = 6;
const REDIRECTS = [301, 302, 303, 307, 308];
/** How a name answers, each question anew: first what is allowed and then what is not, the other way round, or both at once. */
const MOODS = ['turning-bad', 'turning-good', 'both'] as const;

export interface EgressRun {
  /** Ways to write an address that is not allowed. */
  readonly spellings: number;
  /** How often each kind was led to such an address. */
  readonly led: Readonly<Record<string, number>>;
  /** Requests and connections that reached what is allowed, by what they were: the kinds work. */
  readonly arrived: Readonly<Record<string, number>>;
  /** Connections and datagrams that the program asked the system for, each once, but those that are allowed. */
  readonly strays: readonly string[];
  /** Of the daemon, which must not have died of what it met. */
  readonly exitCode: number | null;
  /** Addresses of this machine at which it came in, but the one that is allowed. */
  readonly intruded: readonly string[];
}

/**
 * Runs the real daemon among certificates, receivers, identity providers, services and a name server that lead it to
 * places which no config names: by every spelling (or every so many) of an address, by redirects, and by names that change their answer.
 */
export async function runEgress(folder: string, step = 1): Promise<EgressRun> {
  const hosts = oddHosts().filter((_, index) => index % step === 0);
  const watch = watchSockets(path.join(folder, 'sockets'));
  const [led, arrived] = [tally(), tally()];

  // Listens at every address of this machine: whoever is led to one of them comes in.
  const entries = new Set<string>();
  const trapServer = createServer((request, response) => {
    const [, kind = '', index = ''] = /^\/hop\/([a-z]+)\/(\d+)/.exec(request.url ?? '') ?? [];
    arrived.add(kind === '' ? `${/^\/[a-z]*/.exec(request.url ?? '')?.[0] ?? ''} by name` : `${kind} to be redirected`);
    const host = hosts[Number(index)];
    if (kind === '' || host === undefined) response.writeHead(404).end();
    else redirect(response, kind, host);
  });
  trapServer.on('connection', ({ localAddress = '?' }) => entries.add(localAddress));
  trapServer.on('clientError', (_error, socket) => {
    arrived.add('what is no HTTP');
    socket.destroy();
  });
  await using trap = await startServer(trapServer, { host: '0.0.0.0' });
  const turns = tally();

  function redirect(response: ServerResponse, kind: string, host: string): void {
    const status = REDIRECTS[led.add(`redirect of ${kind}`) % REDIRECTS.length] ?? 302;
    response.writeHead(status, { location: inAscii(`http://${host}:${trap.port}/`) }).end('{"ok":false}');
  }
  function serveNamed(request: IncomingMessage, response: ServerResponse): void {
    request.resume();
    const [, kind = '', index = ''] = /^\/([a-zA-Z-]+)(?:\/(\d+))?/.exec(request.url ?? '') ?? [];
    if (kind === 'token' || kind === 'computeMetadata') {
      response.writeHead(200, { 'metadata-flavor': 'Google', 'content-type': 'application/json' });
      response.end(
        JSON.stringify({ access_token: 'a', expires_in: 3600, expires_on: '9999999999', token_type: 'Bearer' }),
      );
      return;
    }
    const number = index === '' ? turns.add(kind) - 1 : Number(index);
    const host = hosts[number % hosts.length] ?? '';
    if (kind !== 'oidc') return redirect(response, kind, host);
    led.add('keys of oidc');
    const issuer = `http://${NAMED}:${named.port}/oidc/${index}`;
    response.end(JSON.stringify({ issuer, jwks_uri: `http://${host}:${trap.port}/keys` }));
  }
  await using named = await startServer(createServer(serveNamed), { host: NAMED });

  await using dns = await startDnsServer({});
  const asked = tally();
  dns.zone = new Proxy<Record<string, DnsRecords>>({}, { get: (_, name) => recordsOf(String(name), asked) });

  const planted = plantCertificates(path.join(folder, 'certificates'), hosts, trap.port);
  const config = path.join(folder, 'notafter.yaml');
  const settings = configOf({ folder, dns: dns.address, named: `http://${NAMED}:${named.port}`, count: hosts.length });
  const allow = [`${OPEN}:${trap.port}`];
  const write = (more: object): void => writeFileSync(config, JSON.stringify({ ...settings, ...more }));
  write({ metrics: { probe: { allow } } });
  const daemon = await startDaemonProcess(config, {
    cwd: folder,
    deadlineMs: 60_000,
    environment: { ...watch.environment, ...environmentOf(`${NAMED}:${named.port}`) },
  });
  let exitCode: number | null = null;
  try {
    await eventually('the certificates are seen', async () => (await seenIn(daemon, 'disk')) >= planted, 60_000);
    write({ metrics: { probe: { allow } }, enrich: { aia: true, crl: true, ocsp: true, allow } });
    const reloaded = await fetch(`${daemon.url}/-/reload`, { method: 'POST' });
    if (!reloaded.ok) throw new Error(await reloaded.text());

    const targets = hosts.map((host) => `${host}:${trap.port}`);
    const names = badNames('probe').map((name) => `${name}:${trap.port}`);
    await inLanes([...targets, ...names], PROBES_AT_ONCE, async (target) => {
      led.add(names.includes(target) ? 'name of /probe' : '/probe');
      await (await fetch(`${daemon.url}/probe?target=${encodeURIComponent(target)}`)).text();
    });
    const tests = CHANNELS.flatMap((kind) => hosts.map((_, index) => `${kind}-${index % LANES}`));
    await inLanes(tests, CHANNELS.length * LANES, async (channel) => {
      await (await fetch(`${daemon.url}/api/v1/channels/${channel}/test`, { method: 'POST' })).text();
    });
    for (const kind of CHANNELS) await eventually(`${kind}: all`, () => led.of(`redirect of ${kind}`) >= hosts.length);
    for (const kind of ENRICHERS) {
      await eventually(`${kind}: all`, () => led.of(`redirect of ${kind}`) >= hosts.length, 120_000);
    }
    const vain = (): number => (daemon.stdout() + daemon.stderr()).split('nothing was learned').length - 1;
    await eventually('each enricher has asked', () => vain() >= planted - 1, 60_000);
    for (const kind of DOCUMENTS) await eventually(`${kind}: all`, () => led.of(kind) >= hosts.length, 60_000);
    for (const kind of SERVICES) await eventually(`${kind} is asked`, () => led.of(`redirect of ${kind}`) > 0, 60_000);
  } finally {
    exitCode = await daemon.stop();
  }
  for (const kind of ENRICHERS) {
    for (let time = 0; time < hosts.length; time += 1) led.add(kind);
    for (const _name of badNames(kind)) led.add(`name of ${kind}`);
  }
  const allowed = new Set([`tcp ${OPEN} ${trap.port}`, `tcp ${NAMED} ${named.port}`]);
  return {
    spellings: hosts.length,
    led: led.all(),
    arrived: arrived.all(),
    strays: watch.seen().filter((line) => !line.startsWith('watched') && !allowed.has(line)),
    exitCode,
    intruded: [...entries].filter((address) => address !== OPEN),
  };
}

/** Names that lead to each bad address, in each mood: the name says how. */
function badNames(kind: string): readonly string[] {
  return MOODS.flatMap((mood) => BAD_IPV4.map((_, index) => `${kind}.${index}.${mood}.rebind.test`));
}

function recordsOf(name: string, asked: Tally): DnsRecords | undefined {
  const inside = INSIDE_NAMES[name];
  if (inside !== undefined) return { a: [inside], ttl: 0 };
  if (name.endsWith('.open.test')) return { a: [OPEN], ttl: 0 };
  const [, index = '', mood] = /^[a-z]+\.(\d+)\.([a-z-]+)\.rebind\.test$/.exec(name) ?? [];
  const bad = BAD_IPV4[Number(index)] ?? '';
  // A and AAAA are asked for, in whatever order: each pair is one look.
  const isFirst = asked.add(name) <= 2;
  switch (mood as (typeof MOODS)[number] | undefined) {
    case 'turning-bad':
      return { a: [isFirst ? OPEN : bad], ttl: 0 };
    case 'turning-good':
      return { a: [isFirst ? bad : OPEN], ttl: 0 };
    case 'both':
      return { a: [OPEN, bad], ttl: 0 };
    case undefined:
      return undefined;
  }
}

/**
 * Certificates whose URLs lead to each host, and, behind it, to what redirects there; and to each of the names. Gives how
 * many there are.
 */
function plantCertificates(folder: string, hosts: readonly string[], port: number): number {
  mkdirSync(folder);
  const key = createKey();
  const known = createAuthority({ name: 'Known CA' });
  const unknown = createAuthority({ name: 'CA that nobody sends' });
  let count = 1;
  writeFileSync(path.join(folder, 'ca.pem'), known.certificate.pem);
  for (const kind of ENRICHERS) {
    const urls = [
      // A host that fails again and again is left alone for a while: each port, and each name, is one of its own.
      ...hosts.map((host, index) => [
        `http://${host}:${index === 0 ? port : FIRST_PORT + index}/direct`,
        `http://${kind}-${index}.open.test:${port}/hop/${kind}/${index}`,
      ]),
      ...badNames(kind).map((name) => [`http://${name}:${port}/${kind}`]),
    ];
    const pems = urls.map((list, index) => {
      const given: IssueOptions = { key, names: [`${kind}-${index}.lab.test`] };
      switch (kind) {
        case 'aia':
          return unknown.issue({ ...given, issuerUrls: list }).pem;
        case 'crl':
          return known.issue({ ...given, crlUrls: list }).pem;
        case 'ocsp':
          return known.issue({ ...given, ocspUrls: list }).pem;
      }
    });
    count += pems.length;
    writeFileSync(path.join(folder, `${kind}.pem`), pems.join(''));
  }
  return count;
}

interface Places {
  readonly folder: string;
  readonly dns: string;
  /** The origin of what the config names. */
  readonly named: string;
  readonly count: number;
}

function configOf({ folder, dns, named, count }: Places): object {
  const secret = path.join(folder, 'secret');
  writeFileSync(secret, 'a secret that is long enough for it');
  const many = (kind: string): readonly string[] =>
    Array.from({ length: count }, (_, index) => `${named}/${kind}/${index}`);
  const again = { every: '1s' };
  return {
    sources: [
      { name: 'disk', type: 'file', every: '1h', paths: [path.join(folder, 'certificates')] },
      {
        name: 'sign-on',
        type: 'identity-provider',
        every: '1h',
        saml: many('saml'),
        oidc: many('oidc'),
        jwks: many('jwks'),
      },
      { name: 'listed', type: 'endpoint', ...again, http_sd: [`${named}/sd`] },
      {
        name: 'vault',
        type: 'vault',
        ...again,
        address: `${named}/vault`,
        auth: { method: 'token', token_file: secret },
      },
      { name: 'venafi', type: 'venafi', ...again, saas: { url: `${named}/venafi`, api_key_file: secret } },
      { name: 'cluster', type: 'kubernetes', ...again, server: `${named}/kubernetes`, token_file: secret },
      { name: 'acm', type: 'aws-acm', ...again, regions: ['eu-west-1'], endpoint: `${named}/aws` },
      { name: 'entra', type: 'azure-entra', ...again, endpoint: `${named}/azure` },
      { name: 'compute', type: 'google-compute', ...again, projects: ['my-project-1'], endpoint: `${named}/google` },
    ],
    channels: Array.from({ length: LANES }, (_, lane) => channelsOf(folder, named, lane)).flat(),
    // What the sources above have to say is not the question.
    routes: [{ match: ['source="none"'], channels: ['webhook-0'] }],
    heartbeat: { url: `${named}/heartbeat`, every: '1s' },
    network: { dns: { servers: [dns], cache: { max_ttl: '0s', negative_ttl: '0s', size: 0 } } },
    web: { listen: '127.0.0.1:0', rate_limit: { burst: 100_000 } },
    log: { level: 'debug', format: 'json' },
    store: `sqlite:${path.join(folder, 'notafter.db')}`,
  };
}

/** One of each kind, with secrets of their own: what is sent with one secret is held to one rate. */
function channelsOf(folder: string, named: string, lane: number): readonly object[] {
  const secret = (name: string, text: string): string => {
    const file = path.join(folder, `${name}-${lane}`);
    writeFileSync(file, text);
    return file;
  };
  const token_file = secret('token', `xoxb-token-${lane}`);
  return [
    { name: `alertmanager-${lane}`, type: 'alertmanager', urls: [`${named}/alertmanager`] },
    {
      name: `pagerduty-${lane}`,
      type: 'pagerduty',
      routing_key_file: secret('routing', 'x'.repeat(32)),
      url: `${named}/pagerduty`,
    },
    { name: `slack-${lane}`, type: 'slack', webhook_url_file: secret('chat', `${named}/slack`) },
    { name: `slack-bot-${lane}`, type: 'slack', token_file, channel: `#x${lane}`, api_url: `${named}/slack-bot/` },
    { name: `teams-${lane}`, type: 'teams', webhook_url_file: secret('team', `${named}/teams`) },
    { name: `webhook-${lane}`, type: 'webhook', url: `${named}/webhook` },
  ];
}

/** As a header can carry it. */
function inAscii(url: string): string {
  return url.replace(/[^!-~]+/g, (text) => encodeURIComponent(text));
}

/** Does them all, so many at once. */
async function inLanes<T>(list: readonly T[], lanes: number, run: (one: T) => Promise<void>): Promise<void> {
  const rest = list.values();
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      for (const one of rest) await run(one);
    }),
  );
}

/** A machine with an identity in every cloud. */
function environmentOf(named: string): Readonly<Record<string, string>> {
  return {
    AWS_ACCESS_KEY_ID: 'AKIATEST',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AZURE_TOKEN_CREDENTIALS: 'ManagedIdentityCredential',
    IDENTITY_ENDPOINT: `http://${named}/token`,
    IDENTITY_HEADER: 'machine',
    GCE_METADATA_HOST: named,
    METADATA_SERVER_DETECTION: 'assume-present',
    CLOUDSDK_CONFIG: '/nonexistent',
    HOME: '/nonexistent',
  };
}

async function seenIn(daemon: DaemonProcess, source: string): Promise<number> {
  const samples = parseExposition(await daemon.metrics());
  return samplesOf(samples, 'notafter_certificate_not_after_timestamp_seconds', { source }).length;
}

interface Tally {
  /** How often it was by now. */
  add(what: string): number;
  of(what: string): number;
  all(): Readonly<Record<string, number>>;
}

function tally(): Tally {
  const counts = new Map<string, number>();
  const of = (what: string): number => counts.get(what) ?? 0;
  return {
    add(what) {
      counts.set(what, of(what) + 1);
      return of(what);
    },
    of,
    all: () => Object.fromEntries([...counts].toSorted(([a], [b]) => (a < b ? -1 : 1))),
  };
}

/** Every kind was led astray by every spelling, and did what it may; nothing else was connected to, and the daemon lived. */
export function expectNoStrays({ spellings, led, arrived, strays, intruded, exitCode }: EgressRun): void {
  expect({ strays, intruded, exitCode }).toEqual({ strays: [], intruded: [], exitCode: 0 });
  const redirects = [...CHANNELS, ...ENRICHERS].map((kind) => `redirect of ${kind}`);
  const kinds = ['/probe', ...ENRICHERS, ...DOCUMENTS, ...redirects];
  expect(kinds.filter((kind) => (led[kind] ?? 0) < spellings)).toEqual([]);
  expect(SERVICES.filter((kind) => (led[`redirect of ${kind}`] ?? 0) === 0)).toEqual([]);
  // Of the moods of a name one leads to what is allowed, the first time.
  const names = ENRICHERS.map((kind) => arrived[`/${kind} by name`]);
  expect([...names, arrived['what is no HTTP']]).toEqual([8, 8, 8, 16]);
}
