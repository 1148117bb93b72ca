import { describe, expect, test } from 'vitest';

import type { Fact } from '../../../src/inventory/fact.ts';
import { createInventoryIndex } from '../../../src/inventory/inventory-index.ts';
import type { KnownItem, Location, Sighting } from '../../../src/inventory/model.ts';
import {
  authority,
  credential,
  DAY,
  described,
  fileLocation,
  HOUR,
  judged,
  leaf,
  NOW,
  sighting,
  told,
  view,
} from '../places.ts';

function file(item: KnownItem, options: Partial<Sighting> = {}): Location {
  return fileLocation([sighting(item, options)], { id: 1 });
}

const overdue = (location: Location, options: Parameters<typeof told>[2] = {}, offset = 0): readonly string[] =>
  told(location, offset, options).filter((line) => line.startsWith('renewal-overdue'));

describe('a renewal is due with a third of the life left, half of a short one, and 5% of grace', () => {
  test.each([
    ['90 days, 26 left', 90 * DAY, 26 * DAY, []],
    ['90 days, 25.5 left', 90 * DAY, 25.5 * DAY, ['renewal-overdue info']],
    ['90 days, 22.5 left: the end itself is told of', 90 * DAY, 22.5 * DAY, []],
    ['45 days, 13 left', 45 * DAY, 13 * DAY, []],
    ['45 days, 12.7 left', 45 * DAY, 12.7 * DAY, ['renewal-overdue info']],
    ['160 hours, 73 left', 160 * HOUR, 73 * HOUR, []],
    ['160 hours, 72 left', 160 * HOUR, 72 * HOUR, ['renewal-overdue info']],
    ['24 hours, 7 left: at least 6 hours of grace', 24 * HOUR, 7 * HOUR, []],
    ['398 days, 31 left: perhaps renewed by hand', 398 * DAY, 31 * DAY, []],
    ['10 years, 1 year left', 3650 * DAY, 365 * DAY, []],
    ['90 days, ended', 90 * DAY, 0, []],
  ])('%s', (_, lives, left, expected) => {
    expect(overdue(file(leaf('x', { lives, left })))).toEqual(expected);
  });

  test('for what is issued by itself only where the store says so', () => {
    const own = leaf('x', { left: 25 * DAY, selfIssued: true });
    expect(overdue(file(own))).toEqual([]);
    expect(overdue(file(own, { renewal: { mode: 'automatic' } }))).toEqual(['renewal-overdue info']);
  });
});

describe('what the store says', () => {
  test.each<[string, KnownItem, NonNullable<Sighting['renewal']>, readonly string[]]>([
    [
      'automatic, 398 days, 125 left',
      leaf('x', { lives: 398 * DAY, left: 125 * DAY }),
      { mode: 'automatic' },
      ['renewal-overdue warning'],
    ],
    ['automatic, 398 days, 126 left', leaf('x', { lives: 398 * DAY, left: 126 * DAY }), { mode: 'automatic' }, []],
    ['by hand, 90 days, 25 left', leaf('x', { left: 25 * DAY }), { mode: 'manual' }, []],
    [
      'due 5 days ago, 398 days',
      leaf('x', { lives: 398 * DAY, left: 60 * DAY }),
      { mode: 'automatic', dueAt: NOW - 8 * DAY },
      ['renewal-overdue warning'],
    ],
    ['due tomorrow', leaf('x', { left: 25 * DAY }), { mode: 'automatic', dueAt: NOW + DAY }, []],
    [
      'due 2 days ago, nothing else known',
      described({ left: 60 * DAY }),
      { mode: 'automatic', dueAt: NOW - 2 * DAY },
      ['renewal-overdue warning'],
    ],
    [
      'due 2 days ago, a credential',
      credential(),
      { mode: 'automatic', dueAt: NOW - 2 * DAY },
      ['renewal-overdue warning'],
    ],
    [
      'stuck',
      leaf('x', { left: 89 * DAY }),
      { mode: 'automatic', stuck: 'CAA forbids it' },
      ['renewal-overdue warning'],
    ],
    ['stuck, and ended', leaf('x', { left: 0 }), { mode: 'automatic', stuck: 'CAA forbids it' }, []],
  ])('%s', (_, item, renewal, expected) => {
    expect(overdue(file(item, { renewal }))).toEqual(expected);
  });
});

describe('the window of the CA', () => {
  const item = leaf('x', { left: 28 * DAY });
  function window(endAt: number, more: object = {}): Readonly<Record<string, readonly Fact[]>> {
    return { [item.id]: [{ kind: 'renewal', at: NOW, startAt: endAt - DAY, endAt, ...more }] };
  }

  test.each([
    ['ended 5 days ago', window(NOW - 5 * DAY), ['renewal-overdue info']],
    ['ended 4 days ago', window(NOW - 4 * DAY), []],
    ['is to come', window(NOW + DAY), []],
    ['was moved, which is told elsewhere', window(NOW - 50 * DAY), []],
    [
      'comes with a reason, which is told elsewhere',
      window(NOW - 5 * DAY, { explanationUrl: 'https://ca.example' }),
      [],
    ],
  ])('%s', (_, facts, expected) => {
    expect(overdue(file(item), { view: view({ facts }) })).toEqual(expected);
  });
});

describe('the rhythm of the place', () => {
  /** Certificates of a year that were replaced with so many days left, and one with `left` days now. */
  function renewed(lefts: readonly number[], left: number): readonly string[] {
    const index = createInventoryIndex();
    const year = { lives: 365 * DAY };
    const all = lefts.map((_, position) => leaf('x', { ...year, id: `${position}`, left: (position - 9) * 300 * DAY }));
    const latest = leaf('x', { ...year, id: 'now', left: left * DAY });
    for (const [position, item] of all.entries()) {
      const end = item.notAfter.status === 'known' ? item.notAfter.at : 0;
      index.note({ ...file(item), lastLookAt: end - 100 * DAY });
      const next = all[position + 1] ?? latest;
      index.note({ ...file(next), lastLookAt: end - (lefts[position] ?? 0) * DAY });
    }
    return overdue(file(latest), { view: view({ index }) });
  }

  test.each([
    ['twice at 60 days, 53.1 left', [60, 60], 53.1, []],
    ['twice at 60 days, 53 left', [60, 60], 53, ['renewal-overdue warning']],
    ['once at 60 days', [60], 40, []],
    ['twice, one of them at the very end', [60, 0], 40, []],
    ['now at 60, now at 40 days, 35 left', [60, 40, 60], 35, []],
    ['now at 60, now at 40 days, 32 left', [60, 40, 60], 32, ['renewal-overdue info']],
  ])('renewed %s', (_, lefts, left, expected) => {
    expect(renewed(lefts, left)).toEqual(expected);
  });
});

test.each<[string, Location]>([
  ['a CA', file(authority('CA', { left: 60 * DAY, lives: 90 * DAY }), { role: 'issuer' })],
  ['a leftover', file(leaf('x', { left: 25 * DAY }), { supersededBy: '/new.pem' })],
])('%s is never overdue', (_, location) => {
  expect(overdue(location)).toEqual([]);
});

test('what was renewed elsewhere is not overdue, only not deployed', () => {
  const old = leaf('x', { left: 25 * DAY });
  const index = createInventoryIndex([
    file(old),
    fileLocation([sighting(leaf('x', { id: 'new', left: 89 * DAY }))], { id: 2, location: '/new.pem' }),
  ]);
  expect(overdue(file(old), { view: view({ index }) })).toEqual([]);
});

test('the finding says since when, by what, and when it ends; and when it will change', () => {
  const { findings, nextAt } = judged(file(leaf('x', { left: 25 * DAY })));
  expect(findings).toMatchObject([
    {
      family: 'renewal',
      cause: leaf('x').id,
      endsAt: NOW + 25 * DAY,
      summary:
        'x (CN=x,O=Example) has not been renewed: its renewal was due 5 days ago, 2026-01-27 12:00 UTC (as is usual, with a third of its life left); it ends in 25 days, 2026-02-26 12:00 UTC, at /etc/ssl/api.pem',
    },
  ]);
  expect(nextAt).toBe(NOW + 2.5 * DAY);
  expect(judged(file(leaf('x', { left: 40 * DAY }))).nextAt).toBe(NOW + 14.5 * DAY);
});

test('one certificate on 40 machines is one cause', () => {
  const item = leaf('x', { left: 25 * DAY });
  const causes = Array.from({ length: 40 }, (_, id) =>
    judged({ ...file(item), id: id + 1 }).findings.map(({ cause }) => cause),
  );
  expect(new Set(causes.flat()).size).toBe(1);
});
