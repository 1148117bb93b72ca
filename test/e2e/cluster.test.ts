import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { clusterText, runCluster } from '../helpers/cluster-run.ts';
import { startPostgresServer, type PostgresServer } from '../helpers/postgres-server.ts';

const FAULTS = 4;
const CERTIFICATES = 16;
/** A dead node's work is another's within 30 s; looks are due every 2 s, and a machine under test may be very busy. */
const LONGEST_GAP_MS = 50_000;

describe('three nodes on one PostgreSQL, under faults', () => {
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
    `lose no look and no alert, and tell nothing twice, in ${FAULTS} faults while ${CERTIFICATES} certificates end`,
    { timeout: 300_000 },
    async () => {
      const seed = Number(process.env['NOTAFTER_SEED'] ?? Date.now() % 1_000_000);
      const result = await runCluster(
        { folder, seed, faults: FAULTS, certificates: CERTIFICATES, spreadMs: 15_000, everyS: 2, patienceMs: 90_000 },
        server,
      );
      console.log(`seed ${seed}: ${clusterText(result)}`);
      expect(result).toMatchObject({ lost: [], toldAnew: [], wrong: [], doubled: [] });
      expect(result.longestGapMs).toBeLessThan(LONGEST_GAP_MS);
    },
  );
});
