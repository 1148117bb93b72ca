import { parseDocument, YAMLError } from 'yaml';
import { z } from 'zod';

import type { KubeconfigResult } from './kubeconfig.ts';

/** Entries of one list; files of fleets hold hundreds. */
const MAX_ENTRIES = 2_000;
/** Nodes that aliases may stand for, as a multiple of what is written: a bomb stands for millions. */
const MAX_ALIASES = 100;

const text = z.string().optional().catch(undefined);
function list<Entry extends z.ZodType>(entry: Entry) {
  return z
    .array(entry)
    .nullish()
    .transform((entries) => (entries ?? []).slice(0, MAX_ENTRIES));
}

/** https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/; what is missing or of another type counts as absent. */
const kubeconfig = z.object({
  users: list(
    z.object({
      name: z.string(),
      user: z
        .object({
          'client-certificate': text,
          'client-certificate-data': text,
          'client-key': text,
          'client-key-data': text,
        })
        .nullish(),
    }),
  ),
  clusters: list(
    z.object({
      name: z.string(),
      cluster: z.object({ server: text, 'certificate-authority': text, 'certificate-authority-data': text }).nullish(),
    }),
  ),
  contexts: list(
    z.object({
      context: z.object({ cluster: text, user: text }).nullish(),
    }),
  ),
});

/** Runs in a process of its own: see `readKubeconfig`. */
export function isolated(source: string): KubeconfigResult {
  let value: unknown;
  try {
    const document = parseDocument(source, { schema: 'core', merge: false, logLevel: 'silent' });
    const [error] = document.errors;
    if (error !== undefined) return { kind: 'malformed', detail: firstLine(error) };
    value = document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    if (error instanceof YAMLError || error instanceof ReferenceError || error instanceof RangeError) {
      return { kind: 'malformed', detail: firstLine(error) };
    }
    throw error;
  }
  const { data } = kubeconfig.safeParse(value);
  if (data === undefined) return { kind: 'other' };
  return {
    kind: 'kubeconfig',
    config: {
      users: data.users.map(({ name, user }) => ({
        name,
        ...optional('certificateData', user?.['client-certificate-data']),
        ...optional('certificateFile', user?.['client-certificate']),
        ...optional('keyData', user?.['client-key-data']),
        ...optional('keyFile', user?.['client-key']),
      })),
      clusters: data.clusters.map(({ name, cluster }) => ({
        name,
        ...optional('server', cluster?.server),
        ...optional('authorityData', cluster?.['certificate-authority-data']),
        ...optional('authorityFile', cluster?.['certificate-authority']),
      })),
      contexts: data.contexts.map(({ context }) => ({ cluster: context?.cluster ?? '', user: context?.user ?? '' })),
    },
  };
}

function firstLine(error: Error): string {
  return error.message.split('\n')[0] ?? '';
}

/** An optional property: kubectl writes an empty text where there is none. */
function optional<Key extends string>(key: Key, value: string | undefined): { readonly [K in Key]?: string } {
  return value === undefined || value === '' ? {} : ({ [key]: value } as { readonly [K in Key]: string });
}
