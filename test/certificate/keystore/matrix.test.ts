import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

import { readContainer } from '../../../src/certificate/container.ts';
import { briefly } from '../../helpers/container-text.ts';
import { MATRIX } from '../../helpers/keystore-matrix.ts';

const FOLDER = path.resolve(import.meta.dirname, '../../fixtures/keystores');
/** The default is for threads with other things to do; some of these ask for more. */
const maxCostMs = 10_000;

describe('a keystore made by a tool of others is read', () => {
  test.each(MATRIX)('$file ($tool): $format, $variant', ({ file, passwords, parts }) => {
    const container = readContainer(readFileSync(path.join(FOLDER, file)), { passwords, maxCostMs });
    expect(container.parts.map(briefly).toSorted()).toEqual(parts.toSorted());
    expect(container.parts.map(({ index }) => index)).toEqual([...container.parts.keys()]);
  });

  test('and each recorded file is one of them', () => {
    const recorded = readdirSync(FOLDER).filter((name) => name !== 'versions.json');
    expect(recorded.toSorted()).toEqual(MATRIX.map(({ file }) => file).toSorted());
  });
});

test('a certificate is the same, in whatever keystore it lies', () => {
  const fingerprints = new Set<string>();
  for (const { file, passwords } of MATRIX.filter(({ tool }) => tool === 'OpenSSL' || tool === 'GnuTLS')) {
    for (const part of readContainer(readFileSync(path.join(FOLDER, file)), { passwords }).parts) {
      if (part.kind !== 'certificate') continue;
      fingerprints.add(`${part.certificate.subject.text} ${part.certificate.fingerprint}`);
    }
  }
  expect(fingerprints.size).toBe(2);
});
