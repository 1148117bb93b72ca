import { availableParallelism } from 'node:os';

import type { ProbeOptions } from '../full.ts';
import { createProber, type Probe } from '../probe.ts';
import type { PlainOptions } from './messages.ts';
import { ScannerThread } from './thread.ts';

/** One core is for everything else. More threads than this have never been of use: the servers are far away. */
const MAX_THREADS = 4;

/**
 * Probes within a minute from which on a thread pays. Its start takes some tenths of a second of a core, and its code has
 * to become warm anew; so few probes, on the other hand, hold up nobody.
 */
const WORTHWHILE = 1_000;
const MINUTE_MS = 60_000;

export interface ScannerOptions {
  /** Milliseconds; only differences matter. */
  readonly now: () => number;
  /** A thread crashed; another takes its place. */
  readonly onCrash: (error: Error) => void;
  /** Default: one with up to two cores, else one fewer than there are cores, up to four. */
  readonly threads?: number;
  /** Probes within a minute from which on threads are used. Default 1 000. */
  readonly worthwhile?: number;
  /** The main module of a thread; for tests. */
  readonly module?: URL;
}

/** Makes probes for a whole process. */
export interface Scanner {
  /**
   * As `createProber`. Probes that go straight to their address are made in threads of their own once there are many;
   * those that go through a proxy, or that begin in the clear, stay in the caller's: their way is code of the caller.
   * Throws ScannerError when a thread crashed under the probe.
   */
  readonly probe: Probe;
  /** Ends the threads; what is under way in them fails. */
  close(): Promise<void>;
}

export function createScanner(options: ScannerOptions): Scanner {
  const { now, onCrash, worthwhile = WORTHWHILE } = options;
  const count = options.threads ?? Math.min(Math.max(availableParallelism() - 1, 1), MAX_THREADS);
  const module = options.module ?? threadModule();
  const threads = Array.from({ length: count }, () => new ScannerThread({ module, now, onCrash }));
  const here = createProber({ now });
  let minute = { beginsAt: now(), probes: 0 };
  let isWorthwhile = false;

  function countProbe(): void {
    if (isWorthwhile) return;
    if (now() >= minute.beginsAt + MINUTE_MS) minute = { beginsAt: now(), probes: 0 };
    isWorthwhile = ++minute.probes > worthwhile;
  }

  return {
    async probe(probeOptions, handshake, signal) {
      if (probeOptions.isDirect !== true || probeOptions.farewell !== undefined) {
        return here(probeOptions, handshake, signal);
      }
      countProbe();
      const thread = isWorthwhile ? threads[shardOf(probeOptions, count)] : undefined;
      if (thread === undefined) return here(probeOptions, handshake, signal);
      signal.throwIfAborted();
      return thread.probe(plainOf(probeOptions), handshake, signal);
    },
    async close() {
      await Promise.all(threads.map((thread) => thread.close()));
    },
  };
}

/** What can be told to another thread. */
function plainOf(options: ProbeOptions): PlainOptions {
  const { address, port, serverName, alpn, timeoutMs, verifyPossession, transcript } = options;
  return {
    address,
    port,
    timeoutMs,
    ...(serverName === undefined ? {} : { serverName }),
    ...(alpn === undefined ? {} : { alpn }),
    ...(verifyPossession === undefined ? {} : { verifyPossession }),
    ...(transcript === undefined ? {} : { transcript }),
  };
}

/** Always the same thread for a target: what is remembered of it is remembered there. */
function shardOf(
  { address, port, serverName = '' }: Pick<ProbeOptions, 'address' | 'port' | 'serverName'>,
  count: number,
): number {
  if (count === 1) return 0;
  let sum = port;
  for (const text of [address, serverName]) {
    for (let index = 0; index < text.length; index++) sum = (Math.imul(sum, 31) + text.charCodeAt(index)) >>> 0;
  }
  return sum % count;
}

/** Beside this module, by the ending that this one has. */
function threadModule(): URL {
  return new URL(import.meta.url.endsWith('.js') ? './scanner-thread.js' : './scanner-thread.ts', import.meta.url);
}
