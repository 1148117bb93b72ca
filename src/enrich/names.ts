import { networkFailure } from '../plugin/network-failure.ts';
import type { Answer, EnrichContext, NameEnricher, WantedName } from './enricher.ts';
import { DAY_MS, HOUR_MS, vain } from './retry.ts';

const DEADLINE_MS = 10_000;
const ASK_AGAIN_MS = DAY_MS;
/** A name that is dead is looked at more often: it may only have been away for a moment. */
const DEAD_AGAIN_MS = HOUR_MS;
/** Looked up at once; the resolver has limits of its own. */
const TOGETHER = 16;

/** Whether the names of certificates still lead anywhere: a name that does not blocks the next renewal. */
export const names: NameEnricher = {
  name: 'names',
  async *enrich(wanted, context, signal) {
    for (let start = 0; start < wanted.length; start += TOGETHER) {
      yield* await Promise.all(wanted.slice(start, start + TOGETHER).map((one) => ask(one, context, signal)));
    }
  },
};

/** Whether the text is a DNS name that can be looked up: no wildcard, no address, no mail address, no URI. */
export function isNameToAsk(text: string): boolean {
  return text.length <= 253 && /^[a-z0-9_][a-z0-9_-]*(?:\.[a-z0-9_][a-z0-9_-]*)*\.[a-z][a-z0-9-]*$/i.test(text);
}

async function ask(wanted: WantedName, context: EnrichContext, signal: AbortSignal): Promise<Answer> {
  const before = wanted.previous?.fact?.kind === 'name' ? wanted.previous.fact : undefined;
  try {
    // With its dot: a search list must not find another name in its place.
    await context.resolve(`${wanted.name}.`, AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]));
    const at = context.clock.now();
    return {
      subject: wanted.subject,
      learned: { kind: 'name', at, resolves: true, resolvedAt: at },
      askAgainAt: at + ASK_AGAIN_MS,
    };
  } catch (error) {
    if (signal.aborted) throw error;
    const failure = networkFailure(error);
    if (failure === undefined) throw error;
    const at = context.clock.now();
    // Only the word of the name servers counts: that they could not be asked says nothing about the name.
    if (!failure.absent) return vain(wanted, at, failure.message);
    const resolvedAt = before?.resolvedAt;
    return {
      subject: wanted.subject,
      learned: {
        kind: 'name',
        at,
        resolves: false,
        deadSinceAt: before?.deadSinceAt ?? at,
        ...(resolvedAt === undefined ? {} : { resolvedAt }),
      },
      askAgainAt: at + DEAD_AGAIN_MS,
    };
  }
}
