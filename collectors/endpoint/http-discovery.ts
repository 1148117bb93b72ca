import { z } from 'zod';

import type { Context } from '../../src/plugin/context.ts';
import { CollectError } from '../../src/plugin/error.ts';
import { networkFailure } from '../../src/plugin/network-failure.ts';
import { secretFields, secretOf } from '../../src/plugin/options.ts';
import type { Reason } from '../../src/plugin/reason.ts';
import type { ListedTarget } from './target-document.ts';
import { targetsIn } from './target-reader.ts';

const DEADLINE_MS = 30_000;
const MAX_BYTES = 16 * 1024 * 1024;

const url = z
  .url({ protocol: /^https?$/ })
  .refine((text) => !/^[a-z]+:\/\/[^/?#]*@/i.test(text), 'a login is not written into the URL: give token_file');

const entry = z
  .strictObject({
    url: url.describe('Where the targets are.'),
    ...secretFields('token', 'A bearer token to ask with'),
  })
  .refine((given) => given.token === undefined || given.token_file === undefined, {
    message: 'give either token or token_file, not both',
    path: ['token'],
  });

export const httpDiscoveryOption = z
  .array(z.union([url, entry]))
  .default([])
  .describe(
    "URLs of Prometheus' http_sd: alone, or {url, token_file} to ask with a bearer token. Asked before each round; while one does not answer, what it named last is looked at.",
  );

/** Asks one URL for its targets (https://prometheus.io/docs/prometheus/latest/http_sd/); throws CollectError. */
export function createHttpDiscovery(
  option: z.output<typeof httpDiscoveryOption>[number],
  context: Context,
): (signal: AbortSignal) => Promise<readonly ListedTarget[]> {
  const { url: address, ...login } = typeof option === 'string' ? { url: option } : option;
  const token = secretOf(login, 'token');
  // The path and the query may hold a secret.
  const name = new URL(address).origin;
  let last: { readonly tag: string; readonly targets: readonly ListedTarget[] } | undefined;

  async function ask(signal: AbortSignal): ReturnType<Context['network']['fetch']> {
    const headers = {
      accept: 'application/json',
      ...(last === undefined ? {} : { 'if-none-match': last.tag }),
      ...(token === undefined ? {} : { authorization: `Bearer ${await readToken()}` }),
    };
    try {
      return await context.network.fetch(address, { headers, deadlineMs: DEADLINE_MS, maxBytes: MAX_BYTES }, signal);
    } catch (error) {
      const failure = networkFailure(error);
      if (failure === undefined) throw error;
      throw new CollectError(failure.reason, failure.message, { cause: error });
    }
  }

  async function readToken(): Promise<string> {
    try {
      return token === undefined ? '' : await context.secret(token);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new CollectError('authentication_failed', `${name}: ${why}`, { cause: error });
    }
  }

  return async (signal) => {
    const response = await ask(signal);
    if (response.status === 304 && last !== undefined) return last.targets;
    if (response.status !== 200) {
      throw new CollectError(
        reasonOf(response.status),
        `${name} answered with ${response.status} where a list of targets was asked for; what it named before is kept`,
      );
    }
    const targets = await targetsIn(response.body, 'document', name, context);
    const tag = response.headers.get('etag');
    last = tag === undefined ? undefined : { tag, targets };
    return targets;
  };
}

function reasonOf(status: number): Reason {
  switch (status) {
    case 401:
      return 'authentication_failed';
    case 403:
      return 'permission_denied';
    case 404:
    case 410:
      return 'not_found';
    case 429:
      return 'throttled';
    default:
      return 'service_error';
  }
}
