import type { Logger } from './logger.ts';
import type { Network } from '../network/network.ts';

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

/** What the host gives to every collector and channel. */
export interface Context {
  readonly clock: Clock;
  readonly log: Logger;
  readonly network: Network;
  /** One limiter per key for the whole process; the first caller's rate holds. */
  limit(key: string, rate: Rate): Limiter;
  /** Reads a secret. Throws an Error that names the file or variable and never the content. */
  secret(ref: SecretRef): Promise<string>;
}
