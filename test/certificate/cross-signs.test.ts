import { describe, expect, test } from 'vitest';

import { parseCertificate, type Certificate } from '../../src/certificate/certificate.ts';
import { chainFigures } from '../../src/certificate/chain.ts';
import { addTrust2020, dstX3In2021 } from '../helpers/cross-signs.ts';
import type { TestCertificate } from '../helpers/pki.ts';

const NOW = Date.UTC(2026, 10, 23);
const parsed = (...made: readonly TestCertificate[]): readonly Certificate[] =>
  made.map(({ der }) => parseCertificate(der));

describe.each([
  ['AddTrust in 2020', addTrust2020(NOW)],
  ['DST Root CA X3 in 2021', dstX3In2021(NOW)],
])('%s', (_, { leaf, served, crossSign, newRoot, oldRoot }) => {
  test.each([
    ['the new root', [newRoot]],
    ['both roots', [oldRoot, newRoot]],
  ])('clients that trust %s go on, by a path without the cross-sign', (__, anchors) => {
    const figures = chainFigures(parsed(...served), { anchors: parsed(...anchors) }, { at: NOW });
    expect(figures.bestPathItems).toEqual([served[0], served[1], newRoot].map((one) => one?.fingerprint));
    expect(figures.effective.by).toBe(leaf.fingerprint);
    expect(figures.effective.at).toBeGreaterThan(NOW);
    expect(figures.list).toMatchObject({ alternates: [crossSign.fingerprint], unrelated: [], isOutOfOrder: false });
    expect(figures.unserved).toMatchObject([{ certificate: { fingerprint: newRoot.fingerprint }, from: 'anchor' }]);
  });

  test('clients that trust the old root alone have failed since it ended', () => {
    const figures = chainFigures(parsed(...served), { anchors: parsed(oldRoot) }, { at: NOW });
    expect(figures.bestPathItems).toEqual([...served, oldRoot].map(({ fingerprint }) => fingerprint));
    expect(figures.effective.at).toBeLessThan(NOW);
  });
});

test('the cross-sign that ended is what limits in 2020, the root that was not sent in 2021', () => {
  const [before, after] = [addTrust2020(NOW), dstX3In2021(NOW)];
  const limitOf = ({ served, oldRoot }: typeof before) =>
    chainFigures(parsed(...served), { anchors: parsed(oldRoot) }, { at: NOW });
  expect(limitOf(before).effective.by).toBe(before.crossSign.fingerprint);
  expect(limitOf(before)).not.toHaveProperty('limitedBy');
  expect(limitOf(after).effective.by).toBe(after.oldRoot.fingerprint);
  expect(limitOf(after).limitedBy?.fingerprint).toBe(after.oldRoot.fingerprint);
});
