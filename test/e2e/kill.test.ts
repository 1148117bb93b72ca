import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import { killText, runKills } from '../helpers/kill-run.ts';

const KILLS = 12;
const CERTIFICATES = 24;
/** A message that comes twice came at most this long before the kill: on a busy machine a commit may have to wait its turn. */
const WINDOW_MS = 5_000;

describe('the daemon, killed again and again', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-kill-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it(
    `loses no alert and tells nothing anew in ${KILLS} kills while ${CERTIFICATES} certificates end`,
    { timeout: 240_000 },
    async () => {
      const seed = Number(process.env['NOTAFTER_SEED'] ?? Date.now() % 1_000_000);
      const plan = { folder, seed, kills: KILLS, certificates: CERTIFICATES, spreadMs: 20_000, patienceMs: 60_000 };
      const result = await runKills(plan);
      console.log(`seed ${seed}: ${killText(result)}`);
      expect(result).toMatchObject({ lost: [], toldAnew: [], wrong: [], missing: [] });
      expect(Math.max(0, ...result.repeatedPosts, ...result.repeatedMails)).toBeLessThan(WINDOW_MS);
    },
  );
});
