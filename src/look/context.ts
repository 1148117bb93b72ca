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
  /** Told every secret that is read. */
  readonly redaction?: Pick<Redaction, 'note'>;
}

/** What every collector and channel of this process is given. */
export function createContext(parts: ContextParts): Context {
  const { isolate } = createIsolation();
  return {
    clock: parts.clock,
    log: parts.log,
    network: parts.network,
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
