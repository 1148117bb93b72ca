import { applyObservation, failedTarget, type RecordMeta } from '../inventory/record.ts';
import type { ChainFinder } from '../inventory/chain.ts';
import type { Location } from '../inventory/model.ts';
import type { InventoryReader } from '../inventory/port.ts';
import { startDeadline } from '../network/deadline.ts';
import { whyNotAllowed, type Allowance } from '../network/egress.ts';
import { NetworkError } from '../network/network.ts';
import type { CollectorInstance } from '../plugin/collector.ts';
import type { Context } from '../plugin/context.ts';
import { endpointName } from '../plugin/endpoint-name.ts';
import { CollectError } from '../plugin/error.ts';
import type { Json } from '../plugin/json.ts';
import type { Reason } from '../plugin/reason.ts';

/** Looks on request at a time; who asks for more is asked to come again. */
const MAX_LIVE = 8;
const TYPE = 'endpoint';

export interface ProbeRequest {
  readonly target: string;
  /** Only what this source knows. */
  readonly source?: string;
  readonly deadlineMs: number;
}

/** What there is to say of a target: its locations; or why there is nothing. */
export type ProbeAnswer =
  | { readonly kind: 'known' | 'looked'; readonly locations: readonly [Location, ...Location[]] }
  | { readonly kind: 'refused' | 'busy' | 'malformed'; readonly detail: string };

export interface ProbingParts {
  readonly context: Context;
  readonly inventory: Pick<InventoryReader, 'locations' | 'target'>;
  endpointsNamed(name: string): Iterable<number>;
  /** Sources that look at endpoints. */
  sources(): readonly string[];
  allow(): readonly Allowance[];
  /** Whom the clients of an endpoint trust that no source names. */
  chains(): ChainFinder;
  /** Opens what looks at this one target. Throws for what is no target. */
  open(target: string, context: Context): Promise<CollectorInstance>;
}

/** Answers about a target on request: from the inventory where a source names it, else by a look where that is allowed. */
export function createProbing(
  parts: ProbingParts,
): (request: ProbeRequest, signal: AbortSignal) => Promise<ProbeAnswer> {
  let live = 0;

  return async (request, signal) => {
    const [first, ...others] = await recall(request);
    if (first !== undefined) return { kind: 'known', locations: [first, ...others] };
    if (parts.allow().length === 0) return { kind: 'refused', detail: UNKNOWN };
    if (live >= MAX_LIVE) return { kind: 'busy', detail: 'too many targets are looked at on request; ask again' };
    live += 1;
    try {
      return await look(request, signal);
    } finally {
      live -= 1;
    }
  };

  /** The locations of the one target that is meant. */
  async function recall({ target, source }: ProbeRequest): Promise<readonly Location[]> {
    const name = endpointName(target);
    const ids = [...parts.endpointsNamed(name)];
    const found = ids.length === 0 ? [] : await parts.inventory.locations({ ids });
    const fitting = found.filter(
      ({ type, ...one }) => type === TYPE && (source === undefined || one.source === source),
    );
    const meant = fitting.find((location) => endpointName(location.target) === name) ?? fitting[0];
    if (meant !== undefined) {
      return fitting.filter((one) => one.source === meant.source && one.target === meant.target);
    }
    // What was never seen has no name yet but that of its target.
    for (const one of parts.sources()) {
      if (source !== undefined && one !== source) continue;
      for (const key of new Set([target, name, name.replace(/:443$/, '')])) {
        if ((await parts.inventory.target(one, key)) === undefined) continue;
        const locations = await parts.inventory.locations({ source: one, target: key });
        if (locations.length > 0) return locations;
      }
    }
    return [];
  }

  async function look({ target, deadlineMs }: ProbeRequest, stopping: AbortSignal): Promise<ProbeAnswer> {
    const now = parts.context.clock.now();
    using deadline = startDeadline(deadlineMs, stopping);
    const { signal } = deadline;
    const meta: RecordMeta = { source: 'probe', type: TYPE, target, labels: {}, chains: parts.chains() };
    let instance: CollectorInstance;
    const guard = createGuard(parts.context, parts.allow);
    try {
      instance = await parts.open(target, guard.context);
    } catch (error) {
      return { kind: 'malformed', detail: error instanceof Error ? error.message : String(error) };
    }
    try {
      const locations: Location[] = [];
      for await (const one of instance.discover(signal)) {
        guard.port = portOf(one.data);
        const known = { version: () => undefined, checkpoint: undefined };
        for await (const observation of instance.observe(one, known, signal)) {
          locations.push(applyObservation(undefined, observation, meta, now).location);
        }
      }
      const [first, ...others] = locations;
      if (first === undefined) return { kind: 'malformed', detail: `${target} is no target` };
      return { kind: 'looked', locations: [first, ...others] };
    } catch (error) {
      const { refusal } = guard;
      if (refusal !== undefined) return { kind: 'refused', detail: `${target} is not looked at: ${refusal}` };
      if (stopping.aborted) throw error;
      const failure = failureOf(error, signal);
      return { kind: 'looked', locations: [failedTarget(meta, failure, now).location] };
    } finally {
      await instance.close?.();
    }
  }
}

const UNKNOWN =
  'no source names this target, and metrics.probe.allow does not let it be looked at; add it to an endpoint source, or its host or address, with its port, to metrics.probe.allow';

interface Guard {
  readonly context: Context;
  /** The port that is about to be connected to. */
  port: number;
  refusal: string | undefined;
}

/**
 * A context in which a name has only addresses that were judged: what is connected to is what was judged, so that a name
 * which changes its mind in between gains nothing.
 */
function createGuard(context: Context, allow: () => readonly Allowance[]): Guard {
  const { network } = context;
  const guard: Guard = {
    port: 0,
    refusal: undefined,
    context: {
      ...context,
      network: {
        ...network,
        async resolve(host, signal) {
          const addresses = await network.resolve(host, signal);
          const refusal = whyNotAllowed(host, addresses, guard.port, allow());
          if (refusal === undefined) return addresses;
          guard.refusal = refusal;
          throw new NetworkError('permission_denied', refusal);
        },
      },
    },
  };
  return guard;
}

function portOf(data: Json): number {
  const port = typeof data === 'object' && data !== null && 'port' in data ? data['port'] : undefined;
  return typeof port === 'number' ? port : 0;
}

function failureOf(error: unknown, signal: AbortSignal): { readonly reason: Reason; readonly detail: string } {
  const detail = error instanceof Error ? error.message : String(error);
  if (error instanceof CollectError) return { reason: error.reason, detail };
  return { reason: signal.aborted ? 'timeout' : 'internal', detail };
}
