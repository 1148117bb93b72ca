import { hash } from 'node:crypto';

import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

import type { ClientOutlook, Clients } from '../inventory/clients.ts';
import type { InventoryReader } from '../inventory/port.ts';
import type { End, KnownItem, Location, Sighting } from '../inventory/model.ts';
import type { Severity } from '../plugin/notification.ts';
import { DELIVERY_REASONS } from '../plugin/channel.ts';
import { NOTIFICATION_REASONS } from '../plugin/notification.ts';
import { REASON_LIST, type Reason } from '../plugin/reason.ts';
import { safeText } from '../text/safe-text.ts';

/** Label values are cut here: a series is a name, not a document. */
const MAX_LABEL = 256;

/** Counted by rule, severity and source. */
export interface FindingCount {
  readonly rule: string;
  readonly severity: Severity;
  readonly source: string;
  readonly count: number;
}

/** Pairs of a found client certificate and an endpoint become series up to here, the first that end first. */
const MAX_FOUND_CLIENTS = 2_000;
/** Pairs beyond that are counted up to here: a scrape must stay cheap. */
const MAX_COUNTED_CLIENTS = 50_000;
/** A client certificate that was found and ended longer ago is most probably a forgotten file. */
const ENDED_CLIENT_MS = 30 * 86_400_000;

export interface MetricsParts {
  readonly inventory: InventoryReader;
  /** Joins clients and endpoints. */
  clients(locations: readonly Location[]): Pick<Clients, 'configured' | 'referenced' | 'found'>;
  /** How many places are affected now. */
  findings(): Promise<readonly FindingCount[]>;
  /** When the oldest pending delivery was enqueued, milliseconds since the epoch. */
  oldestPendingAt(): Promise<number | undefined>;
  readonly version: string;
  now(): number;
}

/** Every metric that notafter exposes: names, help and labels are here and nowhere else. */
export interface Metrics {
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
  /** The text exposition, with its content type. */
  exposition(): Promise<{ readonly contentType: string; readonly text: string }>;
}

/** Stands for a client without a certificate. */
const NOBODY = 'none';

const CERTIFICATE_LABELS = ['source', 'location', 'place', 'role', 'name', 'issuer', 'fingerprint'] as const;

export function createMetrics(parts: MetricsParts): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  // These are NaN when two scrapes come close together, and a NaN is no answer.
  for (const { name } of registry.getMetricsAsArray()) {
    if (name.startsWith('nodejs_eventloop_lag')) registry.removeSingleMetric(name);
  }

  const notAfter = new Gauge({
    name: 'notafter_certificate_not_after_timestamp_seconds',
    help: 'End of the validity of a certificate at one place.',
    labelNames: CERTIFICATE_LABELS,
    registers,
  });
  const notBefore = new Gauge({
    name: 'notafter_certificate_not_before_timestamp_seconds',
    help: 'Begin of the validity of a certificate at one place.',
    labelNames: CERTIFICATE_LABELS,
    registers,
  });
  const effective = new Gauge({
    name: 'notafter_location_effective_not_after_timestamp_seconds',
    help: 'When clients of this location begin to fail: the end of its best trust path, else of the path it serves.',
    labelNames: ['source', 'location'],
    registers,
  });
  const up = new Gauge({
    name: 'notafter_location_up',
    help: '1 when the last look at this location succeeded, else 0.',
    labelNames: ['source', 'location'],
    registers,
  });
  const lastSuccess = new Gauge({
    name: 'notafter_location_last_success_timestamp_seconds',
    help: 'Time of the last look at this location that succeeded.',
    labelNames: ['source', 'location'],
    registers,
  });
  const crlNextUpdate = new Gauge({
    name: 'notafter_crl_next_update_timestamp_seconds',
    help: 'nextUpdate of a certificate revocation list at one place.',
    labelNames: ['source', 'location', 'place', 'issuer', 'fingerprint'],
    registers,
  });
  const credentialNotAfter = new Gauge({
    name: 'notafter_credential_not_after_timestamp_seconds',
    help: 'End of a credential that is no certificate.',
    labelNames: ['source', 'location', 'name', 'id'],
    registers,
  });
  const rehearsal = new Gauge({
    name: 'notafter_rehearsal_accepted',
    help: 'Verdict of an endpoint on a client that logged in: 1 accepted, 0 rejected; client "none" had no certificate.',
    labelNames: ['source', 'location', 'client'],
    registers,
  });
  const clientOutage = new Gauge({
    name: 'notafter_client_outage_timestamp_seconds',
    help: 'When an endpoint begins to reject a client: the first end among its certificate and what is above it.',
    labelNames: ['source', 'location', 'client'],
    registers,
  });
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
  }).set({ version: parts.version, node: process.versions.node }, 1);

  const inventoryGauges = [
    notAfter,
    notBefore,
    effective,
    up,
    lastSuccess,
    crlNextUpdate,
    credentialNotAfter,
    rehearsal,
    clientOutage,
    findings,
  ];

  function exposeLocation(location: Location): void {
    const at = { source: location.source, location: label(location.location) };
    up.set(at, location.failure === undefined ? 1 : 0);
    if (location.lastSuccessAt !== undefined) lastSuccess.set(at, location.lastSuccessAt / 1000);
    const end = location.chain?.effective.at;
    if (end !== undefined && end !== null) effective.set(at, end / 1000);
    // What has the same labels is one series: what ends first is said last, and stands.
    for (const sighting of location.sightings.toSorted(latestFirst)) exposeSighting(at, sighting);
    exposeVerdicts(at, location);
  }

  function exposeVerdicts(at: { source: string; location: string }, { endpoint }: Location): void {
    // Where a client is called as nobody is, its verdict is said last, and stands.
    const nobodyFirst = (endpoint?.verdicts ?? []).toSorted(
      (a, b) => Number(a.name !== null) - Number(b.name !== null),
    );
    for (const { name, status } of nobodyFirst) {
      if (status !== 'unknown') rehearsal.set({ ...at, client: label(name ?? NOBODY) }, status === 'accepted' ? 1 : 0);
    }
  }

  function exposeOutlook({ endpoint, client, name, outageAt }: ClientOutlook): void {
    if (outageAt === null) return;
    const at = { source: endpoint.source, location: label(endpoint.location) };
    clientOutage.set({ ...at, client: label(name ?? client.id) }, outageAt / 1000);
  }

  function exposeClients(locations: readonly Location[]): void {
    const clients = parts.clients(locations);
    for (const outlook of [...clients.configured, ...clients.referenced]) exposeOutlook(outlook);
    let found = 0;
    for (const outlook of clients.found(parts.now() - ENDED_CLIENT_MS)) {
      if (found++ < MAX_FOUND_CLIENTS) exposeOutlook(outlook);
      if (found === MAX_COUNTED_CLIENTS) break;
    }
    dropped.set(Math.max(0, found - MAX_FOUND_CLIENTS));
  }

  function exposeSighting(at: { source: string; location: string }, sighting: Sighting): void {
    const { item } = sighting;
    switch (item.kind) {
      case 'certificate':
      case 'described': {
        const labels = { ...at, ...certificateLabels(sighting, item) };
        setTime(notAfter, labels, item.notAfter);
        if (item.notBefore !== undefined) setTime(notBefore, labels, item.notBefore);
        return;
      }
      case 'crl':
        if (item.nextUpdate !== undefined) {
          setTime(
            crlNextUpdate,
            { ...at, place: label(sighting.place), issuer: label(item.issuer), fingerprint: item.id },
            item.nextUpdate,
          );
        }
        return;
      case 'credential':
        setTime(credentialNotAfter, { ...at, name: label(item.name), id: label(item.id) }, item.notAfter);
        return;
      default:
        item satisfies never;
    }
  }

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
    failed: (source, reason) => errors.inc({ source, reason }),
    fellBack: (source, obstacle) => fallbacks.inc({ source, obstacle: label(obstacle) }),
    lasted: (source, seconds) => duration.observe({ source }, seconds),
    delivered: (channel, reason) => sent.inc({ channel, reason }),
    undelivered(channel, reason, gaveUp) {
      unsent.inc({ channel, reason });
      if (gaveUp) givenUp.inc({ channel });
    },
    beat: (at) => heartbeat.set(at / 1000),
    scheduleLag: (schedule, lagMs) => lag.set({ schedule }, lagMs / 1000),

    async exposition() {
      const [locations, counts, oldest] = await Promise.all([
        parts.inventory.locations(),
        parts.findings(),
        parts.oldestPendingAt(),
      ]);
      for (const gauge of inventoryGauges) gauge.reset();
      for (const location of locations) exposeLocation(location);
      exposeClients(locations);
      for (const { rule, severity, source, count } of counts) findings.set({ rule, severity, source }, count);
      outbox.set(oldest === undefined ? 0 : Math.max(0, parts.now() - oldest) / 1000);
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
}

function certificateLabels(
  sighting: Sighting,
  item: Extract<KnownItem, { kind: 'certificate' | 'described' }>,
): Record<string, string> {
  return {
    place: label(sighting.place),
    role: sighting.role,
    name: label(item.title),
    issuer: label(item.issuer ?? ''),
    fingerprint: item.kind === 'certificate' ? item.id : (item.sha256 ?? ''),
  };
}

/** A date becomes a series only when it is one: never NaN, never a made-up value. */
function setTime(gauge: Gauge, labels: Record<string, string>, time: End): void {
  if (time.status === 'known') gauge.set(labels, time.at / 1000);
}

/** What ends last comes first; what has no end that could become a series comes before all. */
function latestFirst(a: Sighting, b: Sighting): number {
  const [endA, endB] = [endOf(a.item), endOf(b.item)];
  return endA === endB ? 0 : endB - endA;
}

function endOf(item: KnownItem): number {
  const end = item.kind === 'crl' ? item.nextUpdate : item.notAfter;
  return end?.status === 'known' ? end.at : Number.POSITIVE_INFINITY;
}

/** Text as a label value. One that had to be cleaned or cut gets a mark of its own, so that two never become one series. */
function label(text: string): string {
  const safe = safeText(text, { max: MAX_LABEL });
  if (safe === text) return text;
  const mark = `~${hash('sha256', text, 'hex').slice(0, 8)}`;
  return safeText(text, { max: MAX_LABEL - mark.length }) + mark;
}
