import { expect, test } from 'vitest';

import type { Fact } from '../../../src/inventory/fact.ts';
import { nameSubject } from '../../../src/plugin/fact-subject.ts';
import { authority, DAY, endpointLocation, HOUR, judged, leaf, NOW, told, view } from '../places.ts';

const item = leaf('api.example.com', { names: ['api.example.com', 'Old.example.com', '*.example.com'] });
const here = endpointLocation([item, authority()]);

function names(facts: Readonly<Record<string, { deadSinceAt?: number; resolvedAt?: number }>>) {
  const entries = Object.entries(facts).map(([name, fact]): [string, readonly Fact[]] => [
    nameSubject(name),
    [{ kind: 'name', at: NOW, resolves: fact.deadSinceAt === undefined, ...fact }],
  ]);
  return { view: view({ facts: Object.fromEntries(entries) }) };
}

test.each([
  [
    'all names are alive',
    names({ 'api.example.com': { resolvedAt: NOW }, 'old.example.com': { resolvedAt: NOW } }),
    [],
  ],
  ['nobody has asked', names({}), []],
  [
    'one is gone',
    names({ 'old.example.com': { deadSinceAt: NOW - 6 * HOUR, resolvedAt: NOW - 7 * HOUR } }),
    ['name-dead warning'],
  ],
  [
    'one is away for a moment',
    names({ 'old.example.com': { deadSinceAt: NOW - 6 * HOUR + 1, resolvedAt: NOW - DAY } }),
    [],
  ],
  ['one never was', names({ 'old.example.com': { deadSinceAt: NOW - 6 * HOUR } }), ['name-dead info']],
] as const)('%s', (_, options, expected) => {
  expect(told(here, 0, options)).toEqual(expected);
});

test('it is told once the grace is over', () => {
  const options = names({ 'old.example.com': { deadSinceAt: NOW, resolvedAt: NOW - HOUR } });
  expect(judged(here, 0, options).nextAt).toBe(NOW + 6 * HOUR);
  expect(told(here, 6 * HOUR, options)).toEqual(['name-dead warning']);
});

test('the finding names what is gone, the names that were alive first', () => {
  const options = names({
    'api.example.com': { deadSinceAt: NOW - DAY },
    'old.example.com': { deadSinceAt: NOW - DAY, resolvedAt: NOW - 2 * DAY },
  });
  expect(judged(here, 0, options).findings).toMatchObject([
    {
      family: 'coverage',
      cause: item.id,
      summary:
        'api.example.com (CN=api.example.com,O=Example) is for Old.example.com and 1 other name, which are not in DNS any more: the next renewal will fail for it, at api.example.com:8443@10.0.0.7',
    },
  ]);
});

test('a certificate that has ended is told of by other rules', () => {
  const options = names({ 'old.example.com': { deadSinceAt: NOW, resolvedAt: NOW } });
  expect(told(here, 60 * DAY, options)).not.toContain('name-dead warning');
});
