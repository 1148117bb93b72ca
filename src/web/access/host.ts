import { isIP } from 'node:net';

/** Endings of names that no stranger can own in the public DNS (RFC 6761, RFC 6762, RFC 8375, ICANN's .internal, Kubernetes). */
const INSIDE = ['.localhost', '.local', '.internal', '.home.arpa', '.svc', '.cluster.local', '.test'];

/**
 * Whether a browser that asks for this host can have been sent by nobody but the people here. Against DNS rebinding: a
 * page on a stranger's name, which now points to our address, would otherwise read us as its own origin. An address, a
 * name without a dot and a name inside cannot be a stranger's; others have to be known.
 */
export function isOwnHost(header: string | undefined, known: readonly string[]): boolean {
  const host = hostOf(header);
  if (host === undefined) return false;
  if (isIP(host) !== 0 || !host.includes('.')) return true;
  return INSIDE.some((ending) => host.endsWith(ending)) || known.some((one) => one.toLowerCase() === host);
}

/** The host of a Host header, in lower case, without its port; undefined for none. */
function hostOf(header: string | undefined): string | undefined {
  const [, six, name] = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9_.-]+))(?::\d{1,5})?$/.exec((header ?? '').toLowerCase()) ?? [];
  return six ?? name?.replace(/\.$/, '');
}
