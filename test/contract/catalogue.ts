import { expect, it } from 'vitest';

import type { ItemQuery } from '../../src/inventory/catalogue.ts';
import type { Location } from '../../src/inventory/model.ts';
import type { Store } from '../../src/store/store.ts';
import { certificate, location, sighting, write } from './store.ts';

const NOW = Date.UTC(2026, 5, 1);
const DAY = 86_400_000;

/** What every store promises to who lists and searches. */
export function describeCatalogue(get: () => Store): void {
  async function save(...locations: readonly Location[]): Promise<readonly Location[]> {
    return get().transaction(async (tx) => {
      for (const name of new Set(locations.map(({ source }) => source))) {
        await tx.inventory.saveSource({ name, type: 'endpoint', intervalMs: 60_000, firstSeenAt: NOW });
      }
      return tx.inventory.saveLocations(locations.map((each) => write(each)));
    });
  }
  const ending = (id: string, days: number, facts = {}) =>
    certificate(id, { notAfter: { status: 'known', at: NOW + days * DAY }, ...facts });
  async function names(query: Partial<ItemQuery> = {}): Promise<readonly string[]> {
    const { items } = await get().catalogue.items({ order: 'ends', limit: 100, ...query });
    return items.map(({ item }) => ('title' in item ? item.title : item.id));
  }
  /** Four certificates at three locations, and what is no certificate. */
  async function fleet(): Promise<readonly Location[]> {
    const shared = ending('shared', 200, { isCa: true, subject: 'CN=Shared CA', title: 'Shared CA' });
    return save(
      location('a:443', {
        labels: { owner: 'web' },
        sightings: [sighting(ending('late', 90)), sighting(shared, { role: 'intermediate', index: 1 })],
      }),
      location('b:443', {
        labels: { owner: 'web' },
        sightings: [
          sighting(ending('soon', 3), { labels: { owner: 'payments' } }),
          sighting(shared, { role: 'intermediate', index: 1 }),
        ],
      }),
      location('/etc/c.pem', {
        source: 'disk',
        type: 'file',
        target: '/etc',
        sightings: [
          sighting(ending('broken', 0, { notAfter: { status: 'unreadable', problem: 'no date' } }), { role: 'client' }),
          sighting({ kind: 'credential', id: 'k', name: 'API key', notAfter: { status: 'never' } }, { place: 'k' }),
        ],
      }),
    );
  }

  it('lists items once each, however many their places, the first end first', async () => {
    await fleet();
    const { items, count, next } = await get().catalogue.items({ order: 'ends', limit: 10 });
    expect(items.map(({ item, places, roles, sources }) => [item.id.slice(0, 6), places, roles, sources])).toEqual([
      ['broken', 1, ['client'], ['disk']],
      ['soon__', 1, ['server'], ['partners']],
      ['late__', 1, ['server'], ['partners']],
      ['shared', 2, ['intermediate'], ['partners']],
      ['k', 1, ['server'], ['disk']],
    ]);
    expect([count, next]).toEqual([5, undefined]);
    expect(items[1]?.item).toEqual(ending('soon', 3));
  });

  it('goes through all of it a page at a time, in every order, with what has the same end and title', async () => {
    await save(
      ...Array.from({ length: 23 }, (_, number) =>
        location(`host${number}`, {
          sightings: [sighting(ending(`c${number}`, Math.floor(number / 4), { title: `Name ${number % 3}` }))],
        }),
      ),
    );
    for (const order of ['ends', '-ends', 'name', '-name'] as const) {
      const seen: string[] = [];
      let page = await get().catalogue.items({ order, limit: 5 });
      for (;;) {
        seen.push(...page.items.map(({ item }) => item.id));
        if (page.next === undefined) break;
        page = await get().catalogue.items({ order, limit: 5, after: page.next });
      }
      expect(new Set(seen).size, order).toBe(23);
      expect(seen, order).toHaveLength(23);
      expect(page.count).toBe(23);
    }
    expect((await names({ order: '-ends', limit: 1 }))[0]).toBe('Name 1');
  });

  it.each<[string, Partial<ItemQuery>, readonly string[]]>([
    ['a source', { source: 'disk' }, ['broken', 'k']],
    ['a role', { role: 'intermediate' }, ['Shared CA']],
    ['a kind', { kind: 'credential' }, ['k']],
    ['the owner of a location', { owner: 'web' }, ['late', 'Shared CA']],
    ['the owner of an item, which outranks it', { owner: 'payments' }, ['soon']],
    ['an end', { endsFrom: NOW, endsBefore: NOW + 91 * DAY }, ['soon', 'late']],
    ['a word of a name, in any case', { text: 'SOON.example' }, ['soon']],
    ['a word of the subject', { text: 'cn=shared' }, ['Shared CA']],
    ['several words', { text: ' late  example.com ' }, ['late']],
    ['words that nothing holds together', { text: 'late soon' }, []],
    ['the beginning of a fingerprint', { text: 'late____' }, ['late']],
    ['what is a pattern elsewhere', { text: 'l%te' }, []],
    ['everything at once', { text: 'example', source: 'partners', role: 'server', owner: 'payments' }, ['soon']],
    ['quotes', { text: "'; drop table items --", source: '"\\' }, []],
  ])('finds by %s', async (_name, query, expected) => {
    await fleet();
    expect(await names(query)).toEqual(expected);
  });

  it('knows by now where something is: what went, moved, changed its owner or was withdrawn', async () => {
    const [a, b] = await fleet();
    if (a === undefined || b === undefined) throw new Error('nothing was saved');
    await save({
      ...a,
      lastLookAt: NOW + DAY,
      labels: { owner: 'platform' },
      sightings: [sighting(ending('renewed', 300))],
    });
    expect(await names({ text: 'late' })).toEqual([]);
    expect(await names({ owner: 'platform' })).toEqual(['renewed']);
    await get().transaction((tx) => tx.inventory.withdrawLocations([b.id], NOW + DAY));
    expect(await names()).toEqual(['broken', 'renewed', 'k']);
    expect(await names({ text: 'soon' })).toEqual([]);
    await save({ ...b, lastLookAt: NOW + 2 * DAY });
    expect(await names({ text: 'soon' })).toEqual(['soon']);
    expect(await names({ text: 'shared' })).toEqual(['Shared CA']);
  });

  it('finds a common word in the order of the list', async () => {
    await save(
      location('many', {
        sightings: Array.from({ length: 2_100 }, (_, number) =>
          sighting(ending(`x${number}`, 3_000 - number, { title: `x${number}` }), { place: `${number}` }),
        ),
      }),
    );
    expect(await names({ text: 'example', limit: 2 })).toEqual(['x2099', 'x2098']);
    expect(await names({ text: 'x17.example' })).toEqual(['x17']);
  });

  it('gives one item, also one that is known from the end of a chain alone', async () => {
    await fleet();
    const anchor = certificate('anchor', { isCa: true });
    const limit = { at: NOW, by: anchor.id };
    await save(location('limited', { chain: { leaf: limit, servedMin: limit, effective: limit, limitedBy: anchor } }));
    expect(await get().catalogue.item('k')).toMatchObject({ name: 'API key' });
    expect(await get().catalogue.item(anchor.id)).toEqual(anchor);
    expect(await get().catalogue.item('nothing')).toBeUndefined();
    expect(await get().catalogue.limitedBy(anchor.id, 5)).toEqual({
      locations: [expect.objectContaining({ location: 'limited', source: 'partners', labels: {} })],
      count: 1,
    });
  });

  it('gives the homes of an item, the first of them and their number', async () => {
    await fleet();
    const { id } = certificate('shared');
    const { homes, count } = await get().catalogue.homes(id, 1);
    expect(count).toBe(2);
    expect(homes).toEqual([
      {
        location: expect.objectContaining({
          location: 'a:443',
          target: 'api.example.com:443',
          labels: { owner: 'web' },
        }),
        sighting: { place: 'chain', index: 1, role: 'intermediate', firstSeenAt: NOW, lastSeenAt: NOW },
      },
    ]);
  });

  it('tells what was in the place of an item before it and after it', async () => {
    const [before] = await save(location('a', { sightings: [sighting(ending('one', 1))] }));
    if (before === undefined) throw new Error('nothing was saved');
    for (const [step, id] of [
      [1, 'two'],
      [2, 'three'],
    ] as const) {
      await save({
        ...before,
        lastLookAt: NOW + step * DAY,
        sightings: [sighting(ending(id, 1), { firstSeenAt: NOW + step * DAY, lastSeenAt: NOW + step * DAY })],
      });
    }
    const stays = await get().catalogue.history(certificate('two').id, 10);
    expect(stays.map(({ item, endedAt }) => [item.id.replaceAll('_', ''), endedAt])).toEqual([
      ['three', undefined],
      ['two', NOW + 2 * DAY],
      ['one', NOW + DAY],
    ]);
  });

  it('lists locations a page at a time, found by word, source and failure', async () => {
    await save(
      ...Array.from({ length: 7 }, (_, number) =>
        location(`Host${number}`, {
          ...(number === 3 ? { failure: { reason: 'timeout', detail: 'no answer' }, failures: 1 } : {}),
          ...(number === 5 ? { problems: [{ reason: 'malformed', detail: 'cut off' }] } : {}),
        }),
      ),
      location('z', { source: 'other' }),
    );
    const first = await get().catalogue.locations({ limit: 5 });
    expect(first.locations.map((each) => each.location)).toEqual(['z', 'Host0', 'Host1', 'Host2', 'Host3']);
    if (first.next === undefined) throw new Error('there is more');
    const second = await get().catalogue.locations({ limit: 5, after: first.next });
    expect([second.locations.map((each) => each.location), second.next]).toEqual([
      ['Host4', 'Host5', 'Host6'],
      undefined,
    ]);
    const found = async (query: object): Promise<readonly string[]> =>
      (await get().catalogue.locations({ limit: 9, ...query })).locations.map((each) => each.location);
    expect(await found({ failing: true })).toEqual(['Host3', 'Host5']);
    expect(await found({ text: 'hOst 6' })).toEqual(['Host6']);
    expect(await found({ source: 'other' })).toEqual(['z']);
    expect(await found({ text: 'host_' })).toEqual([]);
  });

  it('lists the locations at which an item is, and those that fail when it ends', async () => {
    const shared = ending('shared', 200, { isCa: true, title: 'Shared CA' });
    const limited = { at: NOW + 200 * DAY, by: shared.id };
    const [a] = await save(
      location('a:443', {
        sightings: [sighting(ending('one', 9)), sighting(shared, { role: 'intermediate', index: 1 })],
      }),
      location('b:443', {
        sightings: [sighting(ending('two', 9))],
        chain: { leaf: limited, servedMin: limited, effective: limited, limitedBy: shared },
      }),
      location('c:443', { sightings: [sighting(shared, { role: 'intermediate', index: 1 })] }),
    );
    const found = async (query: object): Promise<readonly string[]> =>
      (await get().catalogue.locations({ limit: 9, ...query })).locations.map((each) => each.location);
    expect(await found({ item: shared.id })).toEqual(['a:443', 'c:443']);
    expect(await found({ limitedBy: shared.id })).toEqual(['b:443']);
    expect(await found({ item: 'nosuch' })).toEqual([]);
    if (a === undefined) throw new Error('it was saved');
    await save({ ...a, sightings: a.sightings.slice(0, 1) });
    expect(await found({ item: shared.id })).toEqual(['c:443']);
  });

  it('counts the locations of each source', async () => {
    await save(location('a', { failure: { reason: 'timeout', detail: '' }, failures: 2 }), location('b'));
    await get().transaction((tx) =>
      tx.inventory.saveSource({ name: 'empty', type: 'file', intervalMs: 1, firstSeenAt: NOW }),
    );
    expect(await get().catalogue.counts()).toEqual([
      { source: 'empty', locations: 0, failed: 0 },
      { source: 'partners', locations: 2, failed: 1 },
    ]);
  });
}
