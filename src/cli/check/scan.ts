import { endpoint } from '../../../collectors/endpoint/index.ts';
import { file } from '../../../collectors/file/index.ts';
import type { Location } from '../../inventory/model.ts';
import { applyObservation, failedTarget, type RecordMeta } from '../../inventory/record.ts';
import { createChains } from '../../look/chains.ts';
import { createContext } from '../../look/context.ts';
import { createLimiters } from '../../network/limiter.ts';
import { createNetwork } from '../../network/create-network.ts';
import type { CollectorInstance, Target } from '../../plugin/collector.ts';
import { CollectError } from '../../plugin/error.ts';
import type { Logger } from '../../plugin/logger.ts';
import { assess } from '../../policy/assess.ts';
import type { Finding } from '../../policy/finding.ts';
import { DEFAULT_POLICY } from '../../policy/policy.ts';
import { loadTrust, type Trust } from '../../tls/trust.ts';
import type { CheckTarget } from './targets.ts';

/** One location as `check` saw it, with what policy says of it. */
export interface Checked {
  readonly location: Location;
  readonly findings: readonly Finding[];
}

export interface Scan {
  readonly checked: readonly Checked[];
  /** Words of the command line that gave nothing readable, with the reason. */
  readonly unreadable: readonly { readonly target: string; readonly detail: string }[];
}

const CONCURRENCY = 32;
const QUIET: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/**
 * Looks at everything once, without a store. `at` is the moment that is judged; looking happens now. An answer for every
 * target is promised, whatever the target does.
 */
export async function scan(targets: readonly CheckTarget[], at: number, signal: AbortSignal, onProgress: (done: number) => void): Promise<Scan> {
  let trust: Trust | undefined;
  const trusted = (): Trust => (trust ??= loadTrust());
  const chains = createChains(trusted);
  const context = createContext({
    clock: { now: Date.now },
    log: QUIET,
    network: createNetwork(),
    limit: createLimiters(),
    environment: process.env,
  });
  const checked: Checked[] = [];
  const unreadable: { target: string; detail: string }[] = [];
  const view = { isPublicRoot: (fingerprint: string) => trusted().publicRoots.has(fingerprint), intervalMs: () => undefined };
  let done = 0;

  async function one(target: CheckTarget): Promise<void> {
    const locations = await lookOnce(target);
    for (const location of locations) checked.push({ location, findings: assess(location, view, DEFAULT_POLICY, at).findings });
    if (!locations.some((location) => location.sightings.length > 0)) {
      unreadable.push({ target: target.text, detail: whyNothing(locations) });
    }
    onProgress(++done);
  }

  async function lookOnce(target: CheckTarget): Promise<Location[]> {
    const meta = { source: 'check', type: target.kind, labels: {}, chains };
    const found: Location[] = [];
    let current: Target = { key: target.text, data: null };
    try {
      const instance = await open(target);
      for await (const unit of instance.discover(signal)) {
        current = unit;
        const unitMeta: RecordMeta = { ...meta, target: unit.key };
        for await (const observation of instance.observe(unit, { version: () => undefined, checkpoint: undefined }, signal)) {
          found.push(applyObservation(undefined, observation, unitMeta, Date.now()).location);
        }
      }
    } catch (error) {
      const failure = error instanceof CollectError ? { reason: error.reason, detail: error.message } : { reason: 'internal' as const, detail: error instanceof Error ? error.message : String(error) };
      found.push(failedTarget({ ...meta, target: current.key }, failure, Date.now()).location);
    }
    return found;
  }

  async function open(target: CheckTarget): Promise<CollectorInstance> {
    switch (target.kind) {
      case 'endpoint': {
        const options = endpoint.options.safeParse({ targets: [target.text] });
        if (!options.success) throw new CollectError('malformed', options.error.issues[0]?.message ?? `${target.text} is no target`);
        return endpoint.create(options.data, context);
      }
      case 'file':
        return file.create(file.options.parse({ paths: [target.text] }), context);
      default:
        return target satisfies never;
    }
  }

  const queue = [...targets];
  await Promise.all(
    Array.from({ length: Math.min(CONCURRENCY, queue.length) }, async () => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) await one(next);
    }),
  );
  return { checked, unreadable };
}

function whyNothing(locations: readonly Location[]): string {
  for (const location of locations) {
    if (location.failure !== undefined) return location.failure.detail;
    const problem = location.problems[0];
    if (problem !== undefined) return problem.detail;
  }
  return 'no certificate was found there';
}
