import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { damageAgain, layOut } from '../helpers/store-damage.ts';
import type { SoakOptions } from './run.ts';

const COUNT = 1_000;
const LOCATIONS = 60;

/** Bits flipped in, and ends cut off, the files of a store, by default 1 000 times after a clean stop and as often after a kill. */
export async function soakDamage({ count = COUNT, seed = 1 }: SoakOptions): Promise<void> {
  for (const end of ['stopped', 'killed'] as const) {
    const folder = mkdtempSync(path.join(tmpdir(), 'notafter-damage-'));
    try {
      const layout = await layOut(path.join(folder, end), end, LOCATIONS);
      const { wrong, ...counts } = await damageAgain(layout, folder, count, seed);
      console.log(`${end}: ${JSON.stringify(counts)}, wrong ${wrong.length}`);
      if (wrong.length > 0) throw new Error(wrong.join('\n'));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}
