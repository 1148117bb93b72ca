import { X509Certificate } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { file } from '../collectors/file/index.ts';
import { applyObservation } from '../src/inventory/record.ts';
import { createAuthority } from '../test/helpers/pki.ts';
import { benchContext, line, measure, median, observeAll, type Measure } from './measure.ts';

const FILES = 10_000;
const DISTINCT = 1_000;
const ROUNDS = 5;

/** The file collector on 10 000 PEM files, against reading each with `new X509Certificate` in the same rounds. */
export async function benchFiles(): Promise<string> {
  const root = mkdtempSync(path.join(tmpdir(), 'notafter-bench-'));
  try {
    fill(root);
    const instance = await file.create(file.options.parse({ paths: [root] }), benchContext());
    const versions = new Map<string, string>();
    const meta = { source: 'bench', type: 'file', target: root, labels: {} };
    const first: Measure[] = [];
    const again: Measure[] = [];
    const peer: Measure[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      first.push(
        await measure(async () => {
          let seen = 0;
          await observeAll(
            instance,
            1,
            () => undefined,
            (observation) => {
              seen += applyObservation(undefined, observation, meta, Date.now()).location.sightings.length;
              if (observation.version !== undefined) versions.set(observation.location, observation.version);
            },
          );
          return seen;
        }),
      );
      again.push(
        await measure(async () => {
          let unchanged = 0;
          await observeAll(
            instance,
            1,
            (location) => versions.get(location),
            (observation) => {
              if (observation.unchanged === true) unchanged++;
            },
          );
          return unchanged;
        }),
      );
      peer.push(await measure(async () => readWithNode(root)));
    }
    const ratio = median(first).cpuMs / median(peer).cpuMs;
    return [
      `files: ${FILES} PEM files, ${DISTINCT} distinct certificates, ${ROUNDS} rounds, medians`,
      line('collector, first look (read, parse, know)', median(first)),
      line('collector, nothing changed', median(again)),
      line('readFileSync + new X509Certificate + 4 fields', median(peer)),
      `  CPU of a first look against node's own reader: ${ratio.toFixed(2)}x`,
    ].join('\n');
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function fill(root: string): void {
  const authority = createAuthority();
  const pems = Array.from(
    { length: DISTINCT },
    (_, index) => authority.issue({ names: [`host-${index}.example`] }).pem,
  );
  for (let folder = 0; folder < 100; folder++) {
    const under = path.join(root, `d${folder}`);
    mkdirSync(under);
    for (let index = 0; index < FILES / 100; index++) {
      writeFileSync(path.join(under, `${index}.pem`), pems[(folder * 100 + index) % DISTINCT] ?? '');
    }
  }
}

function readWithNode(root: string): number {
  let seen = 0;
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const certificate = new X509Certificate(readFileSync(path.join(entry.parentPath, entry.name)));
    if (
      certificate.fingerprint256 !== '' &&
      certificate.subject !== '' &&
      certificate.issuer !== '' &&
      certificate.validToDate.getTime() > 0
    ) {
      seen++;
    }
  }
  return seen;
}
