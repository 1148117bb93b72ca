import type { Context } from '../src/plugin/context.ts';
import type { CollectorInstance } from '../src/plugin/collector.ts';
import type { Observation } from '../src/plugin/observation.ts';
import { createContext } from '../src/look/context.ts';
import { createNetwork } from '../src/network/create-network.ts';
import { createLimiters } from '../src/network/limiter.ts';

export interface Measure {
  readonly items: number;
  readonly wallMs: number;
  readonly cpuMs: number;
}

/** Runs work that says how many items it did. */
export async function measure(work: () => Promise<number>): Promise<Measure> {
  globalThis.gc?.();
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  const items = await work();
  const used = process.cpuUsage(cpu);
  return { items, wallMs: performance.now() - startedAt, cpuMs: (used.user + used.system) / 1000 };
}

/** The middle one by CPU. */
export function median(measures: readonly Measure[]): Measure {
  const sorted = measures.toSorted((a, b) => a.cpuMs - b.cpuMs);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (middle === undefined) throw new Error('nothing was measured');
  return middle;
}

export function line(name: string, one: Measure): string {
  const perSecond = Math.round(one.items / (one.wallMs / 1000)).toLocaleString('en');
  const cpu = ((one.cpuMs * 1000) / one.items).toFixed(1);
  return `  ${name.padEnd(44)} ${perSecond.padStart(9)} items/s  ${cpu.padStart(8)} µs CPU/item`;
}

/** What a collector needs of its host. */
export function benchContext(): Context {
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  return createContext({
    clock: { now: Date.now },
    log,
    network: createNetwork(),
    limit: createLimiters(),
    environment: {},
  });
}

/** Every target of a collector, `width` at a time. */
export async function observeAll(
  instance: CollectorInstance,
  width: number,
  known: (location: string) => string | undefined,
  each: (observation: Observation) => void,
): Promise<void> {
  const { signal } = new AbortController();
  const targets = await Array.fromAsync(instance.discover(signal));
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (let target = targets.pop(); target !== undefined; target = targets.pop()) {
        for await (const observation of instance.observe(target, { version: known, checkpoint: undefined }, signal)) {
          each(observation);
        }
      }
    }),
  );
}
