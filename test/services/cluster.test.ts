import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { clusterText, runCluster } from '../helpers/cluster-run.ts';
import { startPostgresServer, type PostgresServer } from '../helpers/postgres-server.ts';

// `npm run soak -- cluster` goes on for 500 faults.
const FAULTS = 12;
const TARGETS = 200;
const LONGEST_GAP_MS = 90_000;

describe('three nodes on one PostgreSQL, under many faults', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-cluster-'));
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgresServer();
  });
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it(
    `lose no look and no alert in ${FAULTS} faults while ${TARGETS} certificates end`,
    { timeout: 600_000 },
    async () => {
      const seed = Number(process.env['NOTAFTER_SEED'] ?? Date.now() % 1_000_000);
      const result = await runCluster(
        { folder, seed, faults: FAULTS, certificates: TARGETS, spreadMs: 60_000, everyS: 5, patienceMs: 240_000 },
        server,
      );
      console.log(`seed ${seed}: ${clusterText(result)}`);
      expect(result).toMatchObject({ lost: [], toldAnew: [], wrong: [], doubled: [] });
      expect(result.longestGapMs).toBeLessThan(LONGEST_GAP_MS);
    },
  );
});
