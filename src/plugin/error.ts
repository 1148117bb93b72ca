import type { Reason } from './reason.ts';

/**
 * A look that failed as a whole: thrown by `discover()` and `observe()`. `detail` says what failed, on what, and what
 * to do; it never holds a secret. Anything else that a collector throws is a fault inside notafter (`internal`).
 */
export class CollectError extends Error {
  override readonly name = 'CollectError';
  readonly reason: Reason;
  /** Wait at least this long before the next try, when the other side said so. */
  readonly retryAfterMs: number | undefined;

  constructor(reason: Reason, detail: string, options: ErrorOptions & { retryAfterMs?: number } = {}) {
    super(detail, options);
    this.reason = reason;
    this.retryAfterMs = options.retryAfterMs;
  }
}
