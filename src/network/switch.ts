import type { Network } from './network.ts';

/** A network that can be replaced under those who use it. What is under way goes on as it began. */
export interface NetworkSwitch {
  readonly network: Network;
  use(next: Network): void;
}

export function createNetworkSwitch(first: Network): NetworkSwitch {
  let current = first;
  return {
    network: {
      resolve: (...call) => current.resolve(...call),
      resolveService: (...call) => current.resolveService(...call),
      connect: (...call) => current.connect(...call),
      connectThrough: (...call) => current.connectThrough(...call),
      fetch: (...call) => current.fetch(...call),
      stream: (...call) => current.stream(...call),
    },
    use(next) {
      current = next;
    },
  };
}
