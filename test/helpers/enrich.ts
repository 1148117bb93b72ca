import { createServer, type IncomingHttpHeaders } from 'node:http';

import { parseCertificate } from '../../src/certificate/certificate.ts';
import type { Answer, CertificateEnricher, EnrichContext, WantedCertificate } from '../../src/enrich/enricher.ts';
import type { Inquiry } from '../../src/inventory/fact.ts';
import { createEgress, parseAllowance } from '../../src/network/egress.ts';
import { startServer } from './loopback-servers.ts';
import type { Authority, TestCertificate } from './pki.ts';

export const never = new AbortController().signal;

/** What a server of the outside was asked. */
export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
}

/** A real HTTP server on loopback, and everything that it was asked. */
export interface Outside extends AsyncDisposable {
  readonly base: string;
  readonly port: number;
  readonly asked: Asked[];
  reply: (asked: Asked) => Reply | undefined;
}

export async function startOutside(reply: (asked: Asked) => Reply | undefined = () => undefined): Promise<Outside> {
  const asked: Asked[] = [];
  const server = await startServer(
    createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const one: Asked = {
          method: request.method ?? '',
          url: request.url ?? '',
          headers: request.headers,
          body: Buffer.concat(chunks),
        };
        asked.push(one);
        const { status = 200, headers = {}, body = '' } = outside.reply(one) ?? { status: 404 };
        // Its clock is not that of the test.
        response.sendDate = false;
        response.writeHead(status, headers).end(body);
      });
    }),
  );
  const outside: Outside = {
    base: `http://127.0.0.1:${server.port}`,
    port: server.port,
    asked,
    reply,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
  return outside;
}

/** The context of an enricher with a real egress that may reach this outside alone, at a time that stands still. */
export function enrichContext(outside: Outside, clock: { now(): number } = { now: Date.now }): EnrichContext {
  const resolve: EnrichContext['resolve'] = () => Promise.reject(new Error('no name is looked up here'));
  const egress = createEgress({
    network: { resolve },
    userAgent: 'notafter/test',
    allow: () => [parseAllowance(`127.0.0.1:${outside.port}`)],
  });
  return { clock, resolve, fetch: (url, request, signal) => egress.fetch(url, request, signal) };
}

export function wanted(certificate: TestCertificate, issuer?: Authority, previous?: Inquiry): WantedCertificate {
  return {
    subject: certificate.fingerprint,
    certificate: parseCertificate(certificate.der),
    ...(issuer === undefined ? {} : { issuer: parseCertificate(issuer.certificate.der) }),
    ...(previous === undefined ? {} : { previous }),
  };
}

/** The answers of one round, in the order of the subjects. */
export async function ask(
  enricher: CertificateEnricher,
  subjects: readonly WantedCertificate[],
  context: EnrichContext,
  signal: AbortSignal = never,
): Promise<readonly (Answer | undefined)[]> {
  const answers = new Map<string, Answer>();
  for await (const answer of enricher.enrich(subjects, context, signal)) {
    if (answers.has(answer.subject)) throw new Error('one subject was answered twice');
    answers.set(answer.subject, answer);
  }
  return subjects.map(({ subject }) => answers.get(subject));
}
