import type { Location } from '../../inventory/model.ts';
import type { Reason } from '../../plugin/reason.ts';
import type { AddSeries } from '../family.ts';
import type { X509Options } from './x509-options.ts';

/** What is known of a source as a whole. */
export interface SourceHealth {
  readonly name: string;
  /** The type of its collector. */
  readonly type: string;
  /** How often each reason was met since the start. */
  readonly errors: ReadonlyMap<Reason, number>;
  readonly locations: number;
  /** Locations whose last look failed. */
  readonly down: number;
  /** Other locations of which a part could not be read. */
  readonly troubled: number;
}

/** The names, labels and values of another exporter, made of what notafter knows. */
export interface Profile {
  /**
   * Says what that exporter would say of this location; nothing where it would not look there. `shown`: labels that the
   * config wants to be seen.
   */
  addLocation(location: Location, add: AddSeries, shown: readonly string[]): void;
  /** Says what that exporter would say of itself. Asked at each scrape. */
  addSources?(sources: readonly SourceHealth[], add: AddSeries): void;
}

/** What a profile has to know of the machine. */
export interface ProfileOptions {
  /** What telegraf calls the machine. */
  readonly host: string;
  /** What cert-exporter calls it: the value of NODE_NAME. */
  readonly nodeName: string;
  readonly x509: X509Options;
}
