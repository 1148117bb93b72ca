import type { NetworkError } from '../network/network.ts';

/**
 * The network's own error, if this is one: its `reason` is one of the plugin's, and its text says what failed on what.
 * Known by its name, so that a plugin works with the network of whoever runs it.
 */
export function networkFailure(error: unknown): NetworkError | undefined {
  return error instanceof Error && error.name === 'NetworkError' ? (error as NetworkError) : undefined;
}
