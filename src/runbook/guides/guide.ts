import type { Home } from '../../inventory/clients.ts';
import type { KnownItem } from '../../inventory/model.ts';
import type { Step } from '../model.ts';

/**
 * What is brought to a place. `leaf`: a certificate with its key and its chain. `authority`: a CA in the middle of a chain.
 * `anchor`: what is trusted, where the successor stands beside the old one for a while. `crl`, `credential`: as they say.
 */
export type Material = 'leaf' | 'authority' | 'anchor' | 'crl' | 'credential';

/** One place of the item, as a guide sees it. */
export interface Spot {
  readonly home: Home;
  readonly item: KnownItem;
  /** From 1; names what is saved of it. */
  readonly number: number;
  readonly material: Material;
}

/** How a successor gets to one kind of place. Pure: gives steps, with the real names, quoted. */
export interface Guide {
  /** Whether the place is of this kind; the first guide that says so has it. */
  matches(spot: Spot): boolean;
  /** Keeps what is there. The first place also leaves the present certificate and its chain in `FILES`, where it can. */
  save(spot: Spot): readonly Step[];
  /** Makes a successor by the means of the place, and leaves it in `FILES`; absent where the place makes none. */
  renew?(spot: Spot): readonly Step[] | undefined;
  /** Puts the successor there and into use. */
  install(spot: Spot): readonly Step[];
  /** Brings back what was saved. */
  restore(spot: Spot): readonly Step[];
}

/** Whether something is sent behind the certificate at this place. */
export function hasChain({ home }: Spot): boolean {
  const { location, sighting } = home;
  return location.sightings.some(
    ({ place, index, role }) => place === sighting.place && index > sighting.index && role === 'intermediate',
  );
}
