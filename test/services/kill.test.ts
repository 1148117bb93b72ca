import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import { killText, runKills } from '../helpers/kill-run.ts';

const KILLS = 100;
const CERTIFICATES = 200;
const WINDOW_MS = 5_000;

describe('the daemon, killed a hundred times', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-kills-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it(`loses none of ${CERTIFICATES} certificates that end meanwhile`, { timeout: 1_500_000 }, async () => {
    const seed = Number(process.env['NOTAFTER_SEED'] ?? Date.now() % 1_000_000);
    const plan = { folder, seed, kills: KILLS, certificates: CERTIFICATES, spreadMs: 180_000, patienceMs: 600_000 };
    const result = await runKills(plan);
    console.log(`seed ${seed}: ${killText(result)}`);
    expect(result).toMatchObject({ lost: [], toldAnew: [], wrong: [], missing: [] });
    expect(Math.max(0, ...result.repeatedPosts, ...result.repeatedMails)).toBeLessThan(WINDOW_MS);
  });
});
