import { z } from 'zod';

import type { Verdict } from '../../src/plugin/observation.ts';
import type { ClientIdentity } from '../../src/tls/rehearse/identity.ts';
import { rehearse, type RehearsalOptions } from '../../src/tls/rehearse/rehearse.ts';
import type { RehearsalRequest } from '../../src/tls/rehearse/request.ts';

/** Rehearsals of one address that run at once. */
const CONCURRENCY = 4;

export const METHODS = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

const http = z.strictObject({
  method: z.enum(METHODS).default('GET').describe('The method; it is sent without content.'),
  path: z
    .string()
    .max(2_048)
    .regex(/^\/[\x21-\x7e]*$/, 'a path like /v1/status, with everything else percent-encoded')
    .describe('The path, with a query if need be.'),
  expect: z
    .array(z.int().min(100).max(599))
    .min(1)
    .optional()
    .describe(
      'Status codes that mean acceptance; any other is then a rejection. Default: all but 400, 401, 403, 495, 496.',
    ),
});

const grpc = z.strictObject({
  service: z.string().max(1_024).default('').describe('The service whose health is asked for; empty for the server.'),
});

const postgresName = z
  .string()
  .min(1)
  .max(63)
  .refine((text) => !text.includes('\0'), 'a name without NUL');

const postgres = z.strictObject({
  user: postgresName.describe('The user to log in as.'),
  database: postgresName.describe('The database to log in to.'),
});

export const rehearseOption = z
  .union([
    z.enum(['auto', 'none']),
    z.strictObject({ http: http.describe('One HTTP request, over HTTP/2 or HTTP/1.1 as the server chooses.') }),
    z.strictObject({ grpc: grpc.describe('The Check of the gRPC health service.') }),
    z.strictObject({ postgres: postgres.describe('A PostgreSQL login up to its first answer, behind an SSLRequest.') }),
  ])
  .default('auto')
  .describe(
    'What to ask a server for its verdict about a client: auto (HEAD / where it chooses HTTP, else nothing), none, or one of http, grpc, postgres.',
  );

export function toRequest(option: z.output<typeof rehearseOption>): RehearsalRequest {
  if (option === 'auto' || option === 'none') return { kind: option };
  if ('http' in option) {
    const { expect, ...request } = option.http;
    return { kind: 'http', ...request, ...(expect === undefined ? {} : { expect }) };
  }
  return 'grpc' in option ? { kind: 'grpc', ...option.grpc } : { kind: 'postgres', ...option.postgres };
}

/** Who logs in; nobody has no name. */
export interface Candidate {
  readonly name: string | null;
  readonly identity: ClientIdentity | null;
}

/** What came of one login. */
export interface Login {
  readonly verdict: Verdict;
  /** What passed on the wire, a line each. */
  readonly transcript: readonly string[];
}

/** One login of each candidate, in order. */
export async function rehearseEach(
  candidates: readonly Candidate[],
  options: Omit<RehearsalOptions, 'identity'>,
  signal: AbortSignal,
): Promise<readonly Login[]> {
  const logins: Login[] = [];
  for (let start = 0; start < candidates.length; start += CONCURRENCY) {
    const batch = candidates.slice(start, start + CONCURRENCY).map(async ({ name, identity }) => {
      const { transcript = [], ...verdict } = await rehearse({ ...options, identity, transcript: true }, signal);
      return { verdict: { ...verdict, name }, transcript };
    });
    logins.push(...(await Promise.all(batch)));
  }
  return logins;
}
