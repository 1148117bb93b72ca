import type { Location } from '../../inventory/model.ts';
import type { AddSeries } from '../family.ts';

/** The names, labels and values of another exporter, made of what notafter knows. */
export interface Profile {
  /** What the config calls it. */
  readonly name: string;
  /** Says what that exporter would say of this location; nothing where it would not look there. */
  addLocation(location: Location, add: AddSeries): void;
}
