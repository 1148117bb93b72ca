import type { Location } from '../../inventory/model.ts';
import type { Reason } from '../../plugin/reason.ts';
import type { AddSeries } from '../family.ts';

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
}

/** The names, labels and values of another exporter, made of what notafter knows. */
export interface Profile {
  /** Says what that exporter would say of this location; nothing where it would not look there. */
  addLocation(location: Location, add: AddSeries): void;
  /** Says what that exporter would say of itself. Asked at each scrape. */
  addSources?(sources: readonly SourceHealth[], add: AddSeries): void;
}

/** What a profile has to know of the machine. */
export interface ProfileOptions {
  /** What telegraf calls the machine. */
  readonly host: string;
  /** What cert-exporter calls it: the value of NODE_NAME. */
  readonly nodeName: string;
}
