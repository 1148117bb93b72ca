import type { EndpointFacts } from './observation.ts';

const DEFAULT_PORT = 443;

/**
 * How a reference names an endpoint: `host:port` in lower case, an IPv6 address in brackets; without scheme, user and path,
 * which tell no endpoint from another. Text that is no such name is given back in lower case.
 */
export function endpointName(text: string): string {
  const name = text
    .trim()
    .toLowerCase()
    .replace(/^[a-z][a-z0-9+.-]*:\/\//, '')
    .replace(/[/?#].*$/, '')
    .replace(/^[^@]*@/, '')
    .replace(/\.$|\.(?=:\d+$)/, '');
  if (/^[^:]+:\d+$|^\[[^\]]*\]:\d+$/.test(name)) return name;
  // An IPv6 address may be written without brackets when no port follows.
  const host = name.includes(':') && !name.startsWith('[') ? `[${name}]` : name;
  return host === '' ? host : `${host}:${DEFAULT_PORT}`;
}

/** The names by which references may mean an endpoint: as its target is written, by its address, by the name it is asked for. */
export function namesOfEndpoint({
  target,
  endpoint,
}: {
  readonly target: string;
  readonly endpoint?: Pick<EndpointFacts, 'address' | 'port' | 'serverName'>;
}): ReadonlySet<string> {
  if (endpoint === undefined) return new Set();
  const { address, port, serverName } = endpoint;
  const host = address.includes(':') ? `[${address}]` : address;
  return new Set([
    endpointName(/:\d+$/.test(target) ? target : `${target}:${port}`),
    `${host}:${port}`.toLowerCase(),
    ...(serverName === undefined ? [] : [endpointName(`${serverName}:${port}`)]),
  ]);
}
