import { onTestFinished } from 'vitest';

import { kubernetes } from '../../collectors/kubernetes/index.ts';
import { createContext } from '../../src/look/context.ts';
import { createNetwork } from '../../src/network/create-network.ts';
import { createLimiters } from '../../src/network/limiter.ts';
import type { CollectorInstance, Known } from '../../src/plugin/collector.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Observation } from '../../src/plugin/observation.ts';
import { startFakeKube, type FakeKube } from './fake-kube.ts';

const never = new AbortController().signal;
const network = createNetwork({ hostsFile: '/dev/null', resolvConf: '/dev/null' });

/** A cluster of the test, and the collector that looks at it. */
export interface KubeLook {
  readonly cluster: FakeKube;
  readonly instance: CollectorInstance;
  /** One look at every target, as the host makes it: what it gave, by location. */
  look(): Promise<Seen>;
}

export interface Seen {
  readonly at: ReadonlyMap<string, Observation>;
  /** Why targets could not be looked at, by target. */
  readonly failures: ReadonlyMap<string, CollectError>;
}

/** What a collector is given, over the network of this machine. */
export function kubeContext(): ReturnType<typeof createContext> {
  return createContext({
    clock: { now: () => Date.now() },
    log: { debug() {}, info() {}, warn() {}, error() {} },
    network,
    limit: createLimiters(),
    environment: {},
  });
}

/** Opens the collector on a cluster, by itself on a new one; both end with the test. */
export async function lookInto(given: object = {}, existing?: FakeKube): Promise<KubeLook> {
  const cluster = existing ?? (await startFakeKube());
  const options = kubernetes.options.parse({ server: cluster.url, ...given });
  const instance = await kubernetes.create(options, kubeContext());
  onTestFinished(async () => {
    await instance.close?.();
    if (existing === undefined) await cluster[Symbol.asyncDispose]();
  });
  const versions = new Map<string, string>();
  const known: Known = { version: (location) => versions.get(location), checkpoint: undefined };
  return {
    cluster,
    instance,
    async look() {
      const at = new Map<string, Observation>();
      const failures = new Map<string, CollectError>();
      for await (const target of instance.discover(never)) {
        try {
          for await (const observation of instance.observe(target, known, never)) {
            at.set(observation.location, observation);
          }
        } catch (error) {
          if (!(error instanceof CollectError)) throw error;
          failures.set(target.key, error);
        }
      }
      for (const { location, version } of at.values()) if (version !== undefined) versions.set(location, version);
      return { at, failures };
    },
  };
}

/** What stands at each place, for comparing. */
export function placesOf(observation: Observation | undefined): readonly string[] {
  return (observation?.items ?? []).map(({ place, role }) => `${place.key}#${place.index ?? ''} ${role}`);
}
