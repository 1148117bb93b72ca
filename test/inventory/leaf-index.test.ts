import { describe, expect, test } from 'vitest';

import { LeafIndex } from '../../src/inventory/leaf-index.ts';
import type { KnownCertificate, Location } from '../../src/inventory/model.ts';
import { authority, DAY, endpointLocation, fileLocation, leaf, NOW, sighting } from '../policy/places.ts';

const now = leaf('api.example.com', { id: 'aa' });
const newer = leaf('api.example.com', { id: 'bb', left: 150 * DAY });
const newest = leaf('api.example.com', { id: 'cc', left: 200 * DAY });

function file(id: number, items: readonly KnownCertificate[], options: Partial<Location> = {}): Location {
  return fileLocation(
    items.map((item) => sighting(item)),
    { id, location: `/etc/${id}.pem`, ...options },
  );
}

function known(...items: readonly KnownCertificate[]): readonly string[] {
  const index = new LeafIndex();
  index.note(file(1, items));
  return index.successors(now).map(({ item, hasSameNames }) => `${item.id}${hasSameNames ? '' : ' other names'}`);
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
    ['one of another name', leaf('www.example.com', { id: 'ee', left: 150 * DAY }), []],
    [
      'one called the same with more names',
      { ...newer, names: ['api.example.com', 'b.example.com'] },
      ['bb other names'],
    ],
    ['one for the same names in another case', { ...newer, names: ['API.example.com'] }, ['bb']],
    ['one for the same names that is called otherwise', { ...newer, title: 'API' }, ['bb']],
    ['a CA', authority('api.example.com', { id: 'ff', names: ['api.example.com'] }), []],
    ['one whose end cannot be read', { ...newer, notAfter: { status: 'unreadable', text: '', problem: '' } }, []],
    ['one that never ends', { ...newer, notAfter: { status: 'never' } }, ['bb']],
  ] as const)('%s', (_, item, expected) => {
    expect(known(item)).toEqual(expected);
  });

  test('comes with the newest first, each once, wherever it lives', () => {
    const index = new LeafIndex();
    index.note(file(1, [newer]));
    index.note(file(2, [newest, newer]));
    index.note({ ...endpointLocation([newest]), id: 3 });
    expect(
      index.successors(now).map(({ item, homes }) => [item.id, homes.map(({ location, kind }) => [location, kind])]),
    ).toEqual([
      [
        'cc',
        [
          ['/etc/2.pem', 'store'],
          ['api.example.com:8443@10.0.0.7', 'endpoint'],
        ],
      ],
      [
        'bb',
        [
          ['/etc/1.pem', 'store'],
          ['/etc/2.pem', 'store'],
        ],
      ],
    ]);
  });

  test('is given whole, as it was noted', () => {
    const index = new LeafIndex();
    const odd: KnownCertificate = {
      ...leaf('ünïcödé.example', { left: 150 * DAY }),
      names: ['ünïcödé.example', 'emoji-🔑.example'],
      extendedKeyUsage: ['serverAuth'],
      keyUsage: ['digitalSignature'],
      subjectKeyId: 'ab',
      authorityKeyId: 'cd',
      mustStaple: true,
      problems: ['its serial is negative'],
      notBefore: { status: 'known', at: NOW, problem: 'it has a fraction' },
    };
    const older: KnownCertificate = { ...odd, id: '00', notBefore: { status: 'known', at: 0 } };
    index.note(file(1, [odd]));
    expect(index.successors({ ...older, notAfter: { status: 'known', at: 1 } })[0]?.item).toEqual(odd);
  });
});

describe('a change concerns', () => {
  test('the homes of what the new one is newer than, once, and not its own', () => {
    const index = new LeafIndex();
    expect([...index.note(file(1, [now]))]).toEqual([]);
    expect([...index.note(file(2, [now]))]).toEqual([]);
    expect(index.note(file(3, [newer, now]))).toEqual(new Set([1, 2]));
    expect([...index.note(file(3, [newer, now]))]).toEqual([]);
    expect([...index.note(file(4, [newer]))]).toEqual([]);
  });

  test('the others again when it is gone from the last place', () => {
    const index = new LeafIndex();
    index.note(file(1, [now]));
    index.note(file(2, [newer]));
    index.note(file(3, [newer]));
    expect([...index.forget(2)]).toEqual([]);
    expect([...index.note(file(3, []))]).toEqual([1]);
    expect(index.successors(now)).toEqual([]);
  });

  test('the endpoints when a store gets what another endpoint serves already', () => {
    const index = new LeafIndex();
    index.note({ ...endpointLocation([now]), id: 1 });
    index.note({ ...endpointLocation([newer]), id: 2 });
    expect(index.note(file(3, [newer]))).toEqual(new Set([1, 2]));
  });
});

describe('what was replaced at a location', () => {
  test('is known with its rhythm, as it happens', () => {
    const index = new LeafIndex();
    index.note(file(1, [now]));
    // `now` has 60 of 90 days left.
    index.note(file(1, [newer], { lastLookAt: NOW + 30 * DAY }));
    index.note(file(1, [newest], { lastLookAt: NOW + 105 * DAY }));
    expect(index.rhythm(1, newest)).toEqual([30 / 90, 45 / 90]);
    expect(index.homes('cc')).toMatchObject([{ location: '/etc/1.pem', replaced: { id: 'bb' } }]);
  });

  test('is known from what the store remembers', () => {
    const index = new LeafIndex();
    index.note(
      fileLocation([sighting(newest, { firstSeenAt: NOW })], {
        id: 1,
      }),
    );
    index.recall(1, now, NOW - 45 * DAY);
    index.recall(1, newer, NOW);
    index.recall(1, leaf('other.example'), NOW);
    index.recall(2, now, NOW);
    expect(index.rhythm(1, newest)).toHaveLength(2);
    expect(index.homes('cc')).toMatchObject([{ replaced: { id: 'aa' } }]);
  });
});

test('thousands that come and go leave nothing behind', () => {
  const index = new LeafIndex();
  const many = Array.from({ length: 3_000 }, (_, position) =>
    leaf(`h${position % 700}.example`, { id: `${position}` }),
  );
  for (let round = 0; round < 2; round++) {
    for (const [position, item] of many.entries()) index.note(file(position + 1, [item]));
    expect(many.every(({ id }) => index.homes(id).length === 1)).toBe(true);
    for (const position of many.keys()) index.forget(position + 1);
    expect(many.some(({ id }) => index.homes(id).length > 0)).toBe(false);
  }
});
