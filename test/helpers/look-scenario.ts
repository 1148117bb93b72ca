import type { Witness } from '../../src/look/judge.ts';
import type { Recorder } from '../../src/look/recorder.ts';
import { loadInventoryIndex } from '../../src/inventory/inventory-index.ts';
import { createRecorder } from '../../src/look/recorder.ts';
import type { Source } from '../../src/look/ports.ts';
import type { Location } from '../../src/inventory/model.ts';
import type { Alert } from '../../src/notify/model.ts';
import type { NotifyOptions } from '../../src/notify/options.ts';
import { transition } from '../../src/notify/pipeline.ts';
import type { CollectorInstance, Known, Target } from '../../src/plugin/collector.ts';
import type { Observation } from '../../src/plugin/observation.ts';
import { DEFAULT_POLICY, type Policy } from '../../src/policy/policy.ts';
import type { InventoryView } from '../../src/policy/view.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { selfSigned, type TestCertificate } from './pki.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
/** When everything here begins. */
export const START = Date.UTC(2027, 0, 1, 12);

/** A certificate of 90 days that ends so many days after the start. */
export function endingIn(days: number, name = `in-${days}-days.example`): TestCertificate {
  const notAfter = new Date(START + days * DAY);
  return selfSigned({ commonName: name, names: [name], notBefore: new Date(notAfter.getTime() - 90 * DAY), notAfter });
}

/** What a look gives at a location that holds these certificates. */
export function saw(
  location: string,
  certificates: readonly TestCertificate[],
  more: Partial<Observation> = {},
): Observation {
  return {
    location,
    items: certificates.map(({ der }, index) => ({
      kind: 'certificate',
      der,
      place: { key: 'chain', index },
      role: 'server',
    })),
    problems: [],
    ...more,
  };
}

/** What a look gives at a location that fails as a whole. */
export function missed(location: string, reason: Observation['problems'][number]['reason']): Observation {
  return { location, items: [], problems: [{ reason, detail: `${reason} at ${location}` }] };
}

export type Observe = (known: Known, signal: AbortSignal) => Iterable<Observation> | AsyncIterable<Observation>;

/** A collector that does as it is told, and remembers what was done with it. */
export interface Scripted {
  readonly instance: CollectorInstance;
  discover: (signal: AbortSignal) => Iterable<Target> | AsyncIterable<Target>;
  /** By target key; a target without one yields nothing. */
  readonly observe: Map<string, Observe>;
  /** Keys of the targets looked at, in order. */
  readonly looks: string[];
  readonly checkpoints: unknown[];
  closed: number;
}

export function scripted(targets: readonly string[], observe: Readonly<Record<string, Observe>> = {}): Scripted {
  const script: Scripted = {
    discover: () => targets.map((key) => ({ key, data: key })),
    observe: new Map(Object.entries(observe)),
    looks: [],
    checkpoints: [],
    closed: 0,
    instance: {
      async *discover(signal) {
        yield* script.discover(signal);
      },
      async *observe(target, known, signal) {
        script.looks.push(target.key);
        script.checkpoints.push(known.checkpoint);
        yield* script.observe.get(target.key)?.(known, signal) ?? [];
      },
      async close() {
        script.closed += 1;
      },
    },
  };
  return script;
}

export function sourceOf(script: Scripted, overrides: Partial<Source> = {}): Source {
  return {
    name: 'partners',
    type: 'scripted',
    instance: script.instance,
    scope: 'cluster',
    schedule: { everyMs: HOUR },
    intervalMs: HOUR,
    labels: { owner: 'payments' },
    ...overrides,
  };
}

export interface LookScenario {
  readonly store: Store;
  readonly clock: { at: number; now(): number };
  readonly recorder: Recorder;
  policy: Policy;
  isNew: (source: string) => boolean;
  intervalMs: (source: string) => number | undefined;
  facts: InventoryView['facts'];
  /** Called before anything is told: what it throws fails the transaction. */
  beforeTelling: () => void;
  location(name: string): Promise<Location | undefined>;
  /** Names of all locations that are not withdrawn. */
  locations(): Promise<readonly string[]>;
  /** The alert of one rule. */
  alert(rule: string): Promise<Alert | undefined>;
  /** What was told since the last call, as `reason rule`. */
  news(): Promise<readonly string[]>;
}

/** A recorder over a real store (one of its own, unless it is given one), with a clock that stands still and one channel that is told everything. */
export async function createLookScenario(given?: Store, witness?: Witness): Promise<LookScenario> {
  const store = given ?? (await openSqlite(':memory:'));
  const clock = { at: START, now: () => clock.at };
  const options: NotifyOptions = {
    channels: ['mail'],
    routes: [],
    recipients: (channel) => [`${channel}@example.com`],
    minimumSeverity: 'info',
    isNew: (source) => scenario.isNew(source),
    runbookUrl: () => undefined,
  };
  const scenario: LookScenario = {
    store,
    clock,
    policy: DEFAULT_POLICY,
    isNew: () => false,
    intervalMs: () => undefined,
    facts: () => [],
    beforeTelling: () => {},
    recorder: createRecorder({
      ledger: store,
      inventory: store.inventory,
      clock,
      view: {
        isPublicRoot: () => false,
        hasPublicIssuer: () => false,
        intervalMs: (source) => scenario.intervalMs(source),
        facts: (subject) => scenario.facts(subject),
      },
      index: await loadInventoryIndex(store.inventory),
      ...(witness === undefined ? {} : { witness }),
      async transition(alerts, assessed, now) {
        scenario.beforeTelling();
        await transition(alerts, assessed, options, now);
      },
      policy: () => scenario.policy,
    }),
    async location(name) {
      return (await store.inventory.locations()).find((location) => location.location === name);
    },
    async locations() {
      return (await store.inventory.locations()).map((location) => location.location);
    },
    async alert(rule) {
      return (await store.alerts.alerts()).find((alert) =>
        alert.places.some((place) => place.findings.some((finding) => finding.rule === rule)),
      );
    },
    async news() {
      const told: string[] = [];
      for (;;) {
        const due = await store.outbox.due(['mail'], clock.at, 100);
        if (due.length === 0) return told;
        for (const { channel, notification, recipients } of due) {
          told.push(`${notification.reason} ${notification.alerts.flatMap((alert) => alert.rules).join('+')}`);
          const results = recipients.map(({ recipient }) => ({ recipient, status: 'delivered' as const }));
          await store.outbox.settle({
            channel,
            notificationId: notification.id,
            group: notification.group,
            results,
            retryAt: new Map(),
            at: clock.at,
          });
        }
      }
    },
  };
  return scenario;
}
