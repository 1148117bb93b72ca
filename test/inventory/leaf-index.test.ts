import { describe, expect, test } from 'vitest';

import { createLeafIndex } from '../../src/inventory/leaf-index.ts';
import type { KnownCertificate } from '../../src/inventory/model.ts';
import { authority, DAY, fileLocation, leaf, NOW, sighting } from '../policy/places.ts';

const now = leaf('api.example.com', { id: 'aa' });
const newer = leaf('api.example.com', { id: 'bb', left: 150 * DAY });

function known(...items: readonly KnownCertificate[]): readonly string[] {
  const index = createLeafIndex();
  index.note(fileLocation(items.map((item) => sighting(item))));
  return index.newerThan(now).map(({ item }) => item.id);
}

describe('what is newer than a certificate', () => {
  test.each([
    ['one that begins and ends later', newer, ['bb']],
    ['itself', now, []],
    ['an older one', leaf('api.example.com', { id: 'cc', left: DAY }), []],
    [
      'one that begins later and ends earlier',
      leaf('api.example.com', { id: 'dd', lives: 10 * DAY, left: 20 * DAY }),
      [],
    ],
    ['one for other names', leaf('www.example.com', { id: 'ee', left: 150 * DAY }), []],
    ['one for more names', { ...newer, names: ['api.example.com', 'b.example.com'] }, []],
    ['one for the same names in another case', { ...newer, names: ['API.example.com'] }, ['bb']],
    ['a CA', authority('api.example.com', { id: 'ff', names: ['api.example.com'] }), []],
    ['one whose end cannot be read', { ...newer, notAfter: { status: 'unreadable', text: '', problem: '' } }, []],
    ['one that never ends', { ...newer, notAfter: { status: 'never' } }, ['bb']],
  ] as const)('%s', (_, item, expected) => {
    expect(known(item)).toEqual(expected);
  });

  test('what clients present is no server certificate', () => {
    const index = createLeafIndex();
    index.note(
      fileLocation([sighting(newer, { role: 'client' }), sighting({ ...newer, id: 'x' }, { place: 'client/billing' })]),
    );
    expect(index.newerThan(now)).toEqual([]);
  });

  test('names every place once, and forgets what is gone or replaced', () => {
    const index = createLeafIndex();
    const at = (location: string, ...items: readonly KnownCertificate[]) =>
      fileLocation(
        items.map((item) => sighting(item)),
        { location, firstSeenAt: NOW },
      );
    index.note(at('/b', newer, newer));
    index.note(at('/a', newer));
    index.note(at('/a', newer));
    expect(index.newerThan(now)).toEqual([{ item: newer, locations: ['/a', '/b'] }]);
    index.note(at('/a', now));
    expect(index.newerThan(now)).toEqual([{ item: newer, locations: ['/b'] }]);
    index.forget({ source: 'disk', location: '/b' });
    expect(index.newerThan(now)).toEqual([]);
  });
});
