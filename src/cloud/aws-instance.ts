import type { CollectorInstance, Known, Target } from '../plugin/collector.ts';
import { CollectError } from '../plugin/error.ts';
import type { Observation } from '../plugin/observation.ts';
import type { Aws, AwsLook } from './aws.ts';
import { type AwsPlace, placeText } from './aws-place.ts';
import { createTrial } from './trial.ts';

/**
 * One kind of thing that a service keeps, and that is listed by itself. Each is a target of its own: when one may not be
 * read, the others still can be, and what is gone from them is known to be gone.
 */
export interface AwsPart {
  /** Behind the region in the key of the target; empty where a service has one kind alone. */
  readonly name: string;
  /** The IAM actions that a look may need. */
  readonly actions: readonly string[];
  observe(look: AwsLook): AsyncIterable<Observation>;
}

const NOTHING_KNOWN: Known = { version: () => undefined, checkpoint: undefined };

/** A collector for these parts in every account and region of the source. */
export function createAwsInstance(service: string, aws: Aws, parts: readonly AwsPart[]): CollectorInstance {
  const targets = new Map<string, { readonly place: AwsPlace; readonly part: AwsPart }>();
  for (const place of aws.places) {
    for (const part of parts) targets.set(part.name === '' ? place.key : `${place.key}/${part.name}`, { place, part });
  }

  function find({ key }: Target): { readonly place: AwsPlace; readonly part: AwsPart } {
    const found = targets.get(key);
    if (found !== undefined) return found;
    throw new CollectError('not_found', `${key} is not among the accounts and regions of this source`);
  }

  return {
    async *discover() {
      for (const [key, { place, part }] of targets) {
        const { account, region, labels } = place;
        yield {
          key,
          ...(labels === undefined ? {} : { labels }),
          data: {
            region,
            ...(account === undefined ? {} : { account }),
            ...(part.name === '' ? {} : { part: part.name }),
          },
        };
      }
    },

    async *observe(target, known, signal) {
      const { place, part } = find(target);
      signal.throwIfAborted();
      yield* part.observe(aws.look(place, `${service}:${target.key}`, known, signal));
    },

    async permissions(target, signal) {
      const { place, part } = find(target);
      const trial = createTrial(part.actions, placeText(place));
      try {
        // What it sees does not matter: the trial learns what was allowed.
        for await (const _ of part.observe(aws.look(place, target.key, NOTHING_KNOWN, signal, trial)));
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof CollectError)) throw error;
      }
      return trial.permissions();
    },

    async close() {
      aws.close();
    },
  };
}
