import type { Location } from '../inventory/model.ts';
import { ClientSeries, type ClientSeriesParts } from './client-series.ts';
import { familyHeader, type Family, type Format } from './family.ts';
import { createHealthMetrics, type FindingCount, type Health } from './health.ts';
import { InventorySeries, type Dropped, type SeriesSettings } from './inventory-series.ts';
import { CONTENT_TYPES, preferredFormat, takesGzip, type Taste } from './negotiation.ts';
import { gzipped, Piece } from './piece.ts';
import { sourcePieces } from './source-series.ts';
import { Turns } from './turns.ts';

/** Findings are counted anew when something has changed, but with pauses this many times as long as it takes. */
const PAUSE = 20;
const CHEAP_MS = 20;
/** They are counted at least this often. */
const RECOUNT_MS = 60_000;

const LEFT_OUT: Family = {
  name: 'notafter_dropped_location_remaining_seconds',
  help: 'Time left at each location whose series were left out because there are too many.',
  type: 'gauge',
};
const DAY_S = 86_400;
const LEFT_OUT_BUCKETS = [0, 1, 7, 14, 30, 60, 90, 180, 365].map((days) => days * DAY_S);

export interface MetricsParts extends ClientSeriesParts {
  /** How many places are affected now. */
  findings(): Promise<readonly FindingCount[]>;
  /** When the oldest pending delivery was enqueued, milliseconds since the epoch. */
  oldestPendingAt(): Promise<number | undefined>;
  readonly version: string;
  /** Read at each change of a location. */
  settings(): SeriesSettings;
}

/** An answer to a scrape. */
export interface Exposition {
  readonly contentType: string;
  readonly encoding?: 'gzip';
  /** Octets of all chunks. */
  readonly length: number;
  /** Never changed any more. */
  readonly chunks: readonly Uint8Array[];
}

/** Every metric that notafter exposes: names, help and labels are in this room and nowhere else. */
export interface Metrics extends Health {
  /** A location holds this now: everything that is said of it is written down at once. */
  note(location: Location): void;
  /** The location is no more. */
  forget(id: number): void;
  /** A look at these succeeded then and saw nothing new. */
  touched(ids: readonly number[], at: number): void;
  /** Findings may have changed. */
  judged(): void;
  /** What is known now. Costs little where little has changed, however much there is. */
  exposition(taste?: Taste): Promise<Exposition>;
}

export function createMetrics(parts: MetricsParts): Metrics {
  const health = createHealthMetrics(parts.version);
  const inventory = new InventorySeries(parts);
  const clients = new ClientSeries(parts);
  let findings: readonly FindingCount[] = [];
  let [isJudged, countedAt, pauseUntil] = [true, -Infinity, 0];
  let counting: Promise<void> | undefined;

  /** Counts anew where something has changed; who asks meanwhile waits for the same. */
  function countFindings(): Promise<void> {
    counting ??= countAnew().finally(() => {
      counting = undefined;
    });
    return counting;
  }

  async function countAnew(): Promise<void> {
    const now = parts.now();
    const isOld = now - countedAt >= RECOUNT_MS || now < countedAt;
    if ((!isJudged && !isOld) || performance.now() < pauseUntil) return;
    isJudged = false;
    const startedAt = performance.now();
    try {
      findings = await parts.findings();
    } catch (error) {
      isJudged = true;
      throw error;
    }
    countedAt = now;
    const tookMs = performance.now() - startedAt;
    if (tookMs > CHEAP_MS) pauseUntil = performance.now() + PAUSE * tookMs;
  }

  /** What profiles say of the sources, as they are now. */
  function sources(format: Format): readonly Piece[] {
    const settings = parts.settings();
    const states = settings.sources.map(({ name, type }) => ({
      name,
      type,
      errors: health.errorsOf(name),
      ...inventory.locationsOf(name),
    }));
    return sourcePieces(settings.profiles, states, format);
  }

  async function collect(format: Format, isDeflated: boolean): Promise<readonly Piece[]> {
    await inventory.settle();
    await clients.refresh();
    await countFindings();
    const oldest = await parts.oldestPendingAt();
    const now = parts.now();
    const left = inventory.dropped();
    const own = await health.text(
      {
        findings,
        outboxOldestSeconds: oldest === undefined ? 0 : Math.max(0, now - oldest) / 1000,
        seriesDropped: left.series + clients.dropped,
      },
      format,
    );
    const pieces = [new Piece(own + leftOut(left, now, format))];
    const turns = new Turns();
    for (const source of [inventory.pieces(format, now), clients.pieces(format), sources(format)]) {
      for (const piece of source) {
        pieces.push(piece);
        // Made here, where others get their turn in between.
        if (isDeflated) void [piece.deflated, piece.checksum];
        if (turns.isOver) await turns.next();
      }
    }
    if (format === 'openmetrics') pieces.push(new Piece('# EOF\n'));
    return pieces;
  }

  return {
    ...health,

    note(location) {
      inventory.note(location);
      clients.note(location);
    },
    forget(id) {
      inventory.forget(id);
      clients.forget(id);
    },
    touched: (ids, at) => inventory.touch(ids, at),
    judged() {
      isJudged = true;
    },

    async exposition(taste = {}) {
      const format = preferredFormat(taste);
      const isGzip = takesGzip(taste);
      const pieces = await collect(format, isGzip);
      const chunks = isGzip ? gzipped(pieces) : pieces.map(({ bytes }) => bytes);
      return {
        contentType: CONTENT_TYPES[format],
        ...(isGzip ? { encoding: 'gzip' } : {}),
        length: chunks.reduce((sum, { length }) => sum + length, 0),
        chunks,
      };
    },
  };
}

/** A histogram of what has no series of its own; nothing where everything has. */
function leftOut({ eachRemaining }: Dropped, now: number, format: Format): string {
  const counts = new Float64Array(LEFT_OUT_BUCKETS.length + 1);
  let [sum, total] = [0, 0];
  eachRemaining(now, (seconds) => {
    total += 1;
    if (Number.isFinite(seconds)) sum += Math.max(0, seconds);
    let bucket = 0;
    while (bucket < LEFT_OUT_BUCKETS.length && seconds > (LEFT_OUT_BUCKETS[bucket] ?? 0)) bucket += 1;
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  });
  if (total === 0) return '';
  const { name } = LEFT_OUT;
  let text = familyHeader(LEFT_OUT, format).replace(/gauge\n$/, 'histogram\n');
  let reached = 0;
  for (const [index, limit] of [...LEFT_OUT_BUCKETS, Infinity].entries()) {
    reached += counts[index] ?? 0;
    text += `${name}_bucket{le="${limit === Infinity ? '+Inf' : limit}"} ${reached}\n`;
  }
  return `${text}${name}_sum ${sum}\n${name}_count ${total}\n`;
}
