import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { createNetwork } from '../../src/network/create-network.ts';
import type { Collector, Known, Permission } from '../../src/plugin/collector.ts';
import type { Context } from '../../src/plugin/context.ts';
import type { Observation } from '../../src/plugin/observation.ts';
import type { Reason } from '../../src/plugin/reason.ts';
import {
  cutOff,
  type FakeRest,
  html,
  json,
  reset,
  type RestReply,
  type RestRequest,
  slow,
  truncated,
  useFakeRest,
} from '../helpers/fake-rest.ts';
import { collect, deafContext, NOTHING_KNOWN } from './collector.ts';

export const NOW = Date.UTC(2026, 10, 23, 12);

/** One list of a service that a collector reads. */
export interface RestList {
  readonly target: string;
  /** What the target was discovered with, where the options do not tell. */
  readonly data?: object;
  /** The path of the list. */
  readonly path: string;
  /** What the parameter of the next page is called. */
  readonly pageParameter: string;
  /** An answer to whoever is not allowed, as this service words it. */
  readonly denied: RestReply;
  /** What the text then tells to do. */
  readonly remedy: string;
  /** Three things, of which a page holds one; gives the locations of the first. */
  fill(fake: FakeRest): readonly string[];
  /** Not the first list of its target: without it the rest is still seen. */
  readonly isSecond?: true;
}

/** How Google answers whoever lacks a permission. */
export function googleDenied(permission: string): RestReply {
  return json(
    {
      error: {
        code: 403,
        status: 'PERMISSION_DENIED',
        message: `Permission '${permission}' denied on resource (or it may not exist).`,
        details: [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'IAM_PERMISSION_DENIED' }],
      },
    },
    403,
  );
}

/** How Resource Manager answers whoever lacks a permission. */
export function armDenied(action: string): RestReply {
  return json(
    {
      error: {
        code: 'AuthorizationFailed',
        message: `The client 'a' with object id 'b' does not have authorization to perform action '${action}' over scope '/subscriptions/1' or the scope is invalid.`,
      },
    },
    403,
  );
}

/** The network of this machine, the time of the test. */
export function restContext(changes: Partial<Context> = {}): Context {
  return { ...deafContext(), network: createNetwork(), clock: { now: () => NOW }, ...changes };
}

/** A look at one target. */
export async function lookAt(
  collector: Collector,
  options: object,
  target: { readonly key: string; readonly data?: object },
  known: Known = NOTHING_KNOWN,
  context: Context = restContext(),
): Promise<Observation[]> {
  const instance = await collector.create(collector.options.parse(options), context);
  try {
    const whole = { key: target.key, data: (target.data ?? {}) as Record<string, string> };
    return await collect(instance.observe(whole, known, new AbortController().signal));
  } finally {
    await instance.close?.();
  }
}

/** The items of each location, every certificate as the base64 of its DER, whatever kind of bytes that came in. */
export function itemsOf(observations: readonly Observation[]): Readonly<Record<string, readonly object[]>> {
  return Object.fromEntries(
    observations.map(({ location, items }) => [
      location,
      items.map((item) => ('der' in item ? { ...item, der: base64(item) } : item)),
    ]),
  );
}

export function base64({ der }: { readonly der: Uint8Array }): string {
  return Buffer.from(der).toString('base64');
}

/** What the host would answer after these observations. */
export function knownOf(observations: readonly Observation[]): Known {
  const versions = new Map(observations.map((observation) => [observation.location, observation.version]));
  return { version: (location) => versions.get(location), checkpoint: undefined };
}

/** Whether every action of these options is allowed, by what the collector finds out itself. */
export async function permissionsOf(
  collector: Collector,
  options: object,
  key: string,
): Promise<readonly Permission[]> {
  const instance = await collector.create(collector.options.parse(options), restContext());
  try {
    return (await instance.permissions?.({ key, data: {} }, new AbortController().signal)) ?? [];
  } finally {
    await instance.close?.();
  }
}

/** What every list of every collector that speaks JSON promises about what may go wrong with it. The file uses the identity of a machine. */
export function describeRestList(collector: Collector, options: object, list: RestList): void {
  describe(`the list ${list.path}`, () => {
    const fake = useFakeRest();
    let first: readonly string[];
    beforeEach(() => {
      fake.pageSize = 1;
      first = list.fill(fake);
    });
    afterEach(() => {
      vi.useRealTimers();
    });

    const isList = ({ path }: RestRequest): boolean => path === list.path;
    const isNextPage = (request: RestRequest): boolean => isList(request) && request.query.has(list.pageParameter);
    const look = (): Promise<Observation[]> =>
      lookAt(
        collector,
        { endpoint: fake.url, ...options },
        { key: list.target, ...(list.data && { data: list.data }) },
      );

    it('is read page by page, with one token', async () => {
      const observations = await look();

      expect(fake.requests.filter((request) => isList(request))).toHaveLength(3);
      expect(observations.flatMap(({ problems }) => problems)).toEqual([]);
      expect(observations.map(({ location }) => location)).toEqual(expect.arrayContaining([...first]));
      expect(new Set(fake.requests.map(({ headers }) => headers.authorization))).toEqual(
        new Set(['Bearer token-of-the-test']),
      );
    });

    const expired = json({ error: { code: 'ExpiredAuthenticationToken', message: 'The access token expired.' } }, 401);
    const throttled = json({ error: { code: 'TooManyRequests', message: 'Slow down.' } }, 429, { 'retry-after': '17' });
    const firstPages: readonly (readonly [string, RestReply, Reason, string])[] = [
      ['denied', list.denied, 'permission_denied', list.remedy],
      ['throttled', throttled, 'throttled', 'Slow down.'],
      ['of an expired token', expired, 'authentication_failed', 'did not accept the token'],
      ['answered by a proxy', html(502), 'service_error', 'HTTP 502'],
      ['a page of a portal', html(200), 'service_error', 'no JSON'],
      ['a list where an object should be', json([]), 'service_error', 'no object'],
      ['cut short', truncated(), 'service_error', 'no JSON'],
      ['cut off', cutOff(), 'closed', ''],
      ['reset', reset(), 'reset', ''],
    ];

    it.each(list.isSecond === true ? [] : firstPages)(
      'fails as a whole when its first page is %s',
      async (_what, reply, reason, text) => {
        fake.intercept = (request) => (isList(request) ? reply : undefined);

        await expect(look()).rejects.toMatchObject({
          name: 'CollectError',
          reason,
          message: expect.stringContaining(text) as unknown,
          ...(reason === 'throttled' ? { retryAfterMs: 17_000 } : {}),
        });
        expect(fake.requests.filter((request) => isList(request))).toHaveLength(1);
      },
    );

    it.each([
      ['denied', list.denied, 'permission_denied'],
      ['throttled', throttled, 'throttled'],
      ['answered by a proxy', html(502), 'partial'],
      ['cut short', truncated(), 'partial'],
      ['reset', reset(), 'partial'],
    ])(
      'keeps its first page, and the rest from being withdrawn, when the second is %s',
      async (_what, reply, reason) => {
        fake.intercept = (request) => (isNextPage(request) ? reply : undefined);

        const observations = await look();

        expect(observations.map(({ location }) => location)).toEqual(expect.arrayContaining([...first]));
        expect(observations.flatMap(({ problems }) => problems)).toMatchObject([
          { reason, detail: expect.stringContaining('is incomplete') as unknown },
        ]);
      },
    );

    it('takes no notice of things that are none', async () => {
      fake.intercept = (request) =>
        isList(request)
          ? json({
              value: [null, 5, 'x', [], {}],
              certificates: [null, {}],
              items: { a: null, b: { sslCertificates: [{}] } },
            })
          : undefined;

      expect((await look()).flatMap(({ items }) => items).filter((item) => item.kind === 'described')).toEqual([]);
    });

    it('gives up on a page that does not end', async () => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      const begun = Promise.withResolvers<void>();
      fake.intercept = (request) => {
        if (!isNextPage(request)) return undefined;
        begun.resolve();
        return slow();
      };
      const looking = look();
      await begun.promise;
      await vi.advanceTimersByTimeAsync(15_000);

      expect((await looking).flatMap(({ problems }) => problems)).toMatchObject([
        { reason: 'partial', detail: expect.stringContaining('within 15 s') as unknown },
      ]);
    });
  });
}
