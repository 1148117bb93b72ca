import { readFile } from 'node:fs/promises';

import type { Command } from 'commander';
import { z } from 'zod';

import { loadConfig } from '../config/load.ts';
import { terminalText } from '../text/terminal.ts';
import { complain } from './output.ts';

const DEADLINE_MS = 45_000;
const TOKEN_VARIABLE = 'NOTAFTER_TOKEN';

/** An error as the API says it (RFC 9457). */
const Problem = z.object({ title: z.string(), detail: z.string() });

export interface DaemonOptions {
  readonly config: string;
  readonly url?: string;
  readonly tokenFile?: string;
}

export interface Answer {
  readonly status: number;
  readonly value: unknown;
}

/** The options of every command that talks to the running daemon. */
export function withDaemonOptions(command: Command): Command {
  return command
    .option('--config <file>', 'the config file, for the address of the daemon', 'notafter.yaml')
    .option('--url <url>', 'where the daemon serves, instead of what the config says')
    .option(
      '--token-file <file>',
      `a file with a token of web.tokens; else the environment variable ${TOKEN_VARIABLE}`,
    );
}

/** Asks the running daemon. Undefined when there is no answer of a notafter, or an error: that has been said then. */
export async function askDaemon(
  options: DaemonOptions,
  path: string,
  request: { readonly method?: string; readonly body?: unknown } = {},
): Promise<Answer | undefined> {
  const url = options.url ?? (await urlOf(options.config));
  const token = options.tokenFile === undefined ? process.env[TOKEN_VARIABLE] : await readToken(options.tokenFile);
  let answer: Response;
  try {
    answer = await fetch(new URL(path, url.endsWith('/') ? url : `${url}/`), {
      method: request.method ?? 'GET',
      headers: {
        ...(token === undefined || token === '' ? {} : { authorization: `Bearer ${token}` }),
        ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    complain(`notafter: no daemon answers at ${url} (${cause}); start it with "notafter run", or name it with --url`);
    return undefined;
  }
  const value = parsed(await answer.text());
  if (value === undefined) {
    complain(`notafter: what answers at ${url} is not notafter (HTTP ${answer.status})`);
    return undefined;
  }
  const problem = Problem.safeParse(value);
  if (problem.success && !answer.ok) {
    complain(terminalText(`notafter: ${problem.data.detail}`));
    return undefined;
  }
  return { status: answer.status, value };
}

async function urlOf(file: string): Promise<string> {
  const { web } = await loadConfig(file, process.env);
  const host =
    web.host === '0.0.0.0' || web.host === '::' ? 'localhost' : web.host.includes(':') ? `[${web.host}]` : web.host;
  return `${web.tls === undefined ? 'http' : 'https'}://${host}:${web.port}`;
}

async function readToken(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    throw new Error(`the token file ${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'})`, {
      cause: error,
    });
  }
}

/** Undefined when it is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
