import { readFile } from 'node:fs/promises';

import type { Clock, Context, Limiter, Rate, SecretRef } from '../plugin/context.ts';
import type { Logger } from '../plugin/logger.ts';
import type { Network } from '../network/network.ts';
import type { Redaction } from '../text/redaction.ts';
import type { Probe } from '../tls/probe.ts';
import { createScanner, type Scanner } from '../tls/scanner/scanner.ts';
import { createIsolation } from './isolation.ts';
import { createParser } from './parse.ts';

export interface ContextParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly network: Network;
  readonly probe?: Probe;
  readonly servedAt?: NonNullable<Context['servedAt']>;
  readonly limit: (key: string, rate: Rate) => Limiter;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Told every secret that is read, and everything that is logged in with. */
  readonly redaction?: Pick<Redaction, 'note'>;
}

/** Headers by which somebody logs in. What stands in them may have been given just now, and never been in a config. */
const LOGIN_HEADERS: ReadonlySet<string> = new Set(['authorization', 'cookie', 'tppl-api-key', 'x-vault-token']);

/** What every collector and channel of this process is given. */
export function createContext(parts: ContextParts): Context {
  const { isolate } = createIsolation();
  const { redaction, network } = parts;
  return {
    clock: parts.clock,
    log: parts.log,
    network: redaction === undefined ? network : noting(network, redaction),
    ...(parts.probe === undefined ? {} : { probe: parts.probe }),
    ...(parts.servedAt === undefined ? {} : { servedAt: parts.servedAt }),
    limit: parts.limit,
    async secret(reference) {
      const secret = await readSecret(reference, parts.environment);
      parts.redaction?.note(secret);
      return secret;
    },
    parse: createParser(isolate),
    isolate,
  };
}

/** Takes note of what is logged in with, before anybody can say it back. */
function noting(network: Network, redaction: Pick<Redaction, 'note'>): Network {
  function note(headers: Readonly<Record<string, string>> = {}): void {
    for (const [name, value] of Object.entries(headers)) {
      // The scheme is no secret.
      if (LOGIN_HEADERS.has(name.toLowerCase())) redaction.note(value.replace(/^[A-Za-z]+ +/, ''));
    }
  }
  return {
    ...network,
    fetch(url, request, signal) {
      note(request.headers);
      return network.fetch(url, request, signal);
    },
    stream(url, request, signal) {
      note(request.headers);
      return network.stream(url, request, signal);
    },
  };
}

/** What makes the probes of a process that lives long. */
export function openScanner(log: Logger): Scanner {
  return createScanner({
    now: () => performance.now(),
    onCrash: (error) => log.error({ error }, 'a scanner thread crashed; another takes its place'),
  });
}

/** Reads a secret anew, so that a rotated one is used without a restart. One trailing line break is not part of it. */
export async function readSecret(reference: SecretRef, environment: ContextParts['environment']): Promise<string> {
  if ('env' in reference) {
    const value = environment[reference.env];
    if (value === undefined || value === '') throw new Error(`the environment variable ${reference.env} is not set`);
    return value;
  }
  let text: string;
  try {
    text = await readFile(reference.file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'error';
    throw new Error(`the secret file ${reference.file} cannot be read (${code})`, { cause: error });
  }
  const secret = text.replace(/\r?\n$/, '');
  if (secret === '') throw new Error(`the secret file ${reference.file} is empty`);
  return secret;
}
