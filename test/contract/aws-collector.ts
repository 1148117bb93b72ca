import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { Collector, CollectorInstance, Known } from '../../src/plugin/collector.ts';
import type { Context } from '../../src/plugin/context.ts';
import type { Observation } from '../../src/plugin/observation.ts';
import type { Reason } from '../../src/plugin/reason.ts';
import { useAwsEnvironment } from '../helpers/aws-environment.ts';
import {
  accessDenied,
  awsFault,
  awsXmlFault,
  type AwsReply,
  type AwsRequest,
  type FakeAws,
  html,
  reset,
  slowBody,
  startFakeAws,
  truncatedJson,
  truncatedXml,
} from '../helpers/fake-aws.ts';
import { collect, deafContext, NOTHING_KNOWN } from './collector.ts';

/** One list of a service that a collector reads. */
export interface AwsList {
  readonly target: string;
  /** What it needs to be allowed. */
  readonly action: string;
  isList(request: AwsRequest): boolean;
  /** Where the next page is asked for. */
  isNextPage(request: AwsRequest): boolean;
  readonly protocol: 'json' | 'xml';
  /** Three things, of which a page holds one; gives the locations of the first. */
  fill(aws: FakeAws): readonly string[];
  /** Where it needs more than the SDK to get at everything. */
  context?: () => Context;
  /** Not the first list of its target: without it the rest is still seen. */
  readonly isSecond?: true;
}

/** A look at one target with nothing known. */
export async function lookAt(
  collector: Collector,
  options: object,
  target: string,
  context: Context = deafContext(),
  known: Known = NOTHING_KNOWN,
): Promise<Observation[]> {
  const instance = await collector.create(collector.options.parse(options), context);
  try {
    return await collect(instance.observe({ key: target, data: {} }, known, new AbortController().signal));
  } finally {
    await instance.close?.();
  }
}

/** What every list of every AWS collector promises about what may go wrong with it. */
export function describeAwsList(collector: Collector, options: object, list: AwsList): void {
  const denied = (): AwsReply =>
    list.protocol === 'json'
      ? accessDenied(list.action)
      : awsXmlFault(403, 'AccessDenied', `User: x is not authorized to perform: ${list.action}`);
  const fault = (code: string, message: string): AwsReply =>
    list.protocol === 'json' ? awsFault(400, code, message) : awsXmlFault(400, code, message);
  const truncated = list.protocol === 'json' ? truncatedJson() : truncatedXml();

  describe(`the list of ${list.target} that needs ${list.action}`, () => {
    useAwsEnvironment();
    let aws: FakeAws;
    let first: readonly string[];

    beforeEach(async () => {
      aws = await startFakeAws();
      aws.pageSize = 1;
      first = list.fill(aws);
    });

    afterEach(async () => {
      vi.useRealTimers();
      await aws[Symbol.asyncDispose]();
    });

    const look = (): Promise<Observation[]> =>
      lookAt(collector, { endpoint: aws.url, ...options }, list.target, list.context?.());

    it('is read page by page', async () => {
      const observations = await look();

      expect(aws.requests.filter((request) => list.isList(request))).toHaveLength(3);
      expect(observations.flatMap(({ problems }) => problems)).toEqual([]);
      expect(observations.map(({ location }) => location)).toEqual(expect.arrayContaining([...first]));
    });

    const firstPages: readonly (readonly [string, AwsReply, Reason, string])[] = [
      ['denied', denied(), 'permission_denied', `Allow ${list.action}`],
      ['throttled', fault('ThrottlingException', 'Rate exceeded'), 'throttled', 'Rate exceeded'],
      ['of an expired token', fault('ExpiredTokenException', 'expired'), 'authentication_failed', 'have expired'],
      [
        'in a region that is not enabled',
        fault('UnrecognizedClientException', 'The security token included in the request is invalid.'),
        'authentication_failed',
        'region is enabled',
      ],
      ['answered by a proxy', html(502), 'service_error', 'not one of AWS'],
      ['cut short', truncated, 'service_error', 'not one of AWS'],
      ['reset', reset(), 'reset', ''],
    ];

    it.each(list.isSecond === true ? [] : firstPages)(
      'fails as a whole when its first page is %s',
      async (_what, reply, reason, text) => {
        aws.intercept = (request) => (list.isList(request) ? reply : undefined);

        await expect(look()).rejects.toMatchObject({
          name: 'CollectError',
          reason,
          message: expect.stringContaining(text) as unknown,
        });
        expect(aws.requests.filter((request) => list.isList(request))).toHaveLength(1);
      },
    );

    it.each([
      ['denied', denied(), 'permission_denied'],
      ['throttled', fault('ThrottlingException', 'Rate exceeded'), 'throttled'],
      ['answered by a proxy', html(502), 'partial'],
      ['cut short', truncated, 'partial'],
      ['reset', reset(), 'partial'],
    ])(
      'keeps its first page, and the rest from being withdrawn, when the second is %s',
      async (_what, reply, reason) => {
        aws.intercept = (request) => (list.isNextPage(request) ? reply : undefined);

        const observations = await look();

        expect(observations.map(({ location }) => location)).toEqual(expect.arrayContaining([...first]));
        expect(observations.flatMap(({ problems }) => problems)).toMatchObject([
          { reason, detail: expect.stringContaining('is incomplete') as unknown },
        ]);
      },
    );

    it('gives up on a page that does not end', async () => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      const begun = Promise.withResolvers<void>();
      aws.intercept = (request) => {
        if (!list.isNextPage(request)) return undefined;
        begun.resolve();
        return slowBody();
      };
      const looking = look();
      await begun.promise;
      await vi.advanceTimersByTimeAsync(15_000);

      expect((await looking).flatMap(({ problems }) => problems)).toMatchObject([
        { reason: 'partial', detail: expect.stringContaining('no complete answer within 15 s') as unknown },
      ]);
    });
  });
}

/** Whether every action of these options is allowed, by what the collector finds out itself. */
export async function permissionsOf(
  collector: Collector,
  options: object,
  target: string,
  context: Context = deafContext(),
): Promise<Readonly<Record<string, string>>> {
  const instance: CollectorInstance = await collector.create(collector.options.parse(options), context);
  try {
    const found = await instance.permissions?.({ key: target, data: {} }, new AbortController().signal);
    return Object.fromEntries((found ?? []).map(({ action, status }) => [action, status]));
  } finally {
    await instance.close?.();
  }
}
