import { describe, expect, test } from 'vitest';

import type { Network } from '../../src/network/network.ts';
import { createNetworkSwitch } from '../../src/network/switch.ts';
import { deafContext } from '../contract/collector.ts';

const never = new AbortController().signal;

/** A network that gives its own address for every name, when it is let. */
function named(address: string, gate: Promise<void> = Promise.resolve()): Network {
  return {
    ...deafContext().network,
    async resolve() {
      await gate;
      return [{ address, family: 4 }];
    },
  };
}

describe('createNetworkSwitch', () => {
  test('gives who holds it the network of now; what is under way ends as it began', async () => {
    const gate = Promise.withResolvers<void>();
    const way = createNetworkSwitch(named('10.0.0.1', gate.promise));
    const { network } = way;
    const begun = network.resolve('api.example', never);
    way.use(named('10.0.0.2'));
    await expect(network.resolve('api.example', never)).resolves.toEqual([{ address: '10.0.0.2', family: 4 }]);
    gate.resolve();
    await expect(begun).resolves.toEqual([{ address: '10.0.0.1', family: 4 }]);
  });
});
