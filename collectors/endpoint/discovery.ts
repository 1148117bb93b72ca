import { readdir } from 'node:fs/promises';
import { basename, dirname, extname, join, matchesGlob, resolve } from 'node:path';

import { z } from 'zod';

import type { Target } from '../../src/plugin/collector.ts';
import type { Context } from '../../src/plugin/context.ts';
import { CollectError } from '../../src/plugin/error.ts';
import { networkFailure } from '../../src/plugin/network-failure.ts';
import { fileFailure, readBoundedFile } from './bounded-file.ts';
import { createHttpDiscovery, httpDiscoveryOption } from './http-discovery.ts';
import { SCHEMES } from './scheme.ts';
import { mergeTargets, type ListedTarget } from './target-document.ts';
import { targetsIn } from './target-reader.ts';
import { formatEndpoint, parseEndpoint, TargetError } from './target.ts';

/** A document of 200 000 targets has less. */
const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024;
const MAX_FILES = 1_000;
/** Of a whole source: what is more is a mistake of who wrote the list. */
const MAX_TARGETS = 500_000;

const SERVICE = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(_([a-z0-9-]+)\._tcp\.[a-z0-9_.-]+)$/i;

/** Services by the names of their SRV records that have another name as a scheme (RFC 6186, RFC 6120, XEP-0368). */
const SERVICE_SCHEMES: ReadonlyMap<string, string> = new Map([
  ['xmpp-client', 'xmpp'],
  ['xmpps-client', 'xmpps'],
  ['secure-mqtt', 'mqtts'],
  ['postgresql', 'postgres'],
]);

function isTarget(text: string, check: z.core.$RefinementCtx<string>): void {
  try {
    parseEndpoint(text);
  } catch (error) {
    check.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
  }
}

const documentPath = z
  .string()
  .regex(
    /^(?:[^*?[\]{}]*\/)?[^/]+\.(?:json|ya?ml)$/,
    'a path that ends in .json, .yml or .yaml; only its last part may hold * and the like',
  );

/** Where targets come from. */
export const discoveryOptions = {
  targets: z
    .array(z.string().superRefine(isTarget))
    .default([])
    .describe(
      'What to connect to: host, host:port, [IPv6]:port, or one of these with a scheme that says what is spoken there: https, smtp, imaps, postgres, … Without a port that of the scheme, 443 by itself.',
    ),
  targets_file: z
    .union([z.string().min(1), z.array(z.string().min(1))])
    .default([])
    .transform((given) => (typeof given === 'string' ? [given] : given))
    .describe(
      'Files with targets, read before each round: one a line, or a list in .json, .yml or .yaml. A file that is missing or broken is told of, and withdraws nothing.',
    ),
  file_sd: z
    .array(documentPath)
    .default([])
    .describe(
      "Documents of Prometheus' file_sd, patterns such as /etc/prometheus/tls/*.json. Labels are kept, but for __meta_… and the like.",
    ),
  http_sd: httpDiscoveryOption,
  srv: z
    .array(
      z
        .string()
        .regex(SERVICE, 'the name of a service, such as _ldaps._tcp.example.com')
        .refine((text) => {
          const scheme = SERVICE.exec(text)?.[1];
          return scheme === undefined || SCHEMES.has(scheme.toLowerCase());
        }, 'the scheme in front is none that notafter knows'),
    )
    .default([])
    .describe(
      'Names of SRV records. The service says what is spoken where it is called as a scheme (_imaps, _ldap, _xmpp-client); a scheme in front says it otherwise: smtp://_relay._tcp.example.com.',
    ),
  targets_from: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Other sources: where the certificates that they find are served, as they say themselves (the Ingresses and Gateways of a kubernetes source), is looked at.',
    ),
};

type DiscoveryOptions = z.output<z.ZodObject<typeof discoveryOptions>>;

/**
 * Finds the targets of a source. What can be had is given, and then, where something could not, a CollectError with all
 * that is wrong: the host goes on with what it knew.
 */
export function createDiscovery(
  given: DiscoveryOptions,
  context: Context,
): (signal: AbortSignal) => AsyncIterable<Target> {
  const { targets, targets_file: files, file_sd: patterns, http_sd: urls, srv, targets_from: sources } = given;
  if ([targets, files, patterns, urls, srv, sources].every((list) => list.length === 0)) {
    throw new Error(
      'there is nothing to connect to: give targets, targets_file, file_sd, http_sd, srv or targets_from',
    );
  }
  const listed = targets.map((text) => ({ endpoint: parseEndpoint(text), labels: {} }));
  const fromUrls = urls.map((url) => createHttpDiscovery(url, context));

  return async function* discover(signal) {
    const failures: CollectError[] = [];
    async function attempt(find: () => Promise<readonly ListedTarget[]>): Promise<readonly ListedTarget[]> {
      try {
        return await find();
      } catch (error) {
        if (!(error instanceof CollectError) || signal.aborted) throw error;
        failures.push(error);
        return [];
      }
    }
    const found: ListedTarget[][] = [[...listed]];
    const add = async (find: () => Promise<readonly ListedTarget[]>): Promise<void> => {
      found.push([...(await attempt(find))]);
    };
    for (const path of files) await add(() => readTargets(resolve(path), context, signal));
    for (const pattern of patterns) {
      let paths: readonly string[] = [];
      await attempt(async () => {
        paths = await expand(resolve(pattern));
        return [];
      });
      for (const path of paths) await add(() => readTargets(path, context, signal));
    }
    for (const name of srv) await add(() => lookUpService(name, context, signal));
    for (const read of fromUrls) await add(() => read(signal));
    if (sources.length > 0) found.push(servedBy(sources, context));

    const merged = mergeTargets(found.flat());
    let count = 0;
    for (const [key, { endpoint, labels }] of merged) {
      count += 1;
      if (count > MAX_TARGETS) {
        failures.push(
          new CollectError('too_large', `${merged.size} targets are more than one source looks at (${MAX_TARGETS})`),
        );
        break;
      }
      yield { key, ...(Object.keys(labels).length === 0 ? {} : { labels }), data: { ...endpoint } };
    }
    const [first] = failures;
    if (first !== undefined) {
      throw new CollectError(first.reason, failures.map(({ message }) => message).join('; '), { cause: first });
    }
  };
}

/** Where other sources say that their certificates are served; what they name otherwise is none of ours. */
function servedBy(sources: readonly string[], context: Context): ListedTarget[] {
  return [...(context.servedAt?.(sources) ?? [])].flatMap((text) => {
    try {
      return [{ endpoint: parseEndpoint(text), labels: {} }];
    } catch (error) {
      if (error instanceof TargetError) return [];
      throw error;
    }
  });
}

/** The targets of one file. */
async function readTargets(path: string, context: Context, signal: AbortSignal): Promise<readonly ListedTarget[]> {
  const bytes = await readBoundedFile(path, MAX_DOCUMENT_BYTES, 'a list of targets', signal);
  if (!(bytes instanceof Uint8Array)) throw new CollectError(bytes.reason, bytes.detail);
  const isDocument = /^\.(?:json|ya?ml)$/i.test(extname(path));
  return targetsIn(Buffer.from(bytes).toString('utf8'), isDocument ? 'document' : 'lines', path, context);
}

/** The files that a pattern means; one without a sign of a pattern means itself. Throws CollectError when there is none. */
async function expand(pattern: string): Promise<readonly string[]> {
  const name = basename(pattern);
  if (!/[*?[\]{}]/.test(name)) return [pattern];
  const folder = dirname(pattern);
  let names: readonly string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    const { reason, detail } = fileFailure(error, folder);
    throw new CollectError(reason, detail, { cause: error });
  }
  const matching = names.filter((entry) => matchesGlob(entry, name)).toSorted();
  if (matching.length === 0) {
    throw new CollectError('not_found', `${pattern}: no file is called like that; what was found there before is kept`);
  }
  if (matching.length > MAX_FILES) {
    throw new CollectError('too_large', `${pattern}: ${matching.length} files are more than are read (${MAX_FILES})`);
  }
  return matching.map((entry) => join(folder, entry));
}

async function lookUpService(text: string, context: Context, signal: AbortSignal): Promise<readonly ListedTarget[]> {
  const [, scheme, name = '', service = ''] = SERVICE.exec(text) ?? [];
  const called = scheme?.toLowerCase() ?? SERVICE_SCHEMES.get(service.toLowerCase()) ?? service.toLowerCase();
  const spoken = SCHEMES.has(called) ? `${called}://` : '';
  try {
    const places = await context.network.resolveService(name, signal);
    return places.map((place) => ({ endpoint: parseEndpoint(spoken + formatEndpoint(place)), labels: {} }));
  } catch (error) {
    if (error instanceof TargetError) {
      throw new CollectError('malformed', `the SRV record of ${name} names no target: ${error.message}`, {
        cause: error,
      });
    }
    const failure = networkFailure(error);
    if (failure === undefined) throw error;
    throw new CollectError(failure.reason, failure.message, { cause: error });
  }
}
