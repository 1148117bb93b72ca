import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';

import { endpoint } from '../collectors/endpoint/index.ts';
import { applyObservation } from '../src/inventory/record.ts';
import { benchProbes } from './probes.ts';
import { benchContext, line, measure, median, observeAll, type Measure } from './measure.ts';

const LISTENERS = 200;
const ROUNDS = 5;
/** Rounds before those that count: they warm both up. */
const WARM_UP_ROUNDS = 15;
const WIDTH = 32;
/** They all have one address here: it is not to be spared. */
const POLITENESS = { concurrency: WIDTH, per_second: 1_000 };

/** The endpoint collector, and then the probes alone. */
export async function benchEndpoints(): Promise<string> {
  return [await benchListeners(), await benchProbes()].join('\n');
}

/** The endpoint collector on 200 listeners of loopback, against a bare `tls.connect` that reads the leaf in the same rounds. */
async function benchListeners(): Promise<string> {
  const farm = fork(fileURLToPath(new URL('endpoint-farm.ts', import.meta.url)), [String(LISTENERS)]);
  try {
    const [ports] = (await once(farm, 'message')) as [readonly number[]];
    const targets = ports.map((port) => `127.0.0.1:${port}`);
    const instance = await endpoint.create(
      endpoint.options.parse({ targets, per_address: POLITENESS }),
      benchContext(),
    );
    const meta = { source: 'bench', type: 'endpoint', target: 'bench', labels: {} };
    const ours: Measure[] = [];
    const peer: Measure[] = [];
    for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round++) {
      const one = await measure(async () => {
        let seen = 0;
        await observeAll(
          instance,
          WIDTH,
          () => undefined,
          (observation) => {
            if (applyObservation(undefined, observation, meta, Date.now()).location.sightings.length > 0) seen++;
          },
        );
        return seen;
      });
      const other = await measure(() => bare(ports));
      if (round < WARM_UP_ROUNDS) continue;
      ours.push(one);
      peer.push(other);
    }
    return [
      `endpoints: ${LISTENERS} listeners, chain of 2, ${WIDTH} at a time, ${ROUNDS} rounds, medians`,
      line('collector (hello, exact chain)', median(ours)),
      line('bare tls.connect, leaf only', median(peer)),
      `  CPU against the bare handshake: ${(median(ours).cpuMs / median(peer).cpuMs).toFixed(2)}x`,
    ].join('\n');
  } finally {
    farm.disconnect();
  }
}

async function bare(ports: readonly number[]): Promise<number> {
  const queue = [...ports];
  let seen = 0;
  await Promise.all(
    Array.from({ length: WIDTH }, async () => {
      for (let port = queue.pop(); port !== undefined; port = queue.pop()) {
        const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
        await once(socket, 'secureConnect');
        if (socket.getPeerX509Certificate() !== undefined) seen++;
        socket.end();
        await once(socket, 'close');
      }
    }),
  );
  return seen;
}
