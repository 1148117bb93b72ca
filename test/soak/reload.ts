import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { runReloads } from '../helpers/reload-run.ts';
import type { SoakOptions } from './run.ts';

const COUNT = 10_000;
/** Reloads of one daemon; what is done is remembered after each. */
const PART = 1_000;

interface Progress {
  done: number;
  valid: number;
  invalid: number;
  looks: number;
  /** Of each daemon, after its last reload. */
  heapMebibytes: number[];
}

/** Reloads of daemons that work, by default 10 000, a thousand of each, with configs at random, a third of them invalid. */
export async function soakReload({ count = COUNT, seed = 1 }: SoakOptions): Promise<void> {
  const kept = path.join(tmpdir(), 'notafter-soak', `reload-${seed}-${count}.json`);
  mkdirSync(path.dirname(kept), { recursive: true });
  const progress = load(kept);
  if (progress.done > 0) console.log(`going on at ${progress.done} of ${count} (${kept})`);
  while (progress.done < count) {
    const part = Math.min(PART, count - progress.done);
    const folder = mkdtempSync(path.join(tmpdir(), 'notafter-reload-'));
    try {
      const { wrong, leaked, ...result } = await runReloads(folder, part, seed * COUNT + progress.done);
      console.log(`${JSON.stringify(result)}, wrong ${wrong.length}, leaked ${leaked.length}`);
      if (wrong.length + leaked.length > 0) throw new Error([...wrong, ...leaked].join('\n'));
      progress.done += part;
      progress.valid += result.valid;
      progress.invalid += result.invalid;
      progress.looks += result.looks;
      progress.heapMebibytes.push(result.heapMebibytes[1]);
      writeFileSync(kept, JSON.stringify(progress));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  const { done, valid, invalid, looks, heapMebibytes } = progress;
  console.log(
    `${done} reloads, ${valid} valid and ${invalid} invalid, during ${looks} looks: wrong 0, leaked 0, ` +
      `heap ${heapMebibytes.join(', ')} MiB`,
  );
  rmSync(kept, { force: true });
}

function load(kept: string): Progress {
  try {
    return JSON.parse(readFileSync(kept, 'utf8')) as Progress;
  } catch {
    return { done: 0, valid: 0, invalid: 0, looks: 0, heapMebibytes: [] };
  }
}
