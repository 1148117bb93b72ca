import { probeFull, type ProbeOptions } from './full.ts';
import { createEphemerals } from './hello/ephemerals.ts';
import { probeHello } from './hello/probe-hello.ts';
import type { Handshake, Obstacle, ProbeResult } from './probe-result.ts';

/** A target at which `hello` does not work is looked at with `full` for this long. */
const MEMORY_MS = 3_600_000;
const MAX_REMEMBERED = 10_000;

export interface ProberOptions {
  /** Milliseconds; only differences matter. */
  readonly now: () => number;
  /** Fills with unguessable octets. Default the system's. */
  readonly fillRandom?: (bytes: Buffer) => void;
}

/**
 * Looks at one address. Never verifies a certificate, and does not throw for the other side's failures: they are in the
 * result. Throws the signal's reason when it aborts.
 */
export type Probe = (options: ProbeOptions, handshake: Handshake, signal: AbortSignal) => Promise<ProbeResult>;

/**
 * Looks with `hello` or `early` where that works and with `full` where it does not, within one deadline; remembers where
 * it does not.
 */
export function createProber({ now, fillRandom }: ProberOptions): Probe {
  const ephemerals = createEphemerals(now, fillRandom);
  const remembered = new Map<string, { readonly obstacle: Obstacle; readonly endsAt: number }>();

  function recall(target: string): Obstacle | undefined {
    const known = remembered.get(target);
    if (known === undefined || now() < known.endsAt) return known?.obstacle;
    remembered.delete(target);
    return undefined;
  }

  function remember(target: string, obstacle: Obstacle): void {
    const [oldest] = remembered.keys();
    if (remembered.size >= MAX_REMEMBERED && oldest !== undefined) remembered.delete(oldest);
    remembered.set(target, { obstacle, endsAt: now() + MEMORY_MS });
  }

  return async (options, handshake, signal) => {
    if (handshake === 'full') return probeFull(options, signal);
    if (options.farewell !== undefined) return { ...(await probeFull(options, signal)), fallback: 'farewell' };
    const target = `${options.address} ${options.port} ${options.serverName ?? ''}`;
    const known = recall(target);
    if (known !== undefined) return { ...(await probeFull(options, signal)), fallback: known };

    const startedAt = now();
    const { result, obstacle } = await probeHello({ ...options, handshake }, ephemerals(), signal);
    if (obstacle === undefined) return result;
    if (obstacle === 'silent') {
      // The time is over for this look; the next one learns whether the silence was about our hello.
      remember(target, obstacle);
      return result;
    }
    const left = Math.floor(options.timeoutMs - (now() - startedAt));
    if (left < 1) return result;
    const full = await probeFull({ ...options, timeoutMs: left }, signal);
    const transcript =
      result.transcript === undefined
        ? {}
        : {
            transcript: [
              ...result.transcript,
              `- again, with the TLS library (${obstacle})`,
              ...(full.transcript ?? []),
            ],
          };
    // Where both fail, the fault is hardly ours, and may soon be over.
    if (full.established || full.chain.length > result.chain.length) remember(target, obstacle);
    return { ...(full.chain.length < result.chain.length ? result : full), ...transcript, fallback: obstacle };
  };
}
