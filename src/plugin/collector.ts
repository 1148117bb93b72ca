import type { z } from 'zod';

import type { Labels } from '../label/labels.ts';
import type { Context } from './context.ts';
import type { Demands } from './demands.ts';
import type { Json } from './json.ts';
import type { Observation } from './observation.ts';

/**
 * One unit of looking: a host and port, a folder, an account and region. Plain JSON, so that it can travel through a
 * queue. `key` is its stable identity for queue, checkpoint and withdrawal.
 */
export interface Target {
  readonly key: string;
  readonly labels?: Labels;
  readonly data: Json;
}

/** Memory between looks, kept by the host. */
export interface Known {
  /** The version that the collector gave for this location last time, when that look succeeded. */
  version(location: string): string | undefined;
  /** The last checkpoint yielded for this target. */
  readonly checkpoint: Json | undefined;
  /**
   * The last memory that was yielded for each location that this target still has, also of looks that failed since, and
   * whatever has changed in the config: for what adds up over many looks. In the order in which the locations came; absent
   * where the host remembers nothing between looks.
   */
  remembered?(): AsyncIterable<Remembered>;
}

export interface Remembered {
  readonly location: string;
  readonly memory: Json;
}

/**
 * Code that knows how to look at one type of source.
 *
 * Waiting, retrying, counting, logging, rate limits, deadlines and storing are the host's work. `create` checks what can
 * be checked without the network; a vendor's SDK is imported inside it.
 */
export interface Collector<Type extends string = string, Options extends z.ZodObject = z.ZodObject> {
  /** The `type:` in the config, the folder name, the metric label. */
  readonly type: Type;
  /** One line for `notafter plugins` and the docs. */
  readonly summary: string;
  /** Strict; every field described: docs and JSON Schema come from it. */
  readonly options: Options;
  /** `node`: every node runs it for itself (local files, local logs). */
  scope(options: z.output<Options>): 'cluster' | 'node';
  /** What the source asks of the endpoints that it sees; absent for what sees none. */
  demands?(options: z.output<Options>): Demands;
  create(options: z.output<Options>, context: Context): Promise<CollectorInstance>;
}

/** Whether one action is allowed at one place. */
export interface Permission {
  /** What the permission is called there: `acm:ListCertificates`. */
  readonly action: string;
  /** Where: a region, the URL of a vault. */
  readonly on: string;
  /** `failed`: for another reason than a missing permission. `untried`: there was nothing to try it on. */
  readonly status: 'allowed' | 'denied' | 'failed' | 'untried';
  /** Why it is not allowed; names what to do. Never a secret. May hold hostile text. */
  readonly detail?: string;
}

export interface CollectorInstance {
  /**
   * Units of looking, few and stable. Throws CollectError, at best after it has given what could be had: then these and
   * all that were known go on being looked at, and nothing is withdrawn.
   */
  discover(signal: AbortSignal): AsyncIterable<Target>;
  /**
   * Looks at one target. Throws CollectError when nothing of it could be looked at. When it ends normally and yielded
   * no `partial`, `throttled` or `permission_denied` problem, locations of the target that it did not yield are gone.
   */
  observe(target: Target, known: Known, signal: AbortSignal): AsyncIterable<Observation>;
  /**
   * Yields once when changes of the target are watched for, and then after each one: the host looks at it again. No more
   * than a hint: looks by schedule find what a watch misses. Ends, or throws, when there is nothing that it can watch; it
   * is then begun anew at the next look by schedule. Releases everything when the signal aborts.
   */
  watch?(target: Target, signal: AbortSignal): AsyncIterable<void>;
  /**
   * Tries each kind of call that a look at the target makes, and says which are allowed; for `config check --probe`. Makes
   * as few calls as it can, and none that looks do not make. Throws nothing but the reason of the signal.
   */
  permissions?(target: Target, signal: AbortSignal): Promise<readonly Permission[]>;
  close?(): Promise<void>;
}

/** Keeps the types of options and instance together when a collector is declared. */
export function defineCollector<Type extends string, Options extends z.ZodObject>(
  collector: Collector<Type, Options>,
): Collector<Type, Options> {
  return collector;
}
