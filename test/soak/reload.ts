import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { runReloads } from '../helpers/reload-run.ts';
import type { SoakOptions } from './run.ts';

const COUNT = 10_000;

/** Reloads of a daemon that works, by default 10 000, with configs at random, a third of them invalid. */
export async function soakReload({ count = COUNT, seed = 1 }: SoakOptions): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-reload-'));
  try {
    const { wrong, leaked, ...result } = await runReloads(folder, count, seed);
    console.log(`${JSON.stringify(result)}, wrong ${wrong.length}, leaked ${leaked.length}`);
    if (wrong.length + leaked.length > 0) throw new Error([...wrong, ...leaked].join('\n'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
