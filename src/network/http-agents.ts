import { hash } from 'node:crypto';

import type { Agents } from './http-route.ts';
import type { TlsSettings } from './network.ts';

/** Receivers with settings of their own whose connections are kept; a rotated client certificate is another one. */
const MAX_KEPT = 32;

/** Agents by how TLS is spoken: connections made one way are never used for another. */
export interface AgentPool {
  get(tls: TlsSettings | undefined): Agents;
  close(): Promise<void>;
}

export function createAgentPool(make: (tls: TlsSettings | undefined) => Agents): AgentPool {
  const usual = make(undefined);
  const kept = new Map<string, Agents>();

  function get(tls: TlsSettings | undefined): Agents {
    if (tls === undefined) return usual;
    const key = hash('sha256', JSON.stringify([tls.ca, tls.cert, tls.key, tls.serverName, tls.verify]), 'hex');
    const agents = kept.get(key) ?? make(tls);
    // The last one that was used is the last one to go.
    kept.delete(key);
    kept.set(key, agents);
    for (const [oldest, old] of kept) {
      if (kept.size <= MAX_KEPT) break;
      kept.delete(oldest);
      // What is under way over it ends by itself.
      void Promise.allSettled([old.direct.close(), old.tunnelled?.close()]);
    }
    return agents;
  }

  async function close(): Promise<void> {
    await Promise.all(
      [usual, ...kept.values()].map(({ direct, tunnelled }) => Promise.all([direct.destroy(), tunnelled?.destroy()])),
    );
    kept.clear();
  }

  return { get, close };
}
