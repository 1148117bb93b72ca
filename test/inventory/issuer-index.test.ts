import { expect, test } from 'vitest';

import { IssuerIndex } from '../../src/inventory/issuer-index.ts';
import { authority, DAY, leaf } from '../policy/places.ts';

const issuer = (name: string): string => `CN=${name},O=Example`;

test('the path goes by the authority that ends last, and by no root where whoever verifies has its own', () => {
  const index = new IssuerIndex([
    authority('CA', { id: 'old', left: 10 * DAY }),
    authority('CA', { id: 'new', left: 900 * DAY }),
  ]);
  expect(index.pathAbove(leaf('x', { issuer: issuer('CA') }), 'known').map(({ id }) => id)).toEqual(['new']);
});

test.each([
  ['a cycle', (level: number) => `C${(level + 1) % 3}`, 3, 3],
  ['a hundred, each above the one before', (level: number) => `C${level + 1}`, 100, 8],
])('authorities in %s end', (_, above, count, length) => {
  const index = new IssuerIndex(
    Array.from({ length: count }, (_value, level) => authority(`C${level}`, { issuer: issuer(above(level)) })),
  );
  const own = leaf('x', { issuer: issuer('C0') });
  expect(index.pathAbove(own, 'sent')).toHaveLength(length);
  expect(index.issuerNames(own).size).toBeLessThanOrEqual(10);
});

test('ten thousand cross-signs of one authority cost no more than some hundred', () => {
  const index = new IssuerIndex(
    Array.from({ length: 10_000 }, (_value, number) => authority('CA', { id: `${number}`, issuer: issuer('CA') })),
  );
  const own = leaf('x', { issuer: issuer('CA') });
  const started = performance.now();
  for (let times = 0; times < 100; times++) index.pathAbove(own, 'sent');
  expect(performance.now() - started).toBeLessThan(2_000);
});
