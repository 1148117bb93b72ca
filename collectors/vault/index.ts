import { z } from 'zod';

import { defineCollector, type CollectorInstance, type Target } from '../../src/plugin/collector.ts';
import type { Context } from '../../src/plugin/context.ts';
import { CollectError } from '../../src/plugin/error.ts';
import { secretOf } from '../../src/plugin/options.ts';
import { createApi, type Server } from './api.ts';
import { MountMemory } from './look.ts';
import { observeMount } from './mount.ts';
import { options, type Options } from './options.ts';
import { createSession, type Session } from './session.ts';
import { observeToken } from './token.ts';
import { observeTrust } from './trust.ts';

/** What travels with a target. */
const TargetData = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('pki'), mount: z.string() }),
  z.object({ kind: z.literal('cert'), mount: z.string() }),
  z.object({ kind: z.literal('token') }),
]);

export const vault = defineCollector({
  type: 'vault',
  summary:
    'PKI mounts of HashiCorp Vault and OpenBao: issued certificates, issuers, CRLs, and whom their cert auth trusts',
  options,
  scope: () => 'cluster',
  create: async (given, context) => createInstance(given, serverOf(given, process.env), context),
});

/** Where the server is. Throws an Error that says what is missing. */
function serverOf(given: Options, environment: Readonly<Record<string, string | undefined>>): Server {
  const address = given.address ?? environment['VAULT_ADDR'] ?? environment['BAO_ADDR'];
  if (address === undefined || !URL.canParse(address)) {
    throw new Error('there is no Vault to look at: give address, or set VAULT_ADDR');
  }
  return {
    address: address.replace(/\/+$/, ''),
    namespace: given.namespace ?? environment['VAULT_NAMESPACE'] ?? environment['BAO_NAMESPACE'],
    caFile: given.ca_file ?? environment['VAULT_CACERT'] ?? environment['BAO_CACERT'],
  };
}

function createInstance(given: Options, server: Server, context: Context): CollectorInstance {
  // A secret that is given twice is told at once.
  if (given.auth.method === 'token') secretOf(given.auth, 'token');
  if (given.auth.method === 'approle') secretOf(given.auth, 'secret');
  const session = createSession(createApi(server, context), given.auth, context);
  const memories = new Map<string, MountMemory>();

  function memoryOf(mount: string): MountMemory {
    const memory = memories.get(mount) ?? new MountMemory();
    memories.set(mount, memory);
    return memory;
  }

  return {
    async *discover(signal) {
      yield { key: 'token', data: { kind: 'token' } };
      const failures: CollectError[] = [];
      for (const [kind, configured, path] of [
        ['pki', given.mounts, 'sys/mounts'],
        ['cert', given.auth_mounts, 'sys/auth'],
      ] as const) {
        try {
          const mounts = configured ?? (await findMounts(session, path, kind, signal));
          for (const mount of mounts) yield targetOf(kind, mount);
        } catch (error) {
          if (!(error instanceof CollectError)) throw error;
          failures.push(error);
        }
      }
      const [first] = failures;
      if (first === undefined) return;
      const told = [...new Set(failures.map(({ message }) => message))].join('; ');
      throw new CollectError(first.reason, `${told}; or name the mounts in the config`, { cause: first });
    },

    async *observe(target, known, signal) {
      signal.throwIfAborted();
      const { data } = TargetData.safeParse(target.data);
      switch (data?.kind) {
        case 'pki': {
          const { mount } = data;
          yield* observeMount({ session, mount, given, context, known, memory: memoryOf(mount), signal });
          break;
        }
        case 'cert':
          yield* observeTrust(session, data.mount, known, signal);
          break;
        case 'token':
          yield* observeToken(session, context, signal);
          break;
        case undefined:
          throw new CollectError('not_found', `${target.key} is not a target of this source`);
      }
    },
  };
}

function targetOf(kind: 'pki' | 'cert', mount: string): Target {
  return { key: kind === 'pki' ? mount : `auth/${mount}`, data: { kind, mount } };
}

/** Mounts of a type, by what the server lists. */
async function findMounts(
  session: Session,
  path: string,
  type: 'pki' | 'cert',
  signal: AbortSignal,
): Promise<readonly string[]> {
  const mounts = await session.read(path, signal);
  return Object.entries(mounts)
    .filter(([, mount]) => typeof mount === 'object' && mount !== null && (mount as { type?: unknown }).type === type)
    .map(([name]) => name.replace(/\/+$/, ''))
    .toSorted();
}
