import { gzipSync } from 'node:zlib';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { prefixesOf } from '../../../collectors/access-log/bucket.ts';
import { accessLog } from '../../../collectors/access-log/index.ts';
import type { Json } from '../../../src/plugin/json.ts';
import type { Observation } from '../../../src/plugin/observation.ts';
import { deafContext } from '../../contract/collector.ts';
import { DAY, HOUR, NOON } from '../../helpers/access-log.ts';
import { useAwsEnvironment } from '../../helpers/aws-environment.ts';
import { startPages, type AskedPage, type Page, type WebPages } from '../../helpers/web-pages.ts';

const BUCKET = 'example-logs';
const PREFIX = 'AWSLogs/111122223333/elasticloadbalancing/eu-west-1/2026/11/';

interface StoredObject {
  readonly key: string;
  readonly at: number;
  readonly body: Buffer;
}

let objects: StoredObject[];
let pageSize: number;
let fault: (asked: AskedPage) => Page | undefined;
let pages: WebPages;

useAwsEnvironment();

beforeEach(async () => {
  objects = [];
  pageSize = 1_000;
  fault = () => undefined;
  pages = await startPages((asked) => fault(asked) ?? answer(asked));
});

afterEach(async () => {
  await pages[Symbol.asyncDispose]();
});

/** S3 as the SDK meets it: a list in pages, and objects. */
function answer({ path: asked }: AskedPage): Page | undefined {
  const url = new URL(asked, 'http://s3');
  if (url.searchParams.get('list-type') !== '2') {
    const key = decodeURIComponent(url.pathname.slice(`/${BUCKET}/`.length));
    const found = objects.find((one) => one.key === key);
    return found === undefined ? undefined : { body: found.body };
  }
  const all = objects.filter(({ key }) => key.startsWith(url.searchParams.get('prefix') ?? ''));
  const from = Number(url.searchParams.get('continuation-token') ?? 0);
  const rows = all.slice(from, from + pageSize);
  const next = from + pageSize < all.length;
  const contents = rows.map(
    ({ key, at, body }) =>
      `<Contents><Key>${key}</Key><LastModified>${new Date(at).toISOString()}</LastModified><Size>${body.length}</Size></Contents>`,
  );
  return {
    headers: { 'content-type': 'application/xml' },
    body: `<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>${BUCKET}</Name><IsTruncated>${next}</IsTruncated>${next ? `<NextContinuationToken>${from + pageSize}</NextContinuationToken>` : ''}${contents.join('')}</ListBucketResult>`,
  };
}

/** An object with connections of one client, as an ALB writes it. */
function store(name: string, at: number, connections: number, more: Partial<StoredObject> = {}): void {
  const line = `${new Date(at).toISOString()} 203.0.113.1 36280 443 TLSv1.3 TLS_AES_128_GCM_SHA256 4.036 "CN=billing" NotBefore=2025-12-13T12:00:00Z;NotAfter=2026-12-13T12:00:00Z 0A1B Success TID_1 -\n`;
  objects.push({ key: `${PREFIX}${name}.gz`, at, body: gzipSync(line.repeat(connections)), ...more });
}

/** Looks again and again, as the host does. */
async function open(prefix = PREFIX): Promise<{ readonly clock: { at: number }; look(): Promise<Looked> }> {
  const clock = { at: NOON };
  const instance = await accessLog.create(
    accessLog.options.parse({
      format: 'alb',
      s3: { bucket: BUCKET, prefix, region: 'eu-west-1', endpoint: pages.url },
    }),
    { ...deafContext(), clock: { now: () => clock.at } },
  );
  const log = `s3://${BUCKET}/${prefix}`;
  let checkpoint: Json | undefined;
  return {
    clock,
    async look() {
      const known = { version: () => undefined, checkpoint };
      const seen: Observation[] = [];
      for await (const one of instance.observe({ key: log, data: { log } }, known, AbortSignal.timeout(20_000))) {
        seen.push(one);
        checkpoint = one.checkpoint ?? checkpoint;
      }
      return {
        count: seen.flatMap(({ items }) => items)[0]?.seenInUse?.count,
        problems: seen.flatMap(({ problems }) => problems.map(({ reason, place }) => `${reason} ${place ?? ''}`)),
      };
    },
  };
}

interface Looked {
  readonly count: number | undefined;
  readonly problems: readonly string[];
}

describe('logs in a bucket', () => {
  test('are read once, page by page, also those that come late', async () => {
    pageSize = 2;
    for (const [index, name] of ['a', 'b', 'c', 'd', 'e'].entries()) store(name, NOON - (5 - index) * HOUR, 10);
    store('too-old', NOON - 8 * DAY, 1_000);
    const source = await open();
    expect(await source.look()).toEqual({ count: 50, problems: [] });
    expect(await source.look()).toEqual({ count: 50, problems: [] });

    source.clock.at = NOON + HOUR;
    store('late', NOON - HOUR, 1);
    store('new', NOON + HOUR, 2);
    expect(await source.look()).toEqual({ count: 53, problems: [] });
    source.clock.at = NOON + DAY;
    expect(await source.look()).toEqual({ count: 53, problems: [] });
    expect(pages.asked.filter(({ path }) => path.includes('.gz'))).toHaveLength(7);
  });

  test('that cannot be read are told of, and the others count', async () => {
    store('a', NOON - 2 * HOUR, 10);
    store('broken', NOON - HOUR, 0, { body: Buffer.from('this is not compressed') });
    store('cut', NOON - HOUR + 1, 0, { body: gzipSync('x'.repeat(1_000)).subarray(0, 15) });
    store('c', NOON, 5);
    const source = await open();

    expect(await source.look()).toEqual({
      count: 15,
      problems: ['partial s3:GetObject', 'partial s3:GetObject'],
    });
  });

  test('go on where access was denied in the middle', async () => {
    store('a', NOON - 2 * HOUR, 10);
    store('b', NOON - HOUR, 5);
    const denied: Page = {
      status: 403,
      headers: { 'content-type': 'application/xml' },
      body: '<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>',
    };
    fault = ({ path }) => (path.includes('/b.gz') ? denied : undefined);
    const source = await open();
    expect(await source.look()).toEqual({ count: 10, problems: ['permission_denied s3:GetObject'] });

    fault = () => undefined;
    expect(await source.look()).toEqual({ count: 15, problems: [] });

    fault = () => denied;
    await expect(source.look()).rejects.toMatchObject({ reason: 'permission_denied' });
  });

  test('of past days are not listed where the prefix has the day in it', async () => {
    const source = await open('logs/{yyyy}/{mm}/{dd}/');
    await source.look();
    const before = pages.asked.length;
    source.clock.at = NOON + HOUR;
    await source.look();

    const prefixes = pages.asked.slice(before).map(({ path }) => new URL(path, 'http://s3').searchParams.get('prefix'));
    expect(prefixes).toEqual(['logs/2026/11/23/']);
  });
});

test('the prefixes of the days are those from one time to another', () => {
  expect(prefixesOf('a/', 0, NOON)).toEqual(['a/']);
  expect(prefixesOf('a/{yyyy}-{mm}-{dd}/', NOON - DAY, NOON + HOUR)).toEqual(['a/2026-11-22/', 'a/2026-11-23/']);
  expect(prefixesOf('a/{yyyy}-{mm}-{dd}/', NOON - 11 * HOUR, NOON)).toEqual(['a/2026-11-22/', 'a/2026-11-23/']);
  expect(prefixesOf('{yyyy}/{mm}/', NOON - 3 * DAY, NOON)).toEqual(['2026/11/']);
  expect(prefixesOf('{yyyy}{mm}{dd}', 0, NOON)).toHaveLength(32);
});
