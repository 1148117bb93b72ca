import type { FlightFault } from '../failure.ts';
import type { Obstacle } from '../probe-result.ts';

/** What ends our own reading of a flight: what the server is to blame for, or what this reader cannot do. */
export type HelloFaultKind =
  | FlightFault
  | Extract<
      Obstacle,
      | 'unsupported_version'
      | 'unsupported_suite'
      | 'unsupported_group'
      | 'unanswerable_retry'
      | 'undecryptable'
      | 'bad_finished'
    >;

/** Thrown within a session, and never out of it. */
export class HelloFault extends Error {
  override readonly name = 'HelloFault';
  readonly kind: HelloFaultKind;

  constructor(kind: HelloFaultKind) {
    super(kind);
    this.kind = kind;
  }
}
