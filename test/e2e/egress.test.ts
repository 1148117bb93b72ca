import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { expect, it } from 'vitest';

import { expectNoStrays, runEgress } from '../helpers/egress-run.ts';

/** `npm run test:services` tries all of more than 200. */
const EVERY = 8;

it(
  'nobody leads the daemon to an address that is not allowed: certificates, /probe, channels, identity providers, services',
  { timeout: 180_000 },
  async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'notafter-egress-'));
    const run = await runEgress(folder, EVERY);
    rmSync(folder, { recursive: true });
    expectNoStrays(run);
    expect(run.spellings).toBeGreaterThan(25);
  },
);
