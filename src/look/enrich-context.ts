import type { ClockSamples } from '../enrich/clock.ts';
import type { EnrichContext } from '../enrich/enricher.ts';
import type { Egress } from '../network/egress.ts';
import { NetworkError, type Network } from '../network/network.ts';
import type { Clock, Limiter, Rate } from '../plugin/context.ts';

/** Requests to one host; a CA serves others as well. */
const RATE: Rate = { perSecond: 5, concurrency: 2 };
/** A host that has failed so often in one round is left alone for the rest of it. */
const MAX_FAILURES = 2;

export interface EnrichContextParts {
  readonly clock: Clock;
  readonly network: Pick<Network, 'resolve'>;
  readonly egress: Egress;
  readonly samples: ClockSamples;
  readonly limit: (key: string, rate: Rate) => Limiter;
}

/** What the enrichers of one round are given. */
export function createEnrichContext(parts: EnrichContextParts): EnrichContext {
  const failures = new Map<string, number>();
  return {
    clock: parts.clock,
    resolve: (host, signal) => parts.network.resolve(host, signal),
    async fetch(url, request, signal) {
      const host = URL.canParse(url) ? new URL(url).host : '';
      return parts.limit(`enrich ${host}`, RATE).run(async () => {
        const failed = failures.get(host) ?? 0;
        if (failed >= MAX_FAILURES) {
          throw new NetworkError(
            'timeout',
            `${host} has failed ${failed} times just now and is left alone for a while`,
          );
        }
        const sentAt = parts.clock.now();
        try {
          const response = await parts.egress.fetch(url, request, signal);
          parts.samples.note(host, sentAt, parts.clock.now(), response.headers);
          failures.delete(host);
          return response;
        } catch (error) {
          if (error instanceof NetworkError) failures.set(host, failed + 1);
          throw error;
        }
      }, signal);
    },
  };
}
