import type { Duplex } from 'node:stream';

import { NetworkError } from '../network/network.ts';
import type { ProbeFailure } from './failure.ts';
import { DialogueError } from './starttls/dialogue-error.ts';

/**
 * How a connection in which TLS begins is made: `Network.connect`, or the same behind a dialogue in the clear. The caller
 * destroys what it gets. For `receive` see `Network.connect`. Throws NetworkError, or DialogueError when the way to TLS
 * was not agreed upon.
 */
export type Connect = (
  address: string,
  port: number,
  signal: AbortSignal,
  receive?: (bytes: Buffer) => void,
) => Promise<Duplex>;

/**
 * What is said inside TLS before it ends, by the TLS library's stream, to servers that punish who leaves without a word.
 * Ends by the signal at the latest, and does not throw for the other side's failures.
 */
export type Farewell = (tls: Duplex, signal: AbortSignal) => Promise<void>;

/** Why there is no connection to begin TLS on. Throws what is not the other side's failure. */
export function connectFailure(error: unknown): ProbeFailure {
  if (error instanceof NetworkError || error instanceof DialogueError) {
    return { reason: error.reason, detail: error.message };
  }
  throw error;
}
