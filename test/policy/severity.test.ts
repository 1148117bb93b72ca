import { expect, test } from 'vitest';

import { compareSeverity } from '../../src/plugin/notification.ts';
import { worst } from '../../src/policy/severity.ts';

test('severities are ordered from info over warning to critical', () => {
  expect((['critical', 'info', 'warning'] as const).toSorted(compareSeverity)).toEqual(['info', 'warning', 'critical']);
});

test.each([
  ['info', 'info', 'info'],
  ['info', 'warning', 'warning'],
  ['critical', 'warning', 'critical'],
] as const)('the worst of %s and %s is %s', (a, b, expected) => {
  expect(worst(a, b)).toBe(expected);
  expect(worst(b, a)).toBe(expected);
});
