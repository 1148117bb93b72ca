import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { expect, it } from 'vitest';

import { runReloads } from '../helpers/reload-run.ts';

/** `npm run soak -- reload` does 10 000. */
const RELOADS = 15;

it(
  'reloads any config at random while it works: an invalid one is never applied, and nothing stays open',
  { timeout: 120_000 },
  async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'notafter-reload-'));
    const result = await runReloads(folder, RELOADS, 7);
    rmSync(folder, { recursive: true });
    expect(result.wrong).toEqual([]);
    expect(result.leaked).toEqual([]);
    expect(result.looks).toBeGreaterThan(0);
    expect(Math.min(result.valid, result.invalid)).toBeGreaterThan(2);
  },
);
