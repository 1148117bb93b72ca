import type { Known } from '../../src/plugin/collector.ts';
import type { Context } from '../../src/plugin/context.ts';
import type { Options } from './options.ts';
import type { Session } from './session.ts';

/** Serials of which it is remembered that they are of no interest. */
const MAX_DULL = 500_000;

/** What is remembered of a mount while the process lives: a certificate never changes. */
export class MountMemory {
  private readonly dull = new Set<string>();

  isDull(serial: string): boolean {
    return this.dull.has(serial);
  }

  noteDull(serial: string): void {
    if (this.dull.size >= MAX_DULL) this.dull.clear();
    this.dull.add(serial);
  }
}

/** One look at one mount of a PKI secrets engine. */
export interface MountLook {
  readonly session: Session;
  /** Without slashes around it. */
  readonly mount: string;
  readonly given: Options;
  readonly context: Context;
  readonly known: Known;
  readonly memory: MountMemory;
  readonly signal: AbortSignal;
}
