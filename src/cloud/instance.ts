import type { CollectorInstance, Known, Target } from '../plugin/collector.ts';
import { CollectError } from '../plugin/error.ts';
import type { Json } from '../plugin/json.ts';
import type { Observation } from '../plugin/observation.ts';
import { createTrial, type Trial } from './trial.ts';

/**
 * One kind of thing that a service keeps, and that is listed by itself. Each is a target of its own: when one may not be
 * read, the others still can be, and what is gone from them is known to be gone.
 */
export interface CloudPart<Look> {
  /** Behind the place in the key of the target; empty where a service has one kind alone. */
  readonly name: string;
  /** The permissions that a look may need. */
  readonly actions: readonly string[];
  observe(look: Look): AsyncIterable<Observation>;
}

/** What has limits, permissions and faults of its own: a region of an account, a subscription, a project. */
export interface CloudPlace {
  /** Unique in a source. */
  readonly key: string;
  /** How error texts name it. */
  readonly text: string;
  readonly labels?: Target['labels'];
  readonly data: { readonly [name: string]: Json };
}

/** The places of one source, and how each is looked at. */
export interface CloudPlaces<Place extends CloudPlace, Look> {
  list(signal: AbortSignal): AsyncIterable<Place>;
  /** The place of a target that `list` gave, perhaps on another node; undefined where the source has no such place. */
  find(key: string, data: Json): Place | undefined;
  /** Begins a look. `here` is the location that stands for it; with a trial each kind of call is made once only. */
  look(place: Place, here: string, known: Known, signal: AbortSignal, trial?: Trial): Look;
  /** What its targets are, for an error text. */
  readonly noun: string;
  close(): void;
}

const NOTHING_KNOWN: Known = { version: () => undefined, checkpoint: undefined };

/** A collector for these parts at every place of the source. `service` begins the location that stands for a look. */
export function createCloudInstance<Place extends CloudPlace, Look>(
  service: string,
  places: CloudPlaces<Place, Look>,
  parts: readonly CloudPart<Look>[],
): CollectorInstance {
  function find({ key, data }: Target): { readonly place: Place; readonly part: CloudPart<Look> } {
    for (const part of parts) {
      const end = part.name === '' ? '' : `/${part.name}`;
      if (!key.endsWith(end)) continue;
      const place = places.find(key.slice(0, key.length - end.length), data);
      if (place !== undefined) return { place, part };
    }
    throw new CollectError('not_found', `${key} is not among the ${places.noun} of this source`);
  }

  return {
    async *discover(signal) {
      for await (const { key, labels, data } of places.list(signal)) {
        for (const { name } of parts) {
          yield {
            key: name === '' ? key : `${key}/${name}`,
            ...(labels === undefined ? {} : { labels }),
            data: { ...data, ...(name === '' ? {} : { part: name }) },
          };
        }
      }
    },

    async *observe(target, known, signal) {
      const { place, part } = find(target);
      signal.throwIfAborted();
      yield* part.observe(places.look(place, `${service}:${target.key}`, known, signal));
    },

    async permissions(target, signal) {
      const { place, part } = find(target);
      const trial = createTrial(part.actions, place.text);
      try {
        // What it sees does not matter: the trial learns what was allowed.
        for await (const _ of part.observe(places.look(place, target.key, NOTHING_KNOWN, signal, trial)));
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof CollectError)) throw error;
      }
      return trial.permissions();
    },

    async close() {
      places.close();
    },
  };
}
