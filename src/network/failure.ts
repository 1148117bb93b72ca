import type { NetworkFailure } from './network.ts';

/** What a system call's error code means, and what a person can do about it. */
interface Meaning {
  readonly reason: NetworkFailure;
  /** Completes the sentence "10.0.0.7 port 8443 …". */
  readonly text: string;
}

const MEANINGS: Readonly<Record<string, Meaning>> = {
  ECONNREFUSED: {
    reason: 'refused',
    text: 'refused the connection; check that the service runs there and listens on this port',
  },
  ECONNRESET: { reason: 'reset', text: 'reset the connection; a firewall or an overloaded server does that' },
  ECONNABORTED: { reason: 'reset', text: 'aborted the connection' },
  EPIPE: { reason: 'reset', text: 'closed the connection while it was being written to' },
  ETIMEDOUT: { reason: 'timeout', text: 'did not answer in time; a firewall that drops packets looks like this' },
  EHOSTUNREACH: { reason: 'unreachable', text: 'cannot be reached: no route to the host' },
  EHOSTDOWN: { reason: 'unreachable', text: 'cannot be reached: the host is down' },
  ENETUNREACH: { reason: 'unreachable', text: 'cannot be reached: this machine has no route to that network' },
  ENETDOWN: { reason: 'unreachable', text: 'cannot be reached: the network is down' },
  EADDRNOTAVAIL: { reason: 'unreachable', text: 'cannot be reached: this machine has no address for that network' },
  EAFNOSUPPORT: { reason: 'unreachable', text: 'cannot be reached: this machine does not speak that address family' },
  EINVAL: { reason: 'unreachable', text: 'cannot be reached: the system refuses the address' },
  EACCES: { reason: 'permission_denied', text: 'must not be connected to: the system or its firewall forbids it' },
  EPERM: { reason: 'permission_denied', text: 'must not be connected to: the system or its firewall forbids it' },
};

/** The meaning of a socket error; undefined when it is not about the other side (out of file descriptors). */
export function meaningOf(error: unknown): Meaning | undefined {
  const code = codeOf(error);
  return code === undefined ? undefined : MEANINGS[code];
}

/** The `code` of a system or library error. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
