import { accessLog } from '../../collectors/access-log/index.ts';
import type { CollectorInstance, Known, Remembered } from '../../src/plugin/collector.ts';
import type { Json } from '../../src/plugin/json.ts';
import type { Observation } from '../../src/plugin/observation.ts';
import { deafContext } from '../contract/collector.ts';

export const NOON = Date.UTC(2026, 10, 23, 12);
export const SECOND = 1000;
export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;

/** A log as the host looks at it: what was told is remembered for the next look. */
export interface LogLook {
  readonly clock: { at: number };
  /** One look; gives what is not unchanged, by location. */
  look(): Promise<ReadonlyMap<string, Observation>>;
  /** Locations that the last look has named, changed or not. */
  readonly named: readonly string[];
  /** As after a restart: only what the host remembers is left. */
  restart(): Promise<void>;
  /** As if the host had not recorded the last look. */
  forgetLast(): void;
}

export async function openLog(path: string, given: object = {}): Promise<LogLook> {
  const clock = { at: NOON };
  const options = accessLog.options.parse({ format: 'nginx', paths: [path], ...given });
  const open = (): Promise<CollectorInstance> =>
    accessLog.create(options, { ...deafContext(), clock: { now: () => clock.at } });
  let instance = await open();
  let state: Host = { versions: new Map(), memories: new Map(), checkpoint: undefined };
  let before = state;
  let named: readonly string[] = [];

  return {
    clock,
    get named() {
      return named;
    },
    async look() {
      before = state;
      const next: Host = {
        versions: new Map(),
        memories: new Map(state.memories),
        checkpoint: state.checkpoint,
      };
      const news = new Map<string, Observation>();
      const all: string[] = [];
      const target = { key: path, data: { log: path } };
      for await (const observation of instance.observe(target, knownTo(state), AbortSignal.timeout(20_000))) {
        const { location, version, memory, checkpoint, gone, unchanged } = observation;
        all.push(location);
        if (unchanged !== true) news.set(location, observation);
        if (version !== undefined) next.versions.set(location, version);
        if (memory !== undefined) next.memories.set(location, memory);
        if (gone === true) next.memories.delete(location);
        if (checkpoint !== undefined) next.checkpoint = JSON.parse(JSON.stringify(checkpoint)) as Json;
      }
      for (const location of next.memories.keys()) if (!all.includes(location)) next.memories.delete(location);
      state = next;
      named = all;
      return news;
    },
    async restart() {
      instance = await open();
    },
    forgetLast() {
      state = before;
    },
  };
}

interface Host {
  readonly versions: Map<string, string>;
  readonly memories: Map<string, Json>;
  checkpoint: Json | undefined;
}

function knownTo({ versions, memories, checkpoint }: Host): Known {
  return {
    version: (location) => versions.get(location),
    checkpoint,
    async *remembered(): AsyncIterable<Remembered> {
      for (const [location, memory] of memories) yield { location, memory: JSON.parse(JSON.stringify(memory)) as Json };
    },
  };
}

/** What a line of the recommended nginx format tells. */
export interface Call {
  readonly at: number;
  readonly verify: string;
  readonly fingerprint: string;
  readonly serial: string;
  readonly ends: number;
  readonly host: string;
  readonly path: string;
  readonly issuer: string;
  readonly subject: string;
}

export const CALL: Call = {
  at: NOON - 60 * SECOND,
  verify: 'SUCCESS',
  fingerprint: 'a1'.repeat(20),
  serial: '0A1B2C',
  ends: NOON + 20 * DAY,
  host: 'api.example.com',
  path: '/v1/payments',
  issuer: 'CN=Partner CA,O=Partner',
  subject: 'CN=billing,O=Partner',
};

/** A line as nginx 1.22 writes it with the recommended format. */
export function nginxLine(given: Partial<Call> = {}): string {
  const call = { ...CALL, ...given };
  const time = new Date(call.at).toISOString().replace(/\.\d+Z$/, '+00:00');
  const fields = [time, call.verify, call.fingerprint, call.serial, opensslTime(call.ends), call.host, call.path];
  return `${[...fields, call.issuer, call.subject].join('\t')}\n`;
}

/** `Dec 13 12:00:00 2026 GMT` */
export function opensslTime(at: number): string {
  const [, day = '', month = '', year = '', time = ''] =
    /^\w+, (\d+) (\w+) (\d+) ([\d:]+)/.exec(new Date(at).toUTCString()) ?? [];
  return `${month} ${day.replace(/^0/, ' ')} ${time} ${year} GMT`;
}
