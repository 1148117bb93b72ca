import type { Context } from '../../src/plugin/context.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Access, AccessSource } from './access.ts';
import { askText, ExpiredError, refusalError, requestError, type Ask } from './api-error.ts';
import { splitItems, type JsonItem } from './json-items.ts';

/** An API server keeps itself from harm by queues of its own; this keeps us from filling them. */
const RATE = { perSecond: 50, concurrency: 4 };
const PAGE_SIZE = 500;
const MAX_PAGES = 10_000;
/** A list that is written faster than it is read expires again and again. */
const MAX_RESTARTS = 3;
const MAX_REFUSAL_BYTES = 64 * 1024;
const MAX_OBJECT_BYTES = 4 * 1024 * 1024;

/** An answer whose body is read as it arrives. */
export type HttpStream = Awaited<ReturnType<Context['network']['stream']>>;

/** One API server. Everything throws CollectError, `get` also none else. */
export interface Api {
  /** What errors call it. */
  readonly server: string;
  /** Every item of a list, page after page; a page that has expired is asked for anew. The last value tells where the list stands. */
  list(
    path: string,
    query: Readonly<Record<string, string>>,
    ask: Ask,
    signal: AbortSignal,
  ): AsyncGenerator<JsonItem, ListEnd>;
  get(path: string, ask: Ask, signal: AbortSignal, asked?: Asked): Promise<unknown>;
  /** The body of a watch, which ends after `timeoutMs` at the latest. Throws ExpiredError too. */
  watch(
    path: string,
    query: Readonly<Record<string, string>>,
    ask: Ask,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<HttpStream>;
  /** The lines of an answer, as they arrive. */
  lines(response: HttpStream, ask: Ask, maxBytes: number, signal: AbortSignal): AsyncGenerator<string, void, undefined>;
}

/** How an answer is asked for. */
interface Asked {
  readonly query?: Readonly<Record<string, string>>;
  readonly accept?: string;
}

export interface ListEnd {
  /** From here on a watch misses nothing. */
  readonly resourceVersion: string | undefined;
  /** How far the clock of the API server is ahead of ours, milliseconds; it tells whole seconds. */
  readonly clockAheadMs: number | undefined;
}

/** Only metadata goes over the wire: https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches */
export const METADATA_ONLY = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
export const METADATA_LIST_ONLY = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';

export function createApi(source: AccessSource, key: string, context: Context, pageDeadlineMs: number): Api {
  const { network, clock } = context;
  const limiter = context.limit(`kubernetes:${key}`, RATE);
  let server = 'the cluster';

  /** An answer that is a success. */
  async function open(
    path: string,
    query: Readonly<Record<string, string>>,
    ask: Ask,
    { accept = 'application/json', deadlineMs }: { readonly accept?: string; readonly deadlineMs: number },
    signal: AbortSignal,
  ): Promise<HttpStream> {
    const access: Access = await source.open(signal);
    server = access.server;
    const url = `${server}${path}${Object.keys(query).length === 0 ? '' : `?${new URLSearchParams(query).toString()}`}`;
    const tls = access.tls === undefined ? {} : { tls: access.tls };
    const response = await network.stream(url, { headers: { ...access.headers, accept }, deadlineMs, ...tls }, signal);
    if (response.status === 200) return response;
    using refused = response;
    if (refused.status === 401) source.forget();
    const retryAfter = refused.headers.get('retry-after');
    const refusal = { status: refused.status, retryAfter, body: await readText(refused, MAX_REFUSAL_BYTES) };
    throw refusalError(refusal, ask, server, clock.now());
  }

  async function guarded<T>(ask: Ask, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof ExpiredError ? error : requestError(error, ask, server);
    }
  }

  async function* list(
    path: string,
    query: Readonly<Record<string, string>>,
    ask: Ask,
    signal: AbortSignal,
  ): AsyncGenerator<JsonItem, ListEnd> {
    let token: string | undefined;
    let restarts = 0;
    for (let page = 0; page < MAX_PAGES; page++) {
      const asked = { limit: String(PAGE_SIZE), ...query, ...(token === undefined ? {} : { continue: token }) };
      let response: HttpStream;
      try {
        response = await limiter.run(
          () => guarded(ask, signal, () => open(path, asked, ask, { deadlineMs: pageDeadlineMs }, signal)),
          signal,
        );
      } catch (error) {
        if (!(error instanceof ExpiredError)) throw error;
        restarts += 1;
        if (restarts > MAX_RESTARTS) {
          throw new CollectError(
            'partial',
            `${askText(ask, server)}: the list expired again and again while it was read; the cluster is slow, or writes more than it keeps (${error.message})`,
            { cause: error },
          );
        }
        token = error.next;
        continue;
      }
      using open_ = response;
      const items = splitItems(open_.body, askText(ask, server));
      let envelope: unknown;
      for (;;) {
        const next = await guarded(ask, signal, () => items.next());
        if (next.done === true) {
          envelope = next.value;
          break;
        }
        yield next.value;
      }
      const { continueToken, resourceVersion } = metadataOf(envelope, askText(ask, server));
      if (continueToken === undefined) {
        return { resourceVersion, clockAheadMs: aheadMs(open_.headers.get('date'), clock.now()) };
      }
      if (continueToken === token) {
        throw new CollectError('service_error', `${askText(ask, server)} gave the same page twice`);
      }
      token = continueToken;
    }
    throw new CollectError('partial', `${askText(ask, server)}: only the first ${MAX_PAGES} pages were read`);
  }

  async function* lines(
    { body }: HttpStream,
    ask: Ask,
    maxBytes: number,
    signal: AbortSignal,
  ): AsyncGenerator<string, void, undefined> {
    const pieces = body[Symbol.asyncIterator]();
    let rest = Buffer.alloc(0);
    for (;;) {
      const next = await guarded(ask, signal, () => pieces.next());
      if (next.done === true) break;
      rest = Buffer.concat([rest, next.value]);
      let from = 0;
      for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a, from)) {
        if (end > from) yield rest.toString('utf8', from, end);
        from = end + 1;
      }
      rest = rest.subarray(from);
      if (rest.length > maxBytes) {
        throw new CollectError('too_large', `${askText(ask, server)}: a line is longer than ${maxBytes} bytes`);
      }
    }
    if (rest.length > 0) yield rest.toString('utf8');
  }

  return {
    get server() {
      return server;
    },
    list,
    lines,
    async get(path, ask, signal, { query = {}, ...asked } = {}) {
      return limiter.run(
        () =>
          guarded(ask, signal, async () => {
            using response = await open(path, query, ask, { ...asked, deadlineMs: pageDeadlineMs }, signal);
            const text = await readText(response, MAX_OBJECT_BYTES);
            try {
              return JSON.parse(text) as unknown;
            } catch (error) {
              throw new CollectError('service_error', `${askText(ask, server)}: the answer is not JSON`, {
                cause: error,
              });
            }
          }),
        signal,
      );
    },
    watch: (path, query, ask, timeoutMs, signal) =>
      guarded(ask, signal, () => open(path, query, ask, { accept: METADATA_ONLY, deadlineMs: timeoutMs }, signal)),
  };
}

async function readText({ body }: HttpStream, maxBytes: number): Promise<string> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of body) {
    length += piece.length;
    if (length > maxBytes) throw new CollectError('too_large', `an answer is longer than ${maxBytes} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function metadataOf(
  envelope: unknown,
  what: string,
): { readonly continueToken: string | undefined; readonly resourceVersion: string | undefined } {
  const { metadata } = (typeof envelope === 'object' && envelope !== null ? envelope : {}) as { metadata?: unknown };
  if (typeof metadata !== 'object' || metadata === null) {
    throw new CollectError('service_error', `${what}: the answer is no list of a cluster; check the address`);
  }
  const { continue: token, resourceVersion } = metadata as { continue?: unknown; resourceVersion?: unknown };
  return {
    continueToken: typeof token === 'string' && token !== '' ? token : undefined,
    resourceVersion: typeof resourceVersion === 'string' ? resourceVersion : undefined,
  };
}

function aheadMs(date: string | undefined, now: number): number | undefined {
  const at = date === undefined ? Number.NaN : Date.parse(date);
  return Number.isNaN(at) ? undefined : at - now;
}
