import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { clusterText, runCluster } from '../helpers/cluster-run.ts';
import { startPostgresServer, type PostgresServer } from '../helpers/postgres-server.ts';

const FAULTS = 40;
const TARGETS = 2_000;
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
    { timeout: 2_400_000 },
    async () => {
      const seed = Number(process.env['NOTAFTER_SEED'] ?? Date.now() % 1_000_000);
      const result = await runCluster(
        { folder, seed, faults: FAULTS, certificates: TARGETS, spreadMs: 240_000, everyS: 20, patienceMs: 900_000 },
        server,
      );
      console.log(`seed ${seed}: ${clusterText(result)}`);
      expect(result).toMatchObject({ lost: [], toldAnew: [], wrong: [], doubled: [] });
      expect(result.longestGapMs).toBeLessThan(LONGEST_GAP_MS);
    },
  );
});
