import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

import { generatedFormats } from '../../../docs/generate.ts';
import { readContainer } from '../../../src/certificate/container.ts';
import type { ContainerPart } from '../../../src/certificate/part.ts';
import { briefly } from '../../helpers/container-text.ts';
import { MATRIX } from '../../helpers/keystore-matrix.ts';

const FOLDER = path.resolve(import.meta.dirname, '../../fixtures/keystores');
/** The default is for threads with other things to do; some of these ask for more. */
const maxCostMs = 10_000;
const results = new Map<string, readonly ContainerPart[]>();

describe('a keystore made by a tool of others is read', () => {
  test.each(MATRIX)('$file ($tool): $format, $variant', ({ file, passwords, parts }) => {
    const container = readContainer(readFileSync(path.join(FOLDER, file)), { passwords, maxCostMs });
    results.set(file, container.parts);
    expect(container.parts.map(briefly).toSorted()).toEqual(parts.toSorted());
    expect(container.parts.map(({ index }) => index)).toEqual([...container.parts.keys()]);
  });

  test('as the page of the formats says', async () => {
    const page = readFileSync(new URL('../../../docs/reference/formats.md', import.meta.url), 'utf8');
    expect(await generatedFormats(page, ({ file }) => results.get(file) ?? [])).toBe(page);
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
