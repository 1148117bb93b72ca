/*
 * A cluster with many Secrets, in a process of its own. Answers requests, each a line of JSON, with a line of JSON.
 */
import { createInterface } from 'node:readline';

import { startFakeKube, tlsSecret } from '../test/helpers/fake-kube.ts';
import { createAuthority, createKey } from '../test/helpers/pki.ts';

export interface FarmRequest {
  /** Secrets to make anew, from the first on. */
  readonly renew: number;
}

export interface FarmAnswer {
  readonly url: string;
  readonly secrets: number;
}

const cluster = await startFakeKube();
const root = createAuthority({ name: 'Root' });
const issuing = createAuthority({ name: 'Issuing', parent: root });
// One key for all: making keys is no matter of this benchmark.
const key = createKey('ec');
let secrets = 0;

for await (const request of createInterface({ input: process.stdin })) {
  const { renew } = JSON.parse(request) as FarmRequest;
  for (let rank = 0; rank < renew; rank++) {
    const names = [`host-${rank}.example.com`, `www.host-${rank}.example.com`];
    cluster.put('secrets', tlsSecret(`team-${rank % 200}`, `tls-${rank}`, issuing.issue({ names, key })));
  }
  secrets = Math.max(secrets, renew);
  process.stdout.write(`${JSON.stringify({ url: cluster.url, secrets } satisfies FarmAnswer)}\n`);
}
await cluster[Symbol.asyncDispose]();
