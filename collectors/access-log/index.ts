import { resolve } from 'node:path';
import { setImmediate as pause } from 'node:timers/promises';

import { z } from 'zod';

import { defineCollector, type CollectorInstance, type Known } from '../../src/plugin/collector.ts';
import type { Context } from '../../src/plugin/context.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Json } from '../../src/plugin/json.ts';
import type { Problem } from '../../src/plugin/observation.ts';
import { openBucket, type Bucket } from './bucket.ts';
import type { Format } from './field.ts';
import { openFormat } from './format.ts';
import { Ledger } from './ledger.ts';
import { readOn } from './log-file.ts';
import { options, type Options } from './options.ts';
import { Scanner, type LineCounts } from './scanner.ts';

/** After this long others get their turn. */
const SLICE_MS = 4;
/** A share of lines that are not of the format is normal: what a server writes while it starts, a request that was cut. */
const MISFIT_SHARE = 0.5;

/** Where the looks at one log are. `round` tells whether what lives in memory belongs to it. */
const Checkpoint = z.object({
  round: z.number(),
  file: z.object({ file: z.string(), offset: z.number(), head: z.string(), changedAt: z.number() }).optional(),
  bucket: z.object({ until: z.number(), names: z.record(z.string(), z.number()) }).optional(),
});
type Checkpoint = z.output<typeof Checkpoint>;

/** What one look at a log gave, whatever the log lies in. */
interface Read {
  readonly position: Pick<Checkpoint, 'file' | 'bucket'>;
  readonly isTorn: boolean;
  readonly problems: readonly Problem[];
}

export const accessLog = defineCollector({
  type: 'access-log',
  summary: 'Client certificates that servers have seen, by their access logs, and what they are used for',
  options,
  scope: ({ s3 }) => (s3 === undefined ? 'node' : 'cluster'),
  async create(given, context) {
    if ((given.paths === undefined) === (given.s3 === undefined)) throw new Error('give either paths or s3');
    if (given.fields !== undefined && given.format !== 'json') throw new Error('fields is for the format json');
    if (given.log_format !== undefined && (given.format === 'json' || given.format === 'alb')) {
      throw new Error(`log_format is not for the format ${given.format}`);
    }
    const format = openFormat(given);
    const bucket = given.s3 === undefined ? undefined : await openBucket(given.s3, context);
    return createInstance(given, format, bucket, context);
  },
});

function createInstance(
  given: Options,
  format: Format,
  bucket: Bucket | undefined,
  context: Context,
): CollectorInstance {
  /** By target: what is known of its clients after the look with that number. Gone while a look is under way. */
  const ledgers = new Map<string, { readonly round: number; readonly ledger: Ledger }>();
  const logs =
    given.s3 === undefined
      ? [...new Set((given.paths ?? []).map((path) => resolve(path)))]
      : [`s3://${given.s3.bucket}/${given.s3.prefix}`];

  async function openLedger(log: string, checkpoint: Checkpoint | undefined, known: Known): Promise<Ledger> {
    const kept = ledgers.get(log);
    ledgers.delete(log);
    const ledgerOptions = {
      log,
      maxClients: given.max_clients,
      graceMs: given.successor_grace,
      forgetMs: given.forget_after,
    };
    if (kept !== undefined && kept.round === checkpoint?.round) {
      return kept.ledger.isWorn() ? Ledger.restore(ledgerOptions, kept.ledger.memories()) : kept.ledger;
    }
    const remembered = checkpoint === undefined ? undefined : known.remembered?.();
    return remembered === undefined ? new Ledger(ledgerOptions) : Ledger.restore(ledgerOptions, remembered);
  }

  async function read(
    log: string,
    checkpoint: Checkpoint | undefined,
    scanner: Scanner,
    known: Known,
    signal: AbortSignal,
  ): Promise<Read> {
    const since = context.clock.now() - given.history;
    if (bucket === undefined) {
      const { position, isTorn } = await readOn(log, checkpoint?.file, since, scanner, signal);
      return { position: { file: position }, isTorn, problems: [] };
    }
    const { position, problems } = await bucket.readOn(checkpoint?.bucket, since, scanner, known, signal);
    return { position: { bucket: position }, isTorn: false, problems };
  }

  return {
    async *discover() {
      for (const log of logs) yield { key: log, data: { log } };
    },

    async *observe(target, known, signal) {
      signal.throwIfAborted();
      const log = target.key;
      if (!logs.includes(log)) throw new CollectError('not_found', `${log} is not a log of this source`);
      const checkpoint = Checkpoint.safeParse(known.checkpoint).data;
      const now = context.clock.now();
      const ledger = await openLedger(log, checkpoint, known);
      const scanner = new Scanner({
        format,
        tally: ledger.tally,
        segments: given.path_segments,
        now,
        unreadable: ledger.unreadable,
        onClient: (client, found) => ledger.meet(client, found),
      });
      const { position, isTorn, problems } = await read(log, checkpoint, scanner, known, signal);
      let sliceStart = performance.now();
      for (const observation of ledger.tell((location) => known.version(location), now)) {
        if (performance.now() - sliceStart > SLICE_MS) {
          await pause();
          signal.throwIfAborted();
          sliceStart = performance.now();
        }
        yield observation;
      }
      const round = (checkpoint?.round ?? 0) + 1;
      const counts = scanner.counts();
      context.log.debug({ log, ...counts }, 'lines of an access log were read');
      yield {
        location: log,
        items: [],
        problems: [...problems, ...problemsOf(log, counts, isTorn, given)],
        checkpoint: { round, ...position } satisfies Checkpoint as Json,
      };
      ledgers.set(log, { round, ledger });
    },

    async close() {
      bucket?.close();
    },
  };
}

/** What is wrong with the log itself. */
function problemsOf(
  log: string,
  { lines, misfits, overflow, unreadable }: LineCounts,
  isTorn: boolean,
  given: Options,
): readonly Problem[] {
  const problems: Problem[] = [];
  if (misfits > lines * MISFIT_SHARE) {
    problems.push({
      reason: 'malformed',
      place: 'lines',
      detail: `${misfits} of ${lines} lines of ${log} are not of the format ${given.format}: compare log_format with what the server is configured to write`,
    });
  }
  if (unreadable > 0) {
    problems.push({
      reason: 'malformed',
      place: 'certificates',
      detail: `${unreadable} lines of ${log} hold a certificate that cannot be read: a line may be cut at a length that the server allows at most`,
    });
  }
  if (overflow > 0) {
    problems.push({
      reason: 'partial',
      place: 'clients',
      detail: `${log} has more than ${given.max_clients} distinct client certificates; ${overflow} lines of others were not counted: raise max_clients, or forget_after sooner`,
    });
  }
  if (isTorn) {
    problems.push({
      reason: 'partial',
      place: 'rotation',
      detail: `${log} was rotated, and what was written before that since the last look cannot be found any more: look more often, or let the rotation keep the last file uncompressed beside it (delaycompress)`,
    });
  }
  return problems;
}
