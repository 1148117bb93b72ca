import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

import { DELIVERY_REASONS } from '../plugin/channel.ts';
import { NOTIFICATION_REASONS, type Severity } from '../plugin/notification.ts';
import { REASON_LIST, type Reason } from '../plugin/reason.ts';
import type { Format } from './family.ts';
import { labelValue } from './label-value.ts';

/** Counted by rule, severity and source. */
export interface FindingCount {
  readonly rule: string;
  readonly severity: Severity;
  readonly source: string;
  readonly count: number;
}

/** What the parts of the daemon tell of themselves. */
export interface Health {
  /** Counters that exist at 0 from the start, so that a rate sees the first failure. */
  declareSources(sources: readonly string[]): void;
  declareChannels(channels: readonly string[]): void;
  observed(source: string, result: 'ok' | 'unchanged' | 'failed' | 'gone', count: number): void;
  failed(source: string, reason: Reason): void;
  lasted(source: string, seconds: number): void;
  /** An endpoint was looked at with the TLS library though `hello` or `early` was asked for. */
  fellBack(source: string, obstacle: string): void;
  delivered(channel: string, reason: string): void;
  undelivered(channel: string, reason: string, gaveUp: boolean): void;
  /** At this time the schedule, the store and the outbox worked, milliseconds since the epoch. */
  beat(at: number): void;
  scheduleLag(name: string, lagMs: number): void;
  /** The store took no write when it was tried. */
  storeFailed(): void;
}

/** What is counted when somebody asks. */
export interface HealthNow {
  readonly findings: readonly FindingCount[];
  readonly outboxOldestSeconds: number;
  readonly seriesDropped: number;
}

export interface HealthMetrics extends Health {
  /** How often each reason was met, by source, since the start. */
  errorsOf(source: string): ReadonlyMap<Reason, number>;
  /** The samples of notafter's own health, without an end mark. */
  text(now: HealthNow, format: Format): Promise<string>;
}

/** Every metric about notafter itself: names, help and labels. */
export function createHealthMetrics(version: string): HealthMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  // These are NaN when two scrapes come close together, and a NaN is no answer.
  for (const { name } of registry.getMetricsAsArray()) {
    if (name.startsWith('nodejs_eventloop_lag')) registry.removeSingleMetric(name);
  }

  const findings = new Gauge({
    name: 'notafter_findings',
    help: 'Places affected by a rule now.',
    labelNames: ['rule', 'severity', 'source'],
    registers,
  });
  const observations = new Counter({
    name: 'notafter_observations_total',
    help: 'Locations looked at.',
    labelNames: ['source', 'result'],
    registers,
  });
  const errors = new Counter({
    name: 'notafter_collect_errors_total',
    help: 'Looks, or parts of looks, that failed.',
    labelNames: ['source', 'reason'],
    registers,
  });
  const fallbacks = new Counter({
    name: 'notafter_handshake_fallbacks_total',
    help: 'Endpoints looked at with the TLS library because our own reader did not get on with them, by the obstacle.',
    labelNames: ['source', 'obstacle'],
    registers,
  });
  const duration = new Histogram({
    name: 'notafter_observation_duration_seconds',
    help: 'Time that a look at one target took.',
    labelNames: ['source'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300],
    registers,
  });
  const sent = new Counter({
    name: 'notafter_notifications_total',
    help: 'Notifications delivered, by recipient.',
    labelNames: ['channel', 'reason'],
    registers,
  });
  const unsent = new Counter({
    name: 'notafter_notifications_failed_total',
    help: 'Attempts to deliver that failed, by recipient.',
    labelNames: ['channel', 'reason'],
    registers,
  });
  const givenUp = new Counter({
    name: 'notafter_notifications_given_up_total',
    help: 'Notifications that were given up, by recipient.',
    labelNames: ['channel'],
    registers,
  });
  const heartbeat = new Gauge({
    name: 'notafter_heartbeat_timestamp_seconds',
    help: 'The last time at which the scheduler ran, the store took a write and no notification waited too long.',
    registers,
  });
  const outbox = new Gauge({
    name: 'notafter_outbox_oldest_seconds',
    help: 'Age of the oldest notification that waits to be delivered; 0 when none waits.',
    registers,
  });
  const storeErrors = new Counter({
    name: 'notafter_store_write_errors_total',
    help: 'Times at which the store took no write; it is tried every 15 seconds.',
    registers,
  });
  const dropped = new Gauge({
    name: 'notafter_series_dropped',
    help: 'Series that were left out because there are too many, at least.',
    registers,
  });
  const lag = new Gauge({
    name: 'notafter_schedule_lag_seconds',
    help: 'How late the latest run of a schedule began.',
    labelNames: ['schedule'],
    registers,
  });
  new Gauge({
    name: 'notafter_build_info',
    help: 'Always 1; the labels say what runs.',
    labelNames: ['version', 'node'],
    registers,
  }).set({ version, node: process.versions.node }, 1);
  const reasons = new Map<string, Map<Reason, number>>();

  return {
    declareSources(sources) {
      for (const source of sources) {
        for (const result of ['ok', 'unchanged', 'failed', 'gone']) observations.inc({ source, result }, 0);
        for (const reason of REASON_LIST) errors.inc({ source, reason }, 0);
      }
    },
    declareChannels(channels) {
      for (const channel of channels) {
        givenUp.inc({ channel }, 0);
        for (const reason of NOTIFICATION_REASONS) sent.inc({ channel, reason }, 0);
        for (const reason of Object.keys(DELIVERY_REASONS)) unsent.inc({ channel, reason }, 0);
      }
    },
    observed: (source, result, count) => observations.inc({ source, result }, count),
    failed(source, reason) {
      errors.inc({ source, reason });
      const counts = reasons.get(source) ?? new Map<Reason, number>();
      counts.set(reason, (counts.get(reason) ?? 0) + 1);
      reasons.set(source, counts);
    },
    errorsOf: (source) => reasons.get(source) ?? new Map(),
    fellBack: (source, obstacle) => fallbacks.inc({ source, obstacle: labelValue(obstacle) }),
    lasted: (source, seconds) => duration.observe({ source }, seconds),
    delivered: (channel, reason) => sent.inc({ channel, reason }),
    undelivered(channel, reason, gaveUp) {
      unsent.inc({ channel, reason });
      if (gaveUp) givenUp.inc({ channel });
    },
    beat: (at) => heartbeat.set(at / 1000),
    storeFailed: () => storeErrors.inc(),
    scheduleLag: (schedule, lagMs) => lag.set({ schedule }, lagMs / 1000),

    async text(now, format) {
      findings.reset();
      for (const { rule, severity, source, count } of now.findings) findings.set({ rule, severity, source }, count);
      outbox.set(now.outboxOldestSeconds);
      dropped.set(now.seriesDropped);
      const text = await registry.metrics();
      return format === 'openmetrics' ? toOpenMetrics(text) : text;
    },
  };
}

/**
 * The same samples as OpenMetrics: no empty lines, and the name of a counter without the suffix of its samples. (The
 * registry would do it by renaming its metrics for good, also for those who do not ask for it.)
 */
function toOpenMetrics(text: string): string {
  const counters = new Set(Array.from(text.matchAll(/^# TYPE (\S+)_total counter$/gm), ([, name = '']) => name));
  return text
    .replaceAll(/^# (HELP|TYPE) (\S+)_total /gm, (line, kind: string, name: string) =>
      counters.has(name) ? `# ${kind} ${name} ` : line,
    )
    .replaceAll(/\n{2,}/g, '\n');
}
