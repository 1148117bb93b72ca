import { passwordOctets, type PasswordForm } from './password.ts';

/** Passwords that keystores have when nobody chose one: none, and the one in Java's own manuals. */
const USUAL_PASSWORDS = ['', 'changeit'] as const;

/** Passwords of one list; each may cost as much as the one before. */
const MAX_PASSWORDS = 100;

/** What one attempt to open something takes, and what it is made with. */
export interface Lock {
  readonly form: PasswordForm;
  /** What one attempt costs, in milliseconds of one core, roughly. */
  readonly costMs: number;
}

/**
 * Opening something costs more than was allowed. `costMs` is what one attempt costs; `undefined` when it is more than
 * is ever allowed.
 */
export class CostError extends Error {
  override readonly name = 'CostError';
  readonly costMs: number | undefined;

  constructor(message: string, costMs: number | undefined) {
    super(message);
    this.costMs = costMs;
  }
}

/** The passwords for one file, and what may be spent on trying them. */
export class Keyring {
  /** Whether passwords were given: only then can they be wrong. */
  readonly isGiven: boolean;
  /** How many passwords are tried. */
  readonly size: number;
  /** The password that has opened something. */
  private proven: string | undefined;
  private readonly passwords: readonly string[];
  private leftMs: number;

  constructor(passwords: readonly string[], maxCostMs: number) {
    this.isGiven = passwords.length > 0;
    this.passwords = [...new Set([...passwords.slice(0, MAX_PASSWORDS), ...USUAL_PASSWORDS])];
    this.size = this.passwords.length;
    this.leftMs = maxCostMs;
  }

  /** Whether a password has been seen to be right. */
  get isProven(): boolean {
    return this.proven !== undefined;
  }

  /**
   * Tries the passwords on a lock, the one that opened the last first: gives what `attempt` makes of the first that is
   * right, and `undefined` when none is. Throws CostError before an attempt that would cost too much.
   */
  open<Opened>(lock: Lock, attempt: (password: Uint8Array) => Opened | undefined): Opened | undefined {
    const { proven } = this;
    const ordered =
      proven === undefined ? this.passwords : [proven, ...this.passwords.filter((password) => password !== proven)];
    for (const password of ordered) {
      for (const octets of passwordOctets(password, lock.form)) {
        if (lock.costMs > this.leftMs) throw tooCostly(lock.costMs);
        this.leftMs -= lock.costMs;
        const opened = attempt(octets);
        if (opened === undefined) continue;
        this.proven = password;
        return opened;
      }
    }
    return undefined;
  }
}

function tooCostly(costMs: number): CostError {
  const attempt = costMs < 1 ? 'under 1 ms' : `about ${Math.round(costMs)} ms`;
  return new CostError(`opening it takes ${attempt} for each password, together more than is allowed`, costMs);
}
