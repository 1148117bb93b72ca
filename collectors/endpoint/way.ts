import { hostname } from 'node:os';

import { z } from 'zod';

import type { Context } from '../../src/plugin/context.ts';
import type { EndpointFacts, Problem } from '../../src/plugin/observation.ts';
import type { Connect, Farewell } from '../../src/tls/connect.ts';
import type { RehearsalRequest } from '../../src/tls/rehearse/request.ts';
import type { Protocol } from '../../src/tls/starttls/dialogues.ts';
import { startTlsIn, type TlsStart } from '../../src/tls/starttls/start.ts';
import { SCHEMES, type Scheme } from './scheme.ts';
import type { Endpoint } from './target.ts';

/** The place of what was said before TLS. */
const PLACE = 'starttls';

const HOST_NAME = /^[a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?$/i;

export const heloNameOption = z
  .string()
  .regex(HOST_NAME, 'a host name such as monitor.example.com')
  .optional()
  .describe('How notafter calls itself to mail servers (EHLO, LHLO). Default: the name of its machine.');

export interface WayOptions {
  readonly connect: Context['network']['connect'];
  /** Whose server it is to be: a host name in ASCII, or a literal address. */
  readonly host: string;
  readonly heloName: string | undefined;
  /** Application protocols where the scheme has none of its own. */
  readonly alpn: readonly string[];
  readonly request: RehearsalRequest;
}

/** How TLS is begun at one address of a target. */
export interface Way {
  readonly connect: Connect;
  readonly farewell?: Farewell;
  readonly alpn: readonly string[];
  /** Whether the other side may be a web server. */
  readonly offersHttp: boolean;
  /** What is known of the words before TLS, and what was wrong with them; to be asked when all was looked at. */
  told(at: { readonly address: string; readonly port: number }): {
    readonly facts: Pick<EndpointFacts, 'protocol'>;
    readonly problems: readonly Problem[];
  };
}

export function wayTo(target: Endpoint, { connect, host, heloName, alpn, request }: WayOptions): Way {
  const scheme = schemeOf(target, request);
  const { protocol } = scheme ?? {};
  const own = heloName ?? ownName();
  const start = protocol === undefined ? undefined : startTlsIn(protocol, connect, { host, own });
  return {
    connect: start?.connect ?? connect,
    ...(start?.farewell === undefined ? {} : { farewell: start.farewell }),
    alpn: scheme?.alpn ?? (protocol === undefined ? alpn : []),
    offersHttp: scheme?.alpn === undefined && protocol === undefined,
    told: (at) => ({
      facts: protocol === undefined ? {} : { protocol },
      problems: start === undefined ? [] : injectedInto(start, at, protocol),
    }),
  };
}

/** A login to PostgreSQL begins as PostgreSQL does, whether the target says so or not. */
function schemeOf({ scheme }: Endpoint, request: RehearsalRequest): Scheme | undefined {
  if (scheme === undefined) return request.kind === 'postgres' ? SCHEMES.get('postgres') : undefined;
  return SCHEMES.get(scheme);
}

function injectedInto(
  { injected }: TlsStart,
  { address, port }: { readonly address: string; readonly port: number },
  protocol: Protocol | undefined,
): readonly Problem[] {
  if (injected === 0) return [];
  return [
    {
      reason: 'injected',
      place: PLACE,
      detail: `${injected} octets came in the clear from ${address} port ${port} after it had agreed in ${protocol} to begin TLS; they were thrown away: see what stands between notafter and the server, and whether the server is up to date (CVE-2011-0411)`,
    },
  ];
}

function ownName(): string {
  const name = hostname();
  return HOST_NAME.test(name) ? name : 'localhost';
}
