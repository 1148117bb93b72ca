import { isIP } from 'node:net';

import type { Address } from './network.ts';

/** Names of a hosts file (hosts(5)), lower-case, to their addresses in the order of the file. */
export type HostsFile = ReadonlyMap<string, readonly Address[]>;

/** Lines that are kept at most: a block list of the whole internet is not what notafter looks at. */
const MAX_LINES = 100_000;

/** Reads a hosts file; lines that say nothing are skipped. */
export function parseHostsFile(text: string): HostsFile {
  const names = new Map<string, Address[]>();
  for (const line of text.split('\n', MAX_LINES)) {
    const [address, ...aliases] = (line.split('#', 1)[0] ?? '').trim().split(/\s+/);
    if (address === undefined) continue;
    const family = isIP(address);
    if (family !== 4 && family !== 6) continue;
    for (const alias of aliases) {
      const name = alias.toLowerCase();
      const known = names.get(name);
      if (known === undefined) names.set(name, [{ address, family }]);
      else if (!known.some((entry) => entry.address === address)) known.push({ address, family });
    }
  }
  return names;
}
