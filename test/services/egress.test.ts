import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { expect, it } from 'vitest';

import { expectNoStrays, runEgress } from '../helpers/egress-run.ts';

it(
  'in none of more than 200 spellings does an address that is not allowed lead the daemon anywhere, by any kind of URL',
  { timeout: 400_000 },
  async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'notafter-egress-'));
    const run = await runEgress(folder);
    rmSync(folder, { recursive: true });
    expectNoStrays(run);
    expect(run.spellings).toBeGreaterThan(200);
  },
);
