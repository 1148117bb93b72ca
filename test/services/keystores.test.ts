import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { readContainer } from '../../src/certificate/container.ts';
import { briefly } from '../helpers/container-text.ts';
import { MATRIX } from '../helpers/keystore-matrix.ts';
import { openKeystoreWorkshop, type KeystoreWorkshop } from '../helpers/keystore-tools.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'notafter-keystores-'));
let workshop: KeystoreWorkshop;

beforeAll(() => {
  workshop = openKeystoreWorkshop(folder);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a keystore that a tool of others makes now is read like the recorded one', () => {
  test.each(MATRIX)('$file ($tool): $format, $variant', ({ file, passwords, parts, make }) => {
    make(workshop);
    const container = readContainer(readFileSync(path.join(folder, file)), { passwords, maxCostMs: 10_000 });
    expect(container.parts.map(briefly).toSorted()).toEqual(parts.toSorted());
  });
});
