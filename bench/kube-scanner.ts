/*
 * Looks at the Secrets of a cluster as the daemon does, in a process of its own, so that its memory can be told.
 */
import { flushCompileCache } from 'node:module';
import { createInterface } from 'node:readline';

import { kubernetes } from '../collectors/kubernetes/index.ts';
import { applyObservation } from '../src/inventory/record.ts';
import type { CollectorInstance } from '../src/plugin/collector.ts';
import { benchContext, measure, observeAll, type Measure } from './measure.ts';

export interface KubeScan {
  /** The options of the source. */
  readonly options: object;
}

export interface KubeScanAnswer extends Measure {
  /** Values that were parsed: certificates and keys. */
  readonly parsed: number;
  /** Peak memory of the process until now, MiB. */
  readonly peakMib: number;
}

const versions = new Map<string, string>();
let parsed = 0;
const context = benchContext();
const counting = {
  ...context,
  parse: (...call: Parameters<typeof context.parse>): ReturnType<typeof context.parse> => {
    parsed += 1;
    return context.parse(...call);
  },
};
let instance: CollectorInstance | undefined;

async function look(opened: CollectorInstance): Promise<number> {
  let seen = 0;
  await observeAll(
    opened,
    4,
    (location) => versions.get(location),
    (observation) => {
      if (!observation.location.startsWith('secret/')) return;
      seen += 1;
      if (observation.unchanged === true) return;
      const meta = { source: 'bench', type: 'kubernetes', target: 'secrets', labels: {} };
      applyObservation(undefined, observation, meta, Date.now());
      if (observation.version !== undefined) versions.set(observation.location, observation.version);
    },
  );
  return seen;
}

for await (const request of createInterface({ input: process.stdin })) {
  const { options } = JSON.parse(request) as KubeScan;
  const opened = (instance ??= await kubernetes.create(kubernetes.options.parse(options), counting));
  parsed = 0;
  const measured = await measure(() => look(opened));
  const answer: KubeScanAnswer = { ...measured, parsed, peakMib: process.resourceUsage().maxRSS / 1024 };
  // It is ended without a word: what was compiled would be lost to the next one.
  flushCompileCache();
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await instance?.close?.();
