import type { Config } from '../../config/config.ts';
import { clientOutlooks, type Clients } from '../../inventory/clients.ts';
import { FactIndex } from '../../inventory/fact-index.ts';
import { createInventoryIndex, recallEnded } from '../../inventory/inventory-index.ts';
import type { Location } from '../../inventory/model.ts';
import { assess } from '../../policy/assess.ts';
import { deadlinesOf, type Deadline } from '../../policy/deadline.ts';
import type { Finding } from '../../policy/finding.ts';
import { thresholdClassOf } from '../../policy/kind.ts';
import { policyFor, THRESHOLD_CLASSES, type ThresholdClass } from '../../policy/policy.ts';
import { thresholdOrigins, type ThresholdOrigin } from '../../policy/threshold-origin.ts';
import type { InventoryView } from '../../policy/view.ts';
import type { Store } from '../../store/store.ts';
import { loadTrust, type Trust } from '../../tls/trust.ts';

/** Thresholds of one class, as they are in force at a location. */
export interface ThresholdsInForce {
  readonly name: ThresholdClass;
  readonly origins: readonly ThresholdOrigin[];
}

/** Everything that an explanation rests on, at one instant. */
export interface Knowledge {
  readonly locations: readonly Location[];
  readonly clients: Clients;
  readonly now: number;
  /** What rules ask of all of this. */
  readonly view: InventoryView;
  /** Judged now, by the policy of the config: what the daemon says with the same config. */
  findings(location: Location): readonly Finding[];
  deadlines(location: Location): readonly Deadline[];
  /** Of what ends at the location, each class once. */
  thresholds(location: Location): readonly ThresholdsInForce[];
  /** What enrichers have asked of the outside. */
  readonly asked: FactIndex;
  /** What passed on the wire, by the location's id; of what is explained in full. */
  readonly transcripts: ReadonlyMap<number, readonly string[]>;
}

/** Reads what passed on the wire at some locations as well. */
export async function withTranscripts(
  known: Knowledge,
  locations: readonly Location[],
  store: Store,
): Promise<Knowledge> {
  const read = locations.map(async ({ id }) => [id, await store.inventory.transcript(id)] as const);
  return { ...known, transcripts: new Map(await Promise.all(read)) };
}

export async function gather(store: Store, config: Config, now: number): Promise<Knowledge> {
  const { policy } = config;
  const [locations, sources, inquiries] = await Promise.all([
    store.inventory.locations(),
    store.inventory.sources(),
    store.facts.inquiries(),
  ]);
  const facts = new FactIndex(inquiries);
  const intervals = new Map(sources.map(({ name, intervalMs }) => [name, intervalMs]));
  let trust: Trust | undefined;
  const index = createInventoryIndex(locations);
  await recallEnded(index, store.inventory);
  const view: InventoryView = {
    ...index,
    isPublicRoot: (fingerprint) => (trust ??= loadTrust()).publicRoots.has(fingerprint),
    hasPublicIssuer: (certificate) => (trust ??= loadTrust()).hasPublicIssuer(certificate),
    intervalMs: (source) => intervals.get(source),
    facts: (subject) => facts.facts(subject),
  };
  const assessed = new Map<Location, readonly Finding[]>();

  function deadlines(location: Location): readonly Deadline[] {
    return deadlinesOf(location, view, policy);
  }

  return {
    locations,
    asked: facts,
    clients: clientOutlooks(locations, index.clientTrust),
    now,
    view,
    transcripts: new Map(),
    deadlines,

    findings(location) {
      const known = assessed.get(location) ?? assess(location, view, policy, now).findings;
      assessed.set(location, known);
      return known;
    },

    thresholds(location) {
      const found = new Map<string, ThresholdsInForce>();
      for (const { kind, item, sighting } of deadlines(location)) {
        const name = thresholdClassOf(kind, item, policyFor(policy, location, sighting));
        const origins = thresholdOrigins(policy, location, sighting, name);
        // Labels of single items may change them: what differs is said apart.
        const key = JSON.stringify([name, origins.map(({ level, threshold, from }) => [level, threshold.text, from])]);
        found.set(key, { name, origins });
      }
      return [...found.values()].toSorted(
        (a, b) => THRESHOLD_CLASSES.indexOf(a.name) - THRESHOLD_CLASSES.indexOf(b.name),
      );
    },
  };
}
