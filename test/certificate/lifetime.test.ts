import { describe, expect, test } from 'vitest';
import { daysLeft, isExpired, lifetimeMs } from '../../src/certificate/lifetime.ts';
import type { CertificateTime } from '../../src/certificate/time.ts';

const DAY = 86_400_000;

function known(at: number): CertificateTime {
  return { status: 'known', at };
}

describe('lifetime', () => {
  test('counts the last second', () => {
    expect(lifetimeMs({ notBefore: known(0), notAfter: known(90 * DAY - 1000) })).toBe(90 * DAY);
    expect(lifetimeMs({ notBefore: known(5000), notAfter: known(5000) })).toBe(1000);
  });

  test.each<[string, CertificateTime, CertificateTime]>([
    ['never ends', known(0), { status: 'never' }],
    ['has an end that cannot be read', known(0), { status: 'unreadable', text: '', problem: 'empty' }],
    ['has a beginning that cannot be read', { status: 'unreadable', text: '', problem: 'empty' }, known(0)],
    ['ends before it begins', known(1000), known(0)],
  ])('is none when it %s', (_, notBefore, notAfter) => {
    expect(lifetimeMs({ notBefore, notAfter })).toBeNull();
  });
});

test.each([
  [0, 0],
  [1, 0],
  [DAY - 1, 0],
  [DAY, 1],
  [41.9 * DAY, 41],
  [-1, -1],
  [-DAY, -1],
  [-DAY - 1, -2],
])('an end in %i ms is %i days away', (ms, expected) => {
  const now = Date.UTC(2026, 2, 29, 0, 30); // the night in which European clocks change
  expect(daysLeft(now + ms, now)).toBe(expected);
});

test('it has expired at its last second, and never when it never ends', () => {
  expect(isExpired(1000, 999)).toBe(false);
  expect(isExpired(1000, 1000)).toBe(true);
  expect(isExpired(1000, 1001)).toBe(true);
  expect(isExpired(null, Number.MAX_SAFE_INTEGER)).toBe(false);
});
