import { describe, expect, test } from 'vitest';

import { countText, endOf, endText, untilText } from '../../src/cli/item-text.ts';
import { titleOf } from '../../src/policy/wording.ts';
import { credential, crl, DAY, described, HOUR, leaf, MINUTE, NOW } from '../policy/places.ts';

const { nextUpdate: _, ...endlessCrl } = crl();
const unreadable = { status: 'unreadable', text: 'x', problem: 'x' } as const;

describe('untilText', () => {
  test.each([
    [41 * DAY, '41 days'],
    [41 * DAY - 1, '40 days'],
    [2 * DAY, '2 days'],
    [2 * DAY - 1, '1 day'],
    [DAY - 1, '23 hours'],
    [3 * HOUR, '3 hours'],
    [5 * MINUTE + 1_500, '5 minutes'],
    [999, 'less than a minute'],
    [0, 'less than a minute ago'],
    [-3 * HOUR, '3 hours ago'],
    [-DAY - HOUR, '1 day ago'],
    [-2 * DAY, '2 days ago'],
    [-400 * DAY - HOUR, '400 days ago'],
  ])('of something with %i ms left is %s', (left, expected) => {
    expect(untilText(leaf('x', { left }), NOW)).toBe(expected);
  });

  test.each([
    leaf('x', { notAfter: { status: 'never' } }),
    leaf('x', { notAfter: unreadable }),
    { ...described(), notAfter: { status: 'unknown' } as const },
    endlessCrl,
  ])('of something without an end that can be told is a dash', (item) => {
    expect(untilText(item, NOW)).toBe('-');
  });
});

test.each([
  [leaf(), '2026-04-02 12:00', NOW + 60 * DAY],
  [crl(), '2026-02-06 12:00', NOW + 5 * DAY],
  [credential(), '2026-04-02 12:00', NOW + 60 * DAY],
  [endlessCrl, 'never', Number.POSITIVE_INFINITY],
  [leaf('x', { notAfter: { status: 'never' } }), 'never', Number.POSITIVE_INFINITY],
  [{ ...described(), notAfter: { status: 'unknown' } as const }, 'unknown', Number.POSITIVE_INFINITY],
  [leaf('x', { notAfter: unreadable }), 'unreadable', Number.NEGATIVE_INFINITY],
])('the end of an item is its date or the word for what stands there', (item, text, at) => {
  expect([endText(item), endOf(item)]).toEqual([text, at]);
});

test('an item has the name that people call it by', () => {
  expect([leaf('api'), described(), crl(), credential({ name: 'deploy key' })].map(titleOf)).toEqual([
    'api',
    'client.example.com',
    'CRL of CN=Example Issuing CA,O=Example',
    'deploy key',
  ]);
});

test.each([
  ['nothing that ends', []],
  ['1 certificate', [leaf('a'), leaf('a')]],
  ['2 certificates', [leaf('a'), described()]],
  ['2 certificates and 1 CRL', [leaf('a'), crl(), leaf('b')]],
  ['1 certificate, 1 CRL, and 1 credential', [leaf('a'), crl(), credential()]],
])('things are counted by kind, each once: %s', (expected, items) => {
  expect(countText(items)).toBe(expected);
});
