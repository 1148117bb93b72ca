import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { file } from '../../collectors/file/index.ts';
import type { CollectorInstance, Known } from '../../src/plugin/collector.ts';
import type { Context } from '../../src/plugin/context.ts';
import type { Observation } from '../../src/plugin/observation.ts';
import { collect, deafContext, NOTHING_KNOWN } from '../contract/collector.ts';

/** A folder of a test, and looks of the file collector at it. */
export interface FileLook extends Disposable {
  readonly folder: string;
  /** Milliseconds since the epoch, for the collector. */
  now: number;
  /** Secrets by the path of their file. */
  readonly secrets: Map<string, string>;
  /** Writes a file below the folder and gives its path. */
  write(name: string, content: string | Uint8Array): string;
  /** What the collector is given. */
  context(): Context;
  open(options?: object, context?: Context): Promise<CollectorInstance>;
  /** One look at everything below the folder, or at what `options` name. */
  look(options?: object): Promise<readonly Observation[]>;
}

export function createFileLook(): FileLook {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'notafter-file-')));
  const secrets = new Map<string, string>();
  const self: FileLook = {
    folder,
    // Before anything is written: what was written just now is never taken for settled.
    now: Date.now() - 1_000,
    secrets,
    write(name, content) {
      const path = join(folder, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content);
      return path;
    },
    context: () => ({
      ...deafContext(),
      clock: { now: () => self.now },
      async secret(reference) {
        const secret = 'file' in reference ? secrets.get(reference.file) : undefined;
        if (secret === undefined) throw new Error(`the secret ${JSON.stringify(reference)} cannot be read`);
        return secret;
      },
    }),
    async open(options = {}, context = self.context()) {
      return file.create(file.options.parse({ paths: [folder], ...options }), context);
    },
    async look(options) {
      return lookOnce(await self.open(options));
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
  return self;
}

const never = new AbortController().signal;

export async function lookOnce(instance: CollectorInstance, known: Known = NOTHING_KNOWN): Promise<Observation[]> {
  const observations: Observation[] = [];
  for (const target of await collect(instance.discover(never))) {
    observations.push(...(await collect(instance.observe(target, known, never))));
  }
  return observations;
}

/** What a host knows after these observations. */
export function knowing(observations: readonly Observation[]): Known {
  const versions = new Map(observations.map(({ location, version }) => [location, version]));
  return { version: (location) => versions.get(location), checkpoint: undefined };
}
