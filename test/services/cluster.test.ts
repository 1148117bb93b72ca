import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { clusterText, runCluster } from '../helpers/cluster-run.ts';
import { startPostgresServer, type PostgresServer } from '../helpers/postgres-server.ts';

// `npm run soak -- cluster` goes on for 500 faults.
const FAULTS = 40;
const TARGETS = 2_000;
/** While faults come one upon the other. It was 352 s on two cores with a load of 31. */
const LONGEST_GAP_MS = 400_000;

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
    { timeout: 1_200_000 },
    async () => {
      const seed = Number(process.env['NOTAFTER_SEED'] ?? Date.now() % 1_000_000);
      const result = await runCluster(
        { folder, seed, faults: FAULTS, certificates: TARGETS, spreadMs: 180_000, everyS: 30, patienceMs: 480_000 },
        server,
      );
      console.log(`seed ${seed}: ${clusterText(result)}`);
      expect(result).toMatchObject({ lost: [], toldAnew: [], wrong: [], doubled: [] });
      expect(result.longestGapMs).toBeLessThan(LONGEST_GAP_MS);
    },
  );
});
