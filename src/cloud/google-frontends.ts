import type { Reference } from '../plugin/item.ts';
import type { Problem } from '../plugin/observation.ts';
import { CollectError } from '../plugin/error.ts';
import { type Fields, listAt, textAt, textsAt } from './answer.ts';
import { type GoogleLook, relativeName } from './google.ts';
import { attempt, detailsCut } from './observation.ts';

/** What a load balancer speaks TLS with. */
export interface GoogleFrontend {
  /** `global/targetHttpsProxies/x`. */
  readonly name: string;
  readonly reference: Reference;
  /** The hosts that its URL map tells apart, and its addresses; each with its port. */
  readonly endpoints: readonly Reference[];
  /** Relative names of certificates, of Compute and of Certificate Manager. */
  readonly certificates: readonly string[];
  readonly certificateMap: string | undefined;
  /** The policy by which its clients are judged. */
  readonly serverTlsPolicy: string | undefined;
}

/** The permissions that it takes to find them. */
export const FRONTEND_ACTIONS = [
  'compute.targetHttpsProxies.list',
  'compute.targetSslProxies.list',
  'compute.urlMaps.list',
  'compute.forwardingRules.list',
];

const PROXIES = ['targetHttpsProxies', 'targetSslProxies'] as const;

/** Every TLS front end of the project. What may not be asked is a gap: then less is known of who uses what. */
export async function readFrontends(look: GoogleLook, gaps: Problem[]): Promise<readonly GoogleFrontend[]> {
  const proxies: Fields[] = [];
  for (const field of PROXIES) proxies.push(...(await all(look, field, gaps)));
  // Nothing speaks TLS there: nobody needs to know more.
  if (proxies.length === 0) return [];
  const hosts = new Map((await all(look, 'urlMaps', gaps)).map((map) => [linkOf(map), hostsOf(map)]));
  const rules = await all(look, 'forwardingRules', gaps);
  return proxies.map((proxy) => frontendOf(proxy, hosts, rules));
}

async function all(look: GoogleLook, field: string, gaps: Problem[]): Promise<readonly Fields[]> {
  const action = `compute.${field}.list`;
  const found: Fields[] = [];
  const failed = await attempt(collect(look.aggregated({ action }, field), found));
  if (failed instanceof CollectError) gaps.push(detailsCut(action, failed));
  return found;
}

async function collect(pages: ReturnType<GoogleLook['aggregated']>, found: Fields[]): Promise<void> {
  for await (const page of pages) {
    if (page.kind === 'cut') throw page.error;
    found.push(...page.items);
  }
}

function frontendOf(
  proxy: Fields,
  hosts: ReadonlyMap<string, readonly string[]>,
  rules: readonly Fields[],
): GoogleFrontend {
  const name = linkOf(proxy);
  const own = rules.filter((rule) => relativeName(textAt(rule, 'target') ?? '') === name);
  const ports = [...new Set(own.map((rule) => portOf(rule)))];
  const named = hosts.get(relativeName(textAt(proxy, 'urlMap') ?? '')) ?? [];
  const addresses = own.flatMap((rule) => {
    const address = textAt(rule, 'IPAddress');
    return address === undefined ? [] : [`${address.includes(':') ? `[${address}]` : address}:${portOf(rule)}`];
  });
  const ids = [
    ...named.flatMap((host) => (ports.length === 0 ? ['443'] : ports).map((port) => `${host}:${port}`)),
    ...addresses,
  ];
  return {
    name,
    reference: { type: 'gcp', id: textAt(proxy, 'selfLink')?.replace(/^.*?\/projects\//, 'projects/') ?? name },
    endpoints: [...new Set(ids)].map((id) => ({ type: 'endpoint', id })),
    certificates: textsAt(proxy, 'sslCertificates').map((link) => relativeName(link)),
    certificateMap: relativeOf(textAt(proxy, 'certificateMap')),
    serverTlsPolicy: relativeOf(textAt(proxy, 'serverTlsPolicy')),
  };
}

function linkOf(resource: Fields): string {
  return relativeName(textAt(resource, 'selfLink') ?? textAt(resource, 'name') ?? '');
}

function relativeOf(reference: string | undefined): string | undefined {
  return reference === undefined ? undefined : relativeName(reference);
}

/** Hosts that are names of one server; a pattern names none. */
function hostsOf(map: Fields): readonly string[] {
  return listAt(map, 'hostRules')
    .flatMap((rule) => textsAt(rule, 'hosts'))
    .filter((host) => !host.includes('*'))
    .map((host) => host.replace(/:\d+$/, ''));
}

/** A range of a TLS front end is one port. */
function portOf(rule: Fields): string {
  return /^(\d+)/.exec(textAt(rule, 'portRange') ?? '')?.[1] ?? '443';
}
