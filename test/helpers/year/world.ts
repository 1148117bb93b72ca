import { parseCertificate } from '../../../src/certificate/certificate.ts';
import type { Fact } from '../../../src/inventory/fact.ts';
import { createInventoryIndex } from '../../../src/inventory/inventory-index.ts';
import { createChains } from '../../../src/look/chains.ts';
import type { Source } from '../../../src/look/ports.ts';
import { createRecorder } from '../../../src/look/recorder.ts';
import type { NotifyOptions } from '../../../src/notify/options.ts';
import { sendDue, transition } from '../../../src/notify/pipeline.ts';
import type { NotificationReason, Severity } from '../../../src/plugin/notification.ts';
import type { Observation } from '../../../src/plugin/observation.ts';
import { DEFAULT_POLICY, type Policy } from '../../../src/policy/policy.ts';
import { openSqlite } from '../../../src/store/sqlite.ts';
import type { Store } from '../../../src/store/store.ts';
import { scripted, sourceOf } from '../look-scenario.ts';
import { createAuthority, type Authority, type IssueOptions } from '../pki.ts';
import { createQueue } from './queue.ts';
import { randomOf } from './random.ts';
import { idsOf, issuedOf, observe, spotOf, type Issued, type Spot } from './spot.ts';

export const MINUTE = 60_000;
export const HOUR = 3_600_000;
export const DAY = 86_400_000;
/** The year that is lived through. */
export const START = Date.UTC(2027, 0, 1);
export const END = START + 365 * DAY;

/** What is looked at as one. */
export interface Estate {
  readonly source: string;
  readonly target: string;
  readonly spots: readonly Spot[];
}

/** A notice that was put into the outbox. */
export interface Notice {
  readonly at: number;
  readonly reason: NotificationReason;
  readonly severity: Severity;
  readonly rules: readonly string[];
  readonly family: string;
  readonly cause: string;
  readonly places: readonly string[];
  readonly placeCount: number;
}

/** Idle looks in a row that are left out; what is not looked at for as long is stale by the policy, not before. */
const IDLE_LOOKS = 11;
const POLICY: Policy = {
  ...DEFAULT_POLICY,
  settings: { ...DEFAULT_POLICY.settings, staleAfterIntervals: IDLE_LOOKS + 1 },
};

const INTERVALS = { short: 3 * HOUR, half: 12 * HOUR, daily: DAY, disk: 12 * HOUR, clients: 6 * HOUR } as const;
export type SourceName = keyof typeof INTERVALS;

export interface WorldOptions {
  readonly seed: number;
  /** Share of looks at an address that fail. */
  readonly failing: number;
}

/** What may be done in the world, and what has come of it. */
export interface World {
  readonly random: () => number;
  readonly publicCa: Authority;
  readonly corporateCa: Authority;
  now(): number;
  /** A certificate that is valid from half an hour before `startAt` for so long. */
  issue(ca: Authority, startAt: number, lifeMs: number, options: IssueOptions): Issued;
  /** What an issuing authority is itself. */
  known(ca: Authority): Issued;
  /** Something happens at this instant. */
  at(instant: number, act: () => void | Promise<void>): void;
  /** An endpoint that is looked at from `from` on. */
  endpoint(options: {
    readonly source: SourceName;
    readonly target: string;
    readonly addresses: number;
    readonly from?: number;
    readonly isReliable?: boolean;
  }): Estate;
  /** A file that is looked at from `from` on. */
  file(name: string, options?: { readonly from?: number; readonly trustsClientsOf?: readonly string[] }): Estate;
  change(spot: Spot, what: Partial<Omit<Spot, 'name' | 'version'>>): void;
  /** An enricher has learned something about a subject; the certificate that it is `about` is judged anew. */
  learn(subject: string, fact: Fact, about?: string): Promise<void>;
  /** When a certificate was last recorded as present at a place, before a look that saw it gone. */
  readonly goneAt: ReadonlyMap<string, number>;
  /** Runs of three and more failed looks in a row, by target. */
  readonly outages: ReadonlySet<string>;
  /** From then on nobody looks any more: what is there is withdrawn. */
  retire(places: readonly string[], instant: number): void;
  readonly counts: { looks: number; failedLooks: number; judgements: number };
  readonly notices: readonly Notice[];
  live(until: number): Promise<void>;
  close(): Promise<void>;
}

export async function createWorld({ seed, failing }: WorldOptions): Promise<World> {
  const random = randomOf(seed);
  const store: Store = await openSqlite(':memory:');
  const clock = { at: START, now: () => clock.at };
  const events = createQueue();
  const facts = new Map<string, Fact[]>();
  const notices: Notice[] = [];
  const goneAt = new Map<string, number>();
  const outages = new Set<string>();
  const counts = { looks: 0, failedLooks: 0, judgements: 0 };
  const [publicCa, corporateCa] = authorities();
  const roots = [publicCa, corporateCa].map(({ parent }) =>
    parseCertificate(parent?.certificate.der ?? new Uint8Array()),
  );
  const chains = createChains(() => ({ mozilla: roots, system: [] }), clock, []).finder();
  const known = new Map<Authority, Issued>();
  const trusting = new Map<string, readonly string[]>();
  let fence = 0n;
  let dueAt: number | undefined;
  let tellAt: number | undefined;
  let hasJudged = false;

  const options: NotifyOptions = {
    channels: ['pager'],
    routes: [],
    recipients: () => ['oncall'],
    minimumSeverity: 'warning',
    isNew: () => false,
    runbookUrl: () => undefined,
  };
  const recorder = createRecorder({
    ledger: store,
    inventory: store.inventory,
    clock,
    index: createInventoryIndex(),
    view: {
      isPublicRoot: (fingerprint) => fingerprint === roots[0]?.fingerprint,
      hasPublicIssuer: ({ issuer }) => issuer.includes('CN=Public'),
      intervalMs: (source) => (INTERVALS as Readonly<Record<string, number>>)[source],
      facts: (subject) => facts.get(subject) ?? [],
    },
    async transition(alerts, assessed, now) {
      counts.judgements += assessed.length;
      hasJudged = true;
      for (const one of assessed) {
        if (one.look !== 'none' || one.findings.length > 0) restless.add(one.target);
      }
      await transition(alerts, assessed, options, now);
    },
    policy: () => POLICY,
  });
  const sources = new Map<string, Source>();

  function sourceFor(name: string, trustsClientsOf?: readonly string[]): Source {
    const key = JSON.stringify([name, trustsClientsOf]);
    const made =
      sources.get(key) ??
      sourceOf(scripted([]), {
        name,
        type: name === 'disk' ? 'file' : 'endpoint',
        intervalMs: (INTERVALS as Readonly<Record<string, number>>)[name] ?? DAY,
        labels: {},
        ...(name === 'disk' ? {} : { chains }),
        ...(trustsClientsOf === undefined ? {} : { trustsClientsOf }),
      });
    sources.set(key, made);
    return made;
  }

  /** What is due by time alone is judged, and what is put off is told, at its very instant. */
  async function passTime(until: number): Promise<void> {
    for (;;) {
      const next = Math.min(dueAt ?? Infinity, tellAt ?? Infinity);
      if (next > until) break;
      clock.at = Math.max(clock.at, next);
      if (tellAt !== undefined && tellAt <= clock.at) {
        await store.transaction((tx) => sendDue(tx.alerts, options, clock.at));
      } else {
        await recorder.assessDue(NEVER);
      }
      await afterwards();
    }
    clock.at = Math.max(clock.at, until);
  }

  async function afterwards(): Promise<void> {
    hasJudged = false;
    dueAt = await store.inventory.nextAssessmentAt();
    tellAt = await store.alerts.nextTellAt();
  }

  /** Takes what was put into the outbox, as a channel that never fails. */
  async function collect(): Promise<void> {
    for (;;) {
      const due = await store.outbox.due(['pager'], clock.at, 500);
      if (due.length === 0) return;
      for (const { channel, notification, recipients } of due) {
        for (const alert of notification.alerts) {
          notices.push({
            at: notification.at.getTime(),
            reason: notification.reason,
            severity: alert.severity,
            rules: alert.rules,
            family: alert.family,
            cause: alert.cause,
            places: alert.places.map(({ location }) => location),
            placeCount: alert.placeCount,
          });
        }
        await store.outbox.settle({
          channel,
          notificationId: notification.id,
          group: notification.group,
          results: recipients.map(({ recipient }) => ({ recipient, status: 'delivered' as const })),
          retryAt: new Map(),
          at: clock.at,
        });
      }
    }
  }

  const estates = new Map<string, Estate>();
  const retired = new Set<Estate>();
  /** Targets at which something was judged since the last look: an alert may wait for good looks. */
  const restless = new Set<string>();
  const quietLooks = new Map<Estate, number>();
  const failures = new Map<Spot, number>();
  const seenVersion = new Map<Spot, number>();
  const present = new Map<Spot, readonly string[]>();

  /**
   * A look that would show nothing new at a place where no alert is open moves times only. Most of those are left out, but
   * nothing becomes stale.
   */
  function isIdle(estate: Estate, failed: readonly boolean[]): boolean {
    const quiet = quietLooks.get(estate) ?? 0;
    const isQuiet =
      !restless.has(estate.target) &&
      quiet < IDLE_LOOKS &&
      !failed.includes(true) &&
      estate.spots.every((spot) => seenVersion.get(spot) === spot.version && (failures.get(spot) ?? 0) === 0);
    quietLooks.set(estate, isQuiet ? quiet + 1 : 0);
    return isQuiet;
  }

  async function look(estate: Estate, isReliable: boolean): Promise<void> {
    const failed = estate.spots.map((spot) => spot.isDown || (!isReliable && random() < failing));
    counts.looks += failed.length;
    if (isIdle(estate, failed)) return;
    restless.delete(estate.target);
    const source = sourceFor(estate.source, trusting.get(estate.target));
    const recording = await recorder.begin(source, { key: estate.target, data: null }, ++fence);
    const observations = estate.spots.map((spot, index): Observation => {
      const hasFailed = failed[index] === true;
      const inRow = hasFailed ? (failures.get(spot) ?? 0) + 1 : 0;
      if (hasFailed || failures.has(spot)) failures.set(spot, inRow);
      if (hasFailed) {
        counts.failedLooks += 1;
        if (inRow >= 3) outages.add(estate.target);
        return { location: spot.name, items: [], problems: [{ reason: 'timeout', detail: 'no answer' }] };
      }
      seenVersion.set(spot, spot.version);
      const version = String(spot.version);
      const here = idsOf(spot);
      for (const id of present.get(spot) ?? []) if (!here.includes(id)) goneAt.set(id, clock.at);
      present.set(spot, here);
      if (recording.version(spot.name) === version) {
        return { location: spot.name, version, items: [], problems: [], unchanged: true };
      }
      return observe(spot, version, estate.source !== 'disk', estate.target);
    });
    await recording.add(observations);
    await recording.finish();
    if (hasJudged) await afterwards();
  }

  function watch(estate: Estate, from: number, isReliable: boolean): void {
    const everyMs = (INTERVALS as Readonly<Record<string, number>>)[estate.source] ?? DAY;
    for (const spot of estate.spots) estates.set(spot.name, estate);
    const again = async (): Promise<void> => {
      if (retired.has(estate)) return;
      events.add(clock.at + everyMs, again);
      await look(estate, isReliable);
    };
    events.add(from, async () => {
      await store.transaction((tx) =>
        tx.inventory.saveTarget({ source: estate.source, key: estate.target, labels: {}, data: null }, clock.at),
      );
      await again();
    });
  }

  return {
    random,
    publicCa,
    corporateCa,
    counts,
    notices,
    goneAt,
    outages,
    now: clock.now,

    issue(ca, startAt, lifeMs, more) {
      const start = Math.floor((startAt - 30 * MINUTE) / 1000) * 1000;
      const made = ca.issue({
        keyType: 'ed25519',
        ...more,
        notBefore: new Date(start),
        notAfter: new Date(start + Math.floor(lifeMs / 1000) * 1000),
      });
      return issuedOf(made.der);
    },
    known(ca) {
      const before = known.get(ca) ?? issuedOf(ca.certificate.der);
      known.set(ca, before);
      return before;
    },
    at: (instant, act) => events.add(instant, act),

    endpoint({ source, target, addresses, from = START + random() * DAY, isReliable = false }) {
      const spots = Array.from({ length: addresses }, (_, index) => spotOf(`${target}@10.0.0.${index + 1}`));
      const estate = { source, target, spots };
      watch(estate, from, isReliable);
      return estate;
    },
    file(name, { from = START + random() * DAY, trustsClientsOf } = {}) {
      const estate = { source: 'disk', target: name, spots: [spotOf(name)] };
      if (trustsClientsOf !== undefined) trusting.set(name, trustsClientsOf);
      watch(estate, from, true);
      return estate;
    },
    retire(places, instant) {
      events.add(instant, async () => {
        for (const place of places) {
          const estate = estates.get(place);
          if (estate === undefined || retired.has(estate)) continue;
          retired.add(estate);
          await recorder.withdrawTargets(estate.source, [estate.target], 'gone');
        }
        await afterwards();
      });
    },
    change(spot, what) {
      Object.assign(spot, what);
      spot.version += 1;
    },
    async learn(subject, fact, about = subject) {
      facts.set(subject, [...(facts.get(subject) ?? []).filter(({ kind }) => kind !== fact.kind), fact]);
      const holding = await store.facts.locationsHolding([about]);
      await recorder.assessLocations(holding, NEVER);
      await afterwards();
    },

    async live(until) {
      for (let event = events.next(until); event !== undefined; event = events.next(until)) {
        await passTime(event.at);
        await event.act();
      }
      await passTime(until);
      await collect();
    },
    close: () => store.close(),
  };
}

const NEVER = new AbortController().signal;

function authorities(): readonly [Authority, Authority] {
  const years = (count: number): number => count * 365 * DAY;
  const made = (name: string): Authority => {
    const root = createAuthority({
      name: `${name} Root`,
      notBefore: new Date(START - years(5)),
      notAfter: new Date(START + years(20)),
    });
    return createAuthority({
      name: `${name} Issuing`,
      parent: root,
      notBefore: new Date(START - years(4)),
      notAfter: new Date(START + years(6)),
    });
  };
  return [made('Public'), made('Corporate')];
}
