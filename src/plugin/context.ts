import type { Container } from '../certificate/container.ts';
import type { Network } from '../network/network.ts';
import type { Probe } from '../tls/probe.ts';
import type { Logger } from './logger.ts';

/** The time, injected. Milliseconds since the epoch. */
export interface Clock {
  now(): number;
}

/** Runs work no faster than a rate and no wider than a width; shared by everyone who names the same key. */
export interface Limiter {
  run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>;
}

export interface Rate {
  /** Starts per second, on average. */
  readonly perSecond: number;
  /** Under way at once. */
  readonly concurrency: number;
}

/** A secret as the config names it: a file (read anew at each use, trailing newline trimmed) or an environment variable. */
export type SecretRef = { readonly file: string } | { readonly env: string };

/** Bounds of work on content that nobody vouches for; what exceeds them is ended. */
export interface Limits {
  readonly timeMs: number;
  /** Memory for the objects that the work makes, MiB. */
  readonly memoryMb: number;
}

/** What helps to read a container. */
export interface ParseHints {
  /** Tried in this order on what is encrypted; the empty password is tried in any case. */
  readonly passwords?: readonly string[];
}

/** What the host gives to every collector and channel. */
export interface Context {
  readonly clock: Clock;
  readonly log: Logger;
  readonly network: Network;
  /** Looks at endpoints, in threads of its own where there are many; absent where the host lives for a few looks alone. */
  readonly probe?: Probe;
  /**
   * Endpoints (`host:port`) at which the certificates that these sources have found are served, as they say themselves: by
   * an Ingress, by a listener. Absent where the host lives for a few looks alone.
   */
  servedAt?(sources: readonly string[]): Iterable<string>;
  /** One limiter per key for the whole process; the first caller's rate holds. */
  limit(key: string, rate: Rate): Limiter;
  /** Reads a secret. Throws an Error that names the file or variable and never the content. */
  secret(ref: SecretRef): Promise<string>;
  /**
   * Reads what a file or a value of a store holds: `readContainer` with bounds. On the spot where that is cheap for sure,
   * else in a process that is ended after 5 s. Throws CollectError `too_costly` when it takes more than that.
   */
  parse(bytes: Uint8Array, hints?: ParseHints): Promise<Container>;
  /**
   * Runs the function that a module exports as `isolated` on `input`, in a process that is ended when it exceeds the
   * limits: for a collector's own pure function over hostile content (YAML, XML). Input and output are cloned; no
   * environment is passed on. `module` is named as it stands in the source: `new URL('./x.ts', import.meta.url)`. Throws
   * CollectError: `too_costly` on excess, `internal` when the function throws.
   */
  isolate<Output>(module: URL, input: unknown, limits: Limits): Promise<Output>;
}
