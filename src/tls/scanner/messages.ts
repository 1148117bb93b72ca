import type { ProbeOptions } from '../full.ts';
import type { Handshake, ProbeResult } from '../probe-result.ts';

/** What of a probe can be told to another thread, which connects by itself. */
export type PlainOptions = Omit<ProbeOptions, 'connect' | 'isDirect' | 'farewell'>;

/** What is said to a scanner thread, many at a time. */
export type Request =
  | {
      readonly kind: 'probe';
      readonly id: number;
      readonly handshake: Handshake;
      readonly options: PlainOptions;
    }
  | { readonly kind: 'stop'; readonly id: number };

/** What it says in its turn. Memory of certificates is handed over, not copied. */
export type Answer =
  | { readonly kind: 'result'; readonly id: number; readonly result: ProbeResult }
  /** A fault of ours: the other side's failures are in the result. */
  | { readonly kind: 'fault'; readonly id: number; readonly message: string };
