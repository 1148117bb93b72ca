import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';

import type { Context } from '../../src/plugin/context.ts';
import { CollectError } from '../../src/plugin/error.ts';
import { networkFailure } from '../../src/plugin/network-failure.ts';
import type { Reach } from './reach.ts';
import { bracketed } from './target.ts';

/** Where one target is connected to: one of the addresses of its name, or a proxy that knows them. */
export interface Spot {
  /** What is connected to: a literal address, or the name where a proxy looks it up. */
  readonly address: string;
  /** How it is called in a location, behind the `@`. */
  readonly label: string;
}

/**
 * Where a host is to be looked at, at most `max` spots, in an order that does not change from look to look: the cap must
 * not pick others each time. Throws CollectError.
 */
export async function spotsOf(
  host: string,
  reach: Reach,
  max: number,
  network: Context['network'],
  signal: AbortSignal,
): Promise<readonly Spot[]> {
  if (reach.knowsNames !== undefined && isIP(host) === 0) {
    return [{ address: domainToASCII(host).replace(/\.$/, ''), label: reach.knowsNames }];
  }
  try {
    const found = await network.resolve(host, signal);
    return found
      .toSorted((one, other) => one.family - other.family || (one.address < other.address ? -1 : 1))
      .slice(0, max)
      .map(({ address }) => ({ address, label: bracketed(address) }));
  } catch (error) {
    const failure = networkFailure(error);
    if (failure === undefined) throw error;
    throw new CollectError(failure.reason, failure.message, { cause: error });
  }
}
