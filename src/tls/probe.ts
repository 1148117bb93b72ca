import { probeFull, type ProbeOptions } from './full.ts';
import { createEphemerals } from './hello/ephemerals.ts';
import { probeHello } from './hello/probe-hello.ts';
import { createPace } from './pace.ts';
import type { Handshake, Obstacle, ProbeResult } from './probe-result.ts';

/** A target at which `hello` does not work is looked at with `full` for this long. */
const MEMORY_MS = 3_600_000;
const MAX_REMEMBERED = 10_000;

/**
 * A full look costs several times a hello: more than this share of a core is not spent on servers that our own reader does
 * not get on with. A pace and not a width, so that servers that never answer keep nobody else waiting.
 */
const FALLBACKS_PER_SECOND = 200;

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
  const pace = createPace(now, FALLBACKS_PER_SECOND);
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

  /** A full look that nobody asked for, when its turn comes, in what is then left of the time. */
  async function fallBack(options: ProbeOptions, startedAt: number, signal: AbortSignal): Promise<ProbeResult> {
    await pace(signal);
    const left = Math.floor(options.timeoutMs - (now() - startedAt));
    return probeFull({ ...options, timeoutMs: Math.max(left, 1) }, signal);
  }

  return async (options, handshake, signal) => {
    if (handshake === 'full') return probeFull(options, signal);
    if (options.farewell !== undefined) return { ...(await probeFull(options, signal)), fallback: 'farewell' };
    const startedAt = now();
    const target = `${options.address} ${options.port} ${options.serverName ?? ''}`;
    const known = recall(target);
    if (known !== undefined) return { ...(await fallBack(options, startedAt, signal)), fallback: known };

    const { result, obstacle } = await probeHello({ ...options, handshake }, ephemerals(), signal);
    if (obstacle === undefined) return result;
    if (obstacle === 'silent') {
      // The time is over for this look; the next one learns whether the silence was about our hello.
      remember(target, obstacle);
      return result;
    }
    if (now() - startedAt >= options.timeoutMs) return result;
    const full = await fallBack(options, startedAt, signal);
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
