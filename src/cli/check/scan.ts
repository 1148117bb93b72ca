import { endpoint } from '../../../collectors/endpoint/index.ts';
import type { RehearsalConfig } from '../../../collectors/endpoint/check-options.ts';
import { parseEndpoint, TargetError } from '../../../collectors/endpoint/target.ts';
import { file } from '../../../collectors/file/index.ts';
import { createInventoryIndex } from '../../inventory/inventory-index.ts';
import type { KnownCertificate, Location } from '../../inventory/model.ts';
import { applyObservation, failedTarget, type RecordMeta } from '../../inventory/record.ts';
import { createChains } from '../../look/chains.ts';
import { clientNameOf } from '../../plugin/client.ts';
import type { CollectorInstance, Target } from '../../plugin/collector.ts';
import type { Context } from '../../plugin/context.ts';
import { CollectError } from '../../plugin/error.ts';
import { assess } from '../../policy/assess.ts';
import type { Finding } from '../../policy/finding.ts';
import { DEFAULT_POLICY } from '../../policy/policy.ts';
import { loadTrust, type Trust } from '../../tls/trust.ts';
import type { CheckTarget } from './targets.ts';

/** One location as `check` saw it, with what policy says of it. */
export interface Checked {
  readonly location: Location;
  readonly findings: readonly Finding[];
  /** What passed on the wire, a line each. */
  readonly transcript: readonly string[];
}

export interface Scan {
  /** In the order of the targets; each location once, whatever targets it belongs to. */
  readonly checked: readonly Checked[];
  /** Targets that gave nothing readable. `location` is where the reason comes from, if it comes from one. */
  readonly unreadable: readonly { readonly target: string; readonly detail: string; readonly location?: string }[];
}

export interface ScanOptions {
  readonly rehearsal: RehearsalConfig;
  readonly caFiles: readonly string[];
  /** Files with passwords for keystores and encrypted keys, one a line. */
  readonly passwordFiles: readonly string[];
}

const CONCURRENCY = 32;
const NOTHING_THERE = 'no certificate was found there';

/**
 * Looks at everything once, without a store. `at` is the moment that is judged; looking happens now. An answer for every
 * target is promised, whatever the target does. `rehearsal` is tried at every endpoint; what `caFiles` hold is trusted
 * besides what this machine trusts. Throws an Error that names the CA file that cannot be read.
 */
export async function scan(
  targets: readonly CheckTarget[],
  at: number,
  { rehearsal, caFiles, passwordFiles }: ScanOptions,
  context: Context,
  signal: AbortSignal,
  onProgress: (done: number) => void,
): Promise<Scan> {
  let trust: Trust | undefined;
  const trusted = (): Trust => (trust ??= loadTrust());
  const chains = createChains(trusted, { now: Date.now }).finder(caFiles.length === 0 ? {} : { caFiles });
  const found: (readonly Location[])[] = [];
  const view = {
    ...createInventoryIndex(),
    isPublicRoot: (fingerprint: string) => trusted().publicRoots.has(fingerprint),
    hasPublicIssuer: (certificate: KnownCertificate) => trusted().hasPublicIssuer(certificate),
    intervalMs: () => undefined,
    facts: () => [],
  };
  let done = 0;
  const transcripts = new Map<Location, readonly string[]>();

  async function lookOnce(target: CheckTarget): Promise<Location[]> {
    const meta = { source: 'check', type: target.kind, labels: {}, chains };
    const locations: Location[] = [];
    let current: Target = { key: target.text, data: null };
    try {
      const instance = await open(target);
      for await (const unit of instance.discover(signal)) {
        current = unit;
        const unitMeta: RecordMeta = { ...meta, target: unit.key };
        for await (const observation of instance.observe(
          unit,
          { version: () => undefined, checkpoint: undefined },
          signal,
        )) {
          const { location, transcript = [] } = applyObservation(undefined, observation, unitMeta, Date.now());
          transcripts.set(location, transcript);
          locations.push(location);
        }
      }
    } catch (error) {
      const failure =
        error instanceof CollectError
          ? { reason: error.reason, detail: error.message }
          : error instanceof TargetError
            ? { reason: error.reason, detail: error.message }
            : { reason: 'internal' as const, detail: error instanceof Error ? error.message : String(error) };
      locations.push(failedTarget({ ...meta, target: current.key }, failure, Date.now()).location);
    }
    if (locations.length === 0) {
      const failure = { reason: 'empty' as const, detail: NOTHING_THERE };
      locations.push(failedTarget({ ...meta, target: target.text }, failure, Date.now()).location);
    }
    return locations;
  }

  async function open(target: CheckTarget): Promise<CollectorInstance> {
    switch (target.kind) {
      case 'endpoint':
        // The schema would say that it is no target, too, but not why.
        parseEndpoint(target.text);
        return endpoint.create(endpoint.options.parse({ targets: [target.text], ...rehearsal }), context);
      case 'file':
        return file.create(
          file.options.parse({
            paths: [target.text],
            passwords: passwordFiles.map((password_file) => ({ password_file })),
          }),
          context,
        );
      default:
        return target satisfies never;
    }
  }

  const queue = [...targets.entries()];
  await Promise.all(
    Array.from({ length: Math.min(CONCURRENCY, queue.length) }, async () => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const [index, target] = next;
        found[index] = await lookOnce(target);
        onProgress(++done);
      }
    }),
  );
  const distinct = Map.groupBy(found.flat(), (location) => `${location.type} ${location.location}`);
  return {
    checked: [...distinct.values()].flatMap(([location]) =>
      location === undefined
        ? []
        : [
            {
              location,
              findings: assess(location, view, DEFAULT_POLICY, at).findings,
              transcript: transcripts.get(location) ?? [],
            },
          ],
    ),
    unreadable: targets.flatMap(({ text }, index) => {
      const locations = found[index] ?? [];
      return locations.some(({ sightings }) => sightings.some(({ place }) => clientNameOf(place) === undefined))
        ? []
        : [{ target: text, ...whyNothing(locations) }];
    }),
  };
}

function whyNothing(locations: readonly Location[]): { readonly detail: string; readonly location?: string } {
  for (const location of locations) {
    const why = location.failure ?? location.problems[0];
    if (why !== undefined) return { detail: why.detail, location: location.location };
  }
  return { detail: NOTHING_THERE };
}

/** A detail with what it is about in front, unless it begins so itself. */
export function sentence(subject: string, detail: string): string {
  return detail.startsWith(subject) || detail.startsWith(`"${subject}"`) ? detail : `${subject}: ${detail}`;
}
