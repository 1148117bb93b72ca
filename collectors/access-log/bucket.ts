import { createGunzip } from 'node:zlib';

import { openAws, type Aws } from '../../src/cloud/aws.ts';
import { listCut } from '../../src/cloud/observation.ts';
import type { Known } from '../../src/plugin/collector.ts';
import type { Context } from '../../src/plugin/context.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Problem } from '../../src/plugin/observation.ts';
import { readStream } from './log-file.ts';
import type { Scanner } from './scanner.ts';

/** Objects listed in one look. */
const MAX_PAGES = 100;
/** Objects that are written late by the clock of their names are still found. */
const LATE_MS = 2 * 3_600_000;
/** Names of objects that were read, of the last hours alone. */
const MAX_NAMES = 20_000;
/** Read of one object, unpacked: a small one can be made to give very much. */
const MAX_OBJECT = 8 * 1024 ** 3;

/** Where the objects are; `prefix` may hold `{yyyy}`, `{mm}` and `{dd}`. */
export interface BucketOptions {
  readonly bucket: string;
  readonly prefix: string;
  readonly region: string;
  readonly profile?: string | undefined;
  readonly role_arn?: string | undefined;
  readonly endpoint?: string | undefined;
}

/** Which objects were read. */
export interface BucketPosition {
  /** Everything that was last changed before is read; milliseconds since the epoch. */
  readonly until: number;
  /** Keys of objects after it that are read, too, with their times. */
  readonly names: Readonly<Record<string, number>>;
}

export interface Bucket {
  /** Reads the objects that are new. Throws CollectError when nothing could be listed. */
  readOn(
    last: BucketPosition | undefined,
    sinceMs: number,
    scanner: Scanner,
    known: Known,
    signal: AbortSignal,
  ): Promise<{ readonly position: BucketPosition; readonly problems: readonly Problem[] }>;
  close(): void;
}

interface Entry {
  readonly key: string;
  readonly at: number;
}

/** Opens a bucket with the SDK of AWS. */
export async function openBucket(options: BucketOptions, context: Context): Promise<Bucket> {
  const { S3Client, ListObjectsV2Command, GetObjectCommand } = await import('@aws-sdk/client-s3');
  const aws: Aws = await openAws(
    {
      regions: [options.region],
      tags: [],
      ...(options.profile === undefined ? {} : { profile: options.profile }),
      ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
      ...(options.role_arn === undefined ? {} : { accounts: [{ role_arn: options.role_arn }] }),
    },
    's3',
    context,
  );
  const [place] = aws.places;
  if (place === undefined) throw new Error('the options name no place');
  const { bucket } = options;
  const here = `s3://${bucket}/${options.prefix}`;

  return {
    async readOn(last, sinceMs, scanner, known, signal) {
      const look = aws.look(place, here, known, signal);
      const client = look.client(S3Client);
      const oldest = last === undefined ? sinceMs : last.until;
      const found: Entry[] = [];
      const problems: Problem[] = [];
      for (const prefix of prefixesOf(options.prefix, oldest, look.now)) {
        const pages = look.pages(
          { action: 's3:ListBucket', call: 'ListObjectsV2' },
          async (token, sendOptions) => {
            const page = await client.send(
              new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: token }),
              sendOptions,
            );
            return { items: page.Contents ?? [], next: page.NextContinuationToken };
          },
          MAX_PAGES,
        );
        for await (const part of pages) {
          if (part.kind === 'cut') {
            problems.push(listCut('s3:ListBucket', part.error));
            continue;
          }
          for (const { Key: key, LastModified: modified } of part.items) {
            const at = modified?.getTime() ?? 0;
            if (key !== undefined && at >= oldest && last?.names[key] === undefined) found.push({ key, at });
          }
        }
      }
      const names = new Map(Object.entries(last?.names ?? {}));
      for (const entry of found.toSorted((a, b) => a.at - b.at)) {
        const { key } = entry;
        try {
          const answer = await look.call({ action: 's3:GetObject', call: 'GetObject' }, (sendOptions) =>
            client.send(new GetObjectCommand({ Bucket: bucket, Key: key }), sendOptions),
          );
          if (answer.Body === undefined) continue;
          const body = answer.Body as unknown as AsyncIterable<Buffer> & NodeJS.ReadableStream;
          const chunks = key.endsWith('.gz') ? body.pipe(createGunzip()) : body;
          await readStream(bounded(chunks as AsyncIterable<Buffer>, key), 0, scanner, signal);
        } catch (error) {
          signal.throwIfAborted();
          const failure =
            error instanceof CollectError
              ? error
              : new CollectError('malformed', `the object ${key} cannot be read: ${String(error)}`, { cause: error });
          problems.push(listCut('s3:GetObject', failure));
          // What the object is to blame for is so the next time, too.
          if (failure.reason !== 'malformed' && failure.reason !== 'too_large') break;
        }
        names.set(key, entry.at);
      }
      return { position: settled(names, oldest, look.now, problems.length > 0), problems };
    },
    close: () => aws.close(),
  };
}

/** Keeps the names of the last hours alone; where something is missing, everything from the same time on is looked at again. */
function settled(names: Map<string, number>, oldest: number, now: number, isCut: boolean): BucketPosition {
  const until = isCut ? oldest : Math.max(oldest, now - LATE_MS);
  const kept = [...names].filter(([, at]) => at >= until).toSorted((a, b) => b[1] - a[1]);
  return { until, names: Object.fromEntries(kept.slice(0, MAX_NAMES)) };
}

const DAY_MS = 86_400_000;
const MAX_DAYS = 31;

/** The prefixes of the days from one time to another; one where the prefix has no date in it. */
export function prefixesOf(prefix: string, from: number, to: number): readonly string[] {
  if (!/\{(?:yyyy|mm|dd)\}/.test(prefix)) return [prefix];
  const days = Math.min(MAX_DAYS, Math.floor(to / DAY_MS) - Math.floor((from - LATE_MS) / DAY_MS));
  const all = Array.from({ length: days + 1 }, (_, back) => {
    const [yyyy = '', mm = '', dd = ''] = new Date(to - (days - back) * DAY_MS).toISOString().slice(0, 10).split('-');
    return prefix.replaceAll('{yyyy}', yyyy).replaceAll('{mm}', mm).replaceAll('{dd}', dd);
  });
  return [...new Set(all)];
}

async function* bounded(chunks: AsyncIterable<Buffer>, key: string): AsyncGenerator<Buffer, void, undefined> {
  let total = 0;
  for await (const chunk of chunks) {
    total += chunk.length;
    if (total > MAX_OBJECT) throw new CollectError('too_large', `the object ${key} is larger than ${MAX_OBJECT} bytes`);
    yield chunk;
  }
}
