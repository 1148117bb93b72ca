import { hash } from 'node:crypto';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Inquiry } from '../../src/inventory/fact.ts';
import type { DescribedCertificate, KnownCertificate, Location, Sighting } from '../../src/inventory/model.ts';
import type { LocationWrite } from '../../src/inventory/port.ts';
import type { Alert, AlertPlace, OutboxEntry } from '../../src/notify/model.ts';
import type { Notification } from '../../src/plugin/notification.ts';
import type { Json } from '../../src/plugin/json.ts';
import type { Finding } from '../../src/policy/finding.ts';
import type { Store } from '../../src/store/store.ts';
import { describeAlertHistory } from './alert-history.ts';
import { describeCatalogue } from './catalogue.ts';

const NOW = Date.UTC(2026, 5, 1);
const DAY = 86_400_000;

/** What every store promises. `open` gives a fresh, empty store; the suite closes it. */
export function describeStore(name: string, open: () => Promise<Store>): void {
  describe(`${name}: the contract of a store`, () => {
    let store: Store;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(() => store.close());

    describe('inventory', () => {
      describeInventory(() => store);
    });
    describe('catalogue', () => {
      describeCatalogue(() => store);
    });
    describe('facts', () => {
      describeFacts(() => store);
    });
    describe('alerts', () => {
      describeAlerts(() => store);
      describeAlertHistory(() => store);
    });
    describe('outbox', () => {
      describeOutbox(() => store);
    });
    describe('due times', () => {
      describeDueTimes(() => store);
    });
    describe('transactions', () => {
      describeTransactions(() => store);
    });
  });
}

export function certificate(id: string, facts: Partial<KnownCertificate> = {}): KnownCertificate {
  return {
    kind: 'certificate',
    id: id.padEnd(64, '_'),
    subject: `CN=${id}`,
    issuer: 'CN=Issuer',
    serial: '0A',
    title: id,
    names: [`${id}.example.com`],
    nameCount: 1,
    notBefore: { status: 'known', at: NOW - 60 * DAY },
    notAfter: { status: 'known', at: NOW + 30 * DAY },
    isCa: false,
    selfIssued: false,
    publicKey: 'ab'.repeat(32),
    keyAlgorithm: 'ec P-256',
    signatureAlgorithm: 'ecdsa-with-SHA256',
    problems: [],
    ...facts,
  };
}

export function sighting(item: Sighting['item'], facts: Partial<Sighting> = {}): Sighting {
  return { item, place: 'chain', index: 0, role: 'server', firstSeenAt: NOW, lastSeenAt: NOW, ...facts };
}

export function location(name: string, facts: Partial<Location> = {}): Location {
  return {
    id: 0,
    source: 'partners',
    type: 'endpoint',
    target: 'api.example.com:443',
    location: name,
    labels: {},
    firstSeenAt: NOW,
    lastLookAt: NOW,
    lastSuccessAt: NOW,
    failures: 0,
    problems: [],
    sightings: [],
    ...facts,
  };
}

export function write(written: Location, facts: Partial<LocationWrite> = {}): LocationWrite {
  return { location: written, ders: new Map(), touchOnly: false, ...facts };
}

async function save(store: Store, ...locations: readonly Location[]): Promise<readonly Location[]> {
  return store.transaction((tx) => tx.inventory.saveLocations(locations.map((each) => write(each))));
}

async function saveOne(store: Store, one: Location): Promise<Location> {
  const [saved] = await save(store, one);
  if (saved === undefined) throw new Error('nothing came back');
  return saved;
}

function describeInventory(get: () => Store): void {
  it('gives a location back exactly as it was saved', async () => {
    const full = location('api.example.com:443@10.0.0.7', {
      labels: { owner: 'payments', note: 'ü "quoted" \u0000 \'; drop table locations' },
      version: 'etag-1',
      failure: { reason: 'timeout', detail: 'no answer within 10 s' },
      failures: 3,
      problems: [{ reason: 'wrong_password', place: 'b', detail: 'the password does not open it' }],
      endpoint: {
        address: '10.0.0.7',
        port: 443,
        handshake: 'hello',
        tlsVersion: '1.3',
        chain: ['aa', 'bb'],
        acceptableIssuers: ['CN=Partner CA'],
        verdicts: [
          { client: null, name: null, status: 'rejected', reason: 'certificate_required', evidence: 'alert 116' },
        ],
      },
      chain: {
        leaf: { at: NOW + DAY, by: 'leaf' },
        servedMin: { at: null, by: 'leaf' },
        effective: { at: NOW + DAY, by: 'anchor' },
        limitedBy: certificate('anchor', { isCa: true }),
      },
      sightings: [
        sighting(certificate('leaf'), {
          labels: { team: 'a' },
          usedBy: [{ type: 'aws', id: 'arn:aws:x' }],
          key: { at: '/etc/key.pem', match: 'yes' },
          renewal: { mode: 'automatic', dueAt: NOW + 5 * DAY, stuck: 'DNS' },
          use: {
            firstAt: NOW - DAY,
            lastAt: NOW,
            count: 3,
            by: [{ reference: { type: 'app', id: 'api.example.com/v1' }, count: 2 }],
          },
        }),
        sighting(certificate('issuer', { isCa: true }), { index: 1, role: 'intermediate' }),
        sighting(
          { kind: 'described', id: 'd1', title: 'Described', names: [], notAfter: { status: 'unknown' } },
          { place: 'log' },
        ),
        sighting(
          { kind: 'crl', id: 'crl1', issuer: 'CN=Issuer', thisUpdate: { status: 'known', at: NOW } },
          { place: 'z-crl', role: 'issuer' },
        ),
        sighting(
          { kind: 'credential', id: 'secret-1', name: 'token', notAfter: { status: 'never' } },
          { place: 'z-token', role: 'client' },
        ),
      ],
    });
    const saved = await saveOne(get(), full);
    expect(saved).toEqual({ ...full, id: saved.id });
    expect(saved.id).toBeGreaterThan(0);
    expect(await get().inventory.locations()).toEqual([{ ...full, id: saved.id }]);
  });

  it('keeps what passed on the wire apart from the location, the last that was given', async () => {
    const store = get();
    const [saved] = await store.transaction((tx) =>
      tx.inventory.saveLocations([write(location('a'), { transcript: ['> one', '< two'] })]),
    );
    const id = saved?.id ?? 0;
    const again = async (transcript?: readonly string[]): Promise<readonly string[]> => {
      const facts = transcript === undefined ? {} : { transcript };
      await store.transaction((tx) => tx.inventory.saveLocations([write(location('a', { id }), facts)]));
      return store.inventory.transcript(id);
    };
    expect(await store.inventory.transcript(id)).toEqual(['> one', '< two']);
    expect(await again()).toEqual(['> one', '< two']);
    expect(await again(['> three'])).toEqual(['> three']);
    expect(await store.inventory.transcript(id + 1)).toEqual([]);
  });

  it('keeps what a collector puts beside a location until that is withdrawn, and says nothing of others', async () => {
    const store = get();
    const keep = async (name: string, target: string, memory?: Json): Promise<void> => {
      const facts = memory === undefined ? {} : { memory };
      await store.transaction((tx) => tx.inventory.saveLocations([write(location(name, { target }), facts)]));
    };
    await keep('a', 'log', { count: 1 });
    await keep('b', 'log', { count: 2 });
    await keep('c', 'other', { count: 3 });
    await keep('a', 'log', { count: 4 });
    await keep('b', 'log');

    const { memories, cursor, more } = await store.inventory.memories('partners', 'log', 0);
    expect([memories, more]).toEqual([
      [
        { location: 'a', memory: { count: 4 } },
        { location: 'b', memory: { count: 2 } },
      ],
      false,
    ]);
    expect((await store.inventory.memories('partners', 'log', cursor)).memories).toEqual([]);

    const [a] = await store.inventory.locations({ source: 'partners', target: 'log' });
    await store.transaction((tx) => tx.inventory.withdrawLocations([a?.id ?? 0], NOW));
    expect((await store.inventory.memories('partners', 'log', 0)).memories.map((one) => one.location)).toEqual(['b']);
  });

  it('finds the certificates that a description may be of, and the locations of descriptions', async () => {
    const store = get();
    const der = new Uint8Array([1, 2, 3]);
    const sha1 = hash('sha1', der, 'hex');
    const known = certificate('known', { serial: '00AB' });
    const describe_ = (id: string, words: object): DescribedCertificate => ({
      kind: 'described',
      id,
      title: id,
      names: [],
      notAfter: { status: 'unknown' },
      ...words,
    });
    await store.transaction((tx) =>
      tx.inventory.saveLocations([
        write(location('file', { sightings: [sighting(known), sighting(certificate('other', { serial: '01' }))] }), {
          ders: new Map([[known.id, der]]),
        }),
        write(location('log', { sightings: [sighting(describe_('d1', { sha1, serial: 'ab' }))] })),
        write(location('past', { sightings: [sighting(describe_('d2', { serial: '0ab' }))] })),
        write(location('elsewhere', { sightings: [sighting(describe_('d3', { serial: 'cd' }))] })),
      ]),
    );
    const [, log, past] = await store.inventory.locations({}).then((all) => all.toSorted((a, b) => a.id - b.id));
    await store.transaction((tx) => tx.inventory.withdrawLocations([past?.id ?? 0], NOW));

    for (const words of [{ sha1 }, { serial: 'AB' }, { serial: '0:00:ab' }, { sha256: known.id }]) {
      expect(await store.inventory.candidates([describe_('x', words)])).toEqual([{ item: known, sha1 }]);
    }
    expect(await store.inventory.candidates([describe_('x', { sha1: 'ff' }), describe_('y', {})])).toEqual([]);
    expect(await store.inventory.locationsDescribing([{ item: known, sha1 }])).toEqual([log?.id]);
  });

  it('gives a bare location back without inventing anything', async () => {
    const bare: Location = {
      id: 0,
      source: 's',
      type: 'file',
      target: 't',
      location: '/x',
      labels: {},
      firstSeenAt: NOW,
      lastLookAt: NOW,
      failures: 1,
      problems: [],
      sightings: [],
    };
    await saveOne(get(), bare);
    const [read] = await get().inventory.locations();
    expect(Object.keys(read ?? {}).toSorted()).toEqual(Object.keys(bare).toSorted());
  });

  it('gives locations back in the order they were written, with the ids under which they are read', async () => {
    const names = Array.from({ length: 1200 }, (_, index) => `host-${(index * 7919) % 1200}`);
    const saved = await save(
      get(),
      ...names.map((name) => location(name, { sightings: [sighting(certificate(name))] })),
    );
    expect(saved.map((each) => each.location)).toEqual(names);
    const read = await get().inventory.locations({ ids: saved.map((each) => each.id) });
    expect(read.map((each) => each.location)).toEqual(names.toSorted());
    expect(new Map(read.map((each) => [each.id, each.sightings[0]?.item.id]))).toEqual(
      new Map(saved.map((each) => [each.id, certificate(each.location).id])),
    );
  });

  it('filters by source, target and ids', async () => {
    const saved = await save(
      get(),
      location('a', { source: 's1', target: 't1' }),
      location('b', { source: 's1', target: 't2' }),
      location('a', { source: 's2', target: 't1' }),
    );
    const names = async (filter: Parameters<Store['inventory']['locations']>[0]): Promise<readonly string[]> =>
      (await get().inventory.locations(filter)).map((each) => `${each.source}/${each.location}`);
    expect(await names({})).toEqual(['s1/a', 's1/b', 's2/a']);
    expect(await names({ source: 's1' })).toEqual(['s1/a', 's1/b']);
    expect(await names({ source: 's1', target: 't2' })).toEqual(['s1/b']);
    expect(await names({ ids: [saved[2]?.id ?? 0, saved[0]?.id ?? 0] })).toEqual(['s1/a', 's2/a']);
    expect(await names({ ids: [] })).toEqual([]);
  });

  it('changes a location that is saved again, and keeps when a sighting was first seen', async () => {
    const first = await saveOne(get(), location('a', { sightings: [sighting(certificate('leaf'))] }));
    await save(get(), {
      ...first,
      failures: 2,
      sightings: [sighting(certificate('leaf'), { index: 3, role: 'client', lastSeenAt: NOW + 5, labels: { x: 'y' } })],
    });
    const [read] = await get().inventory.locations();
    expect(read).toMatchObject({ id: first.id, failures: 2 });
    expect(read?.sightings).toEqual([
      sighting(certificate('leaf'), { index: 3, role: 'client', lastSeenAt: NOW + 5, labels: { x: 'y' } }),
    ]);
  });

  it('forgets an attribute that is no longer there', async () => {
    const first = await saveOne(
      get(),
      location('a', { version: 'v1', sightings: [sighting(certificate('leaf'), { labels: { x: 'y' } })] }),
    );
    const { version: _, ...without } = first;
    await save(get(), { ...without, sightings: [sighting(certificate('leaf'))] });
    const [read] = await get().inventory.locations();
    expect(read).not.toHaveProperty('version');
    expect(read?.sightings[0]).not.toHaveProperty('labels');
  });

  it('ends a sighting that a location no longer has', async () => {
    const first = await saveOne(
      get(),
      location('a', { sightings: [sighting(certificate('old')), sighting(certificate('issuer'), { index: 1 })] }),
    );
    await save(get(), {
      ...first,
      sightings: [sighting(certificate('new')), sighting(certificate('issuer'), { index: 1 })],
    });
    const [read] = await get().inventory.locations();
    expect(read?.sightings.map((each) => each.item.id)).toEqual([certificate('new').id, certificate('issuer').id]);
  });

  it('begins a new period for a sighting that returns', async () => {
    const leaf = certificate('leaf');
    const first = await saveOne(get(), location('a', { sightings: [sighting(leaf)] }));
    await save(get(), { ...first, lastLookAt: NOW + 1, sightings: [] });
    await save(get(), {
      ...first,
      lastLookAt: NOW + 2,
      sightings: [sighting(leaf, { firstSeenAt: NOW + 2, lastSeenAt: NOW + 2 })],
    });
    const [read] = await get().inventory.locations();
    expect(read?.sightings).toEqual([sighting(leaf, { firstSeenAt: NOW + 2, lastSeenAt: NOW + 2 })]);
  });

  it('keeps one item at two places apart, and one place twice together', async () => {
    const leaf = certificate('leaf');
    await save(
      get(),
      location('a', { sightings: [sighting(leaf), sighting(leaf, { index: 4 }), sighting(leaf, { place: 'other' })] }),
    );
    const [read] = await get().inventory.locations();
    expect(read?.sightings.map((each) => [each.place, each.index])).toEqual([
      ['chain', 0],
      ['other', 0],
    ]);
  });

  it('takes the later of two writes of one location in one call', async () => {
    const saved = await save(get(), location('a', { failures: 1 }), location('b'), location('a', { failures: 2 }));
    expect(saved[0]?.id).toBe(saved[2]?.id);
    expect((await get().inventory.locations()).map((each) => each.failures)).toEqual([2, 0]);
  });

  it('shows changed facts of an item wherever it was seen', async () => {
    const before = { kind: 'described', id: 'd', title: 'Before', names: [], notAfter: { status: 'unknown' } } as const;
    const after = { ...before, title: 'After', notAfter: { status: 'known', at: NOW } } as const;
    await save(get(), location('a', { sightings: [sighting(before)] }));
    await save(get(), location('b', { sightings: [sighting(after)] }));
    expect((await get().inventory.locations()).map((each) => each.sightings[0]?.item)).toEqual([after, after]);
  });

  it('moves only times when a location was merely touched', async () => {
    const leaf = certificate('leaf');
    const saved = await saveOne(
      get(),
      location('a', { version: 'v1', sightings: [sighting(leaf), sighting(certificate('ca'), { index: 1 })] }),
    );
    const other = await saveOne(get(), location('b', { sightings: [sighting(leaf)] }));
    const later = {
      ...saved,
      lastLookAt: NOW + 60,
      lastSuccessAt: NOW + 60,
      sightings: saved.sightings.map((each) => ({ ...each, lastSeenAt: NOW + 60 })),
    };
    const back = await get().transaction((tx) =>
      tx.inventory.saveLocations([write({ ...later, version: 'ignored' }, { touchOnly: true })]),
    );
    expect(back[0]?.id).toBe(saved.id);
    expect(await get().inventory.locations()).toEqual([later, other]);
  });

  it('marks the locations of a target with what a look must know beforehand', async () => {
    const [plain, failed, partial] = await save(
      get(),
      location('a', { version: 'v1', labels: { owner: 'pay' } }),
      location('b', { version: 'v2', failure: { reason: 'timeout', detail: 'silent' }, failures: 1 }),
      location('c', { version: 'v3', problems: [{ reason: 'malformed', place: 'x', detail: 'cut' }] }),
      location('d', { target: 'another' }),
    );
    expect(await get().inventory.marks('partners', 'api.example.com:443')).toEqual([
      { id: plain?.id, location: 'a', labels: { owner: 'pay' }, version: 'v1', isWhole: true },
      { id: failed?.id, location: 'b', labels: {}, isWhole: false },
      { id: partial?.id, location: 'c', labels: {}, version: 'v3', isWhole: false },
    ]);
    await get().transaction((tx) => tx.inventory.withdrawLocations([plain?.id ?? 0, partial?.id ?? 0], NOW));
    expect(await get().inventory.marks('partners', 'api.example.com:443')).toMatchObject([{ location: 'b' }]);
    expect(await get().inventory.marks('others', 'api.example.com:443')).toEqual([]);
  });

  it('touches locations with all that is in them, and nothing else', async () => {
    const sightings = [sighting(certificate('one')), sighting(certificate('two'), { index: 1 })];
    const [touched, other] = await save(
      get(),
      location('a', { version: 'v', sightings }),
      location('b', { sightings }),
    );
    await get().transaction((tx) => tx.inventory.touch([touched?.id ?? 0], NOW + DAY));
    expect(await get().inventory.locations()).toEqual([
      {
        ...touched,
        lastLookAt: NOW + DAY,
        lastSuccessAt: NOW + DAY,
        sightings: sightings.map((one) => ({ ...one, lastSeenAt: NOW + DAY })),
      },
      other,
    ]);
  });

  it('keeps apart the times of sightings of a touched location that were seen at different times', async () => {
    const saved = await saveOne(
      get(),
      location('a', { sightings: [sighting(certificate('a')), sighting(certificate('b'), { place: 'locked' })] }),
    );
    const [seen, locked] = saved.sightings;
    if (seen === undefined || locked === undefined) throw new Error('two were saved');
    const later = { ...saved, lastLookAt: NOW + 60, sightings: [{ ...seen, lastSeenAt: NOW + 60 }, locked] };
    await get().transaction((tx) => tx.inventory.saveLocations([write(later, { touchOnly: true })]));
    expect(await get().inventory.locations()).toEqual([later]);
  });

  it('keeps the first bytes of a fingerprint and gives them back', async () => {
    const [one, two] = [new Uint8Array([1, 2, 255]), new Uint8Array([9])];
    for (const der of [one, two]) {
      await get().transaction((tx) =>
        tx.inventory.saveLocations([write(location('a'), { ders: new Map([['f1', der]]) })]),
      );
    }
    expect([...((await get().inventory.der('f1')) ?? [])]).toEqual([...one]);
    expect(await get().inventory.der('f2')).toBeUndefined();
  });

  it('hides withdrawn locations and revives them under their id', async () => {
    const [a, b] = await save(get(), location('a', { sightings: [sighting(certificate('leaf'))] }), location('b'));
    if (a === undefined || b === undefined) throw new Error('two were saved');
    await get().transaction((tx) => tx.inventory.withdrawLocations([a.id], NOW + 1));
    expect((await get().inventory.locations()).map((each) => each.location)).toEqual(['b']);
    expect(await get().inventory.locations({ ids: [a.id] })).toEqual([]);
    const revived = await saveOne(get(), location('a', { firstSeenAt: NOW + 2 }));
    expect(revived.id).toBe(a.id);
    expect((await get().inventory.locations({ ids: [a.id] }))[0]).toEqual({
      ...location('a', { firstSeenAt: NOW + 2 }),
      id: a.id,
    });
  });

  it('knows sources until they are withdrawn with everything they have', async () => {
    const { inventory } = get();
    await get().transaction(async (tx) => {
      await tx.inventory.saveSource({ name: 'b', type: 'file', intervalMs: 1000, firstSeenAt: NOW });
      await tx.inventory.saveSource({ name: 'a', type: 'file', intervalMs: 1000, firstSeenAt: NOW });
      await tx.inventory.saveSource({
        name: 'a',
        type: 'file',
        intervalMs: 2000,
        baselineAt: NOW + 1,
        firstSeenAt: NOW,
      });
      await tx.inventory.saveTarget({ source: 'a', key: 't', labels: {}, data: null }, NOW);
      await tx.inventory.saveLocations([
        write(location('x', { source: 'a', target: 't' })),
        write(location('y', { source: 'b' })),
      ]);
    });
    expect(await inventory.sources()).toEqual([
      { name: 'a', type: 'file', intervalMs: 2000, baselineAt: NOW + 1, firstSeenAt: NOW },
      { name: 'b', type: 'file', intervalMs: 1000, firstSeenAt: NOW },
    ]);
    await get().transaction((tx) => tx.inventory.withdrawSource('a', NOW + 2));
    expect((await inventory.sources()).map((each) => each.name)).toEqual(['b']);
    expect(await inventory.targets('a')).toEqual([]);
    expect((await inventory.locations()).map((each) => each.location)).toEqual(['y']);
    await get().transaction((tx) =>
      tx.inventory.saveSource({ name: 'a', type: 'file', intervalMs: 1000, firstSeenAt: NOW + 3 }),
    );
    expect((await inventory.sources())[0]).toEqual({ name: 'a', type: 'file', intervalMs: 1000, firstSeenAt: NOW + 3 });
  });

  it('keeps checkpoint and first-seen of a target that is saved again or revived', async () => {
    const target = { source: 's', key: 't', labels: { a: 'b' }, data: { port: 443 } };
    await get().transaction(async (tx) => {
      await tx.inventory.saveTarget(target, NOW);
      await tx.inventory.setCheckpoint('s', 't', { offset: 7 }, NOW + 1);
    });
    await get().transaction(async (tx) => {
      await tx.inventory.withdrawTarget('s', 't', NOW + 2);
      expect(await tx.inventory.targets('s')).toEqual([]);
      expect(await tx.inventory.target('s', 't')).toBeUndefined();
      await tx.inventory.saveTarget({ ...target, data: { port: 8443 } }, NOW + 3);
    });
    const expected = {
      ...target,
      data: { port: 8443 },
      checkpoint: { offset: 7 },
      firstSeenAt: NOW,
      lastLookAt: NOW + 1,
    };
    expect(await get().inventory.targets('s')).toEqual([expected]);
    expect(await get().inventory.target('s', 't')).toEqual(expected);
  });

  it('keeps the last checkpoint when a look gives none, and can hold null', async () => {
    await get().transaction(async (tx) => {
      await tx.inventory.saveTarget({ source: 's', key: 't', labels: {}, data: null }, NOW);
      await tx.inventory.setCheckpoint('s', 't', null, NOW);
      await tx.inventory.setCheckpoint('s', 't', undefined, NOW + 1);
    });
    expect(await get().inventory.target('s', 't')).toEqual({
      source: 's',
      key: 't',
      labels: {},
      data: null,
      checkpoint: null,
      firstSeenAt: NOW,
      lastLookAt: NOW + 1,
    });
  });

  it('withdraws the locations of a withdrawn target and no others', async () => {
    await save(
      get(),
      location('a', { target: 't1' }),
      location('b', { target: 't2' }),
      location('a', { source: 'other', target: 't1' }),
    );
    await get().transaction((tx) => tx.inventory.withdrawTarget('partners', 't1', NOW));
    expect((await get().inventory.locations()).map((each) => `${each.source}/${each.location}`)).toEqual([
      'other/a',
      'partners/b',
    ]);
  });

  it.each([
    { title: 'the same fence again', fences: [5n, 5n], last: true },
    { title: 'a newer fence', fences: [5n, 6n], last: true },
    { title: 'an older fence', fences: [6n, 5n], last: false },
    { title: 'fences beyond what a double can tell apart', fences: [2n ** 61n + 1n, 2n ** 61n], last: false },
  ])('lets a look record only with the newest fence: $title', async ({ fences, last }) => {
    const results = await get().transaction(async (tx) => {
      await tx.inventory.saveTarget({ source: 's', key: 't', labels: {}, data: null }, NOW);
      const given: boolean[] = [];
      for (const fence of fences) given.push(await tx.inventory.fence('s', 't', fence));
      return given;
    });
    expect(results).toEqual([true, last]);
  });

  it('gives no right to record for a target that is withdrawn or unknown', async () => {
    await get().transaction(async (tx) => {
      await tx.inventory.saveTarget({ source: 's', key: 't', labels: {}, data: null }, NOW);
      await tx.inventory.withdrawTarget('s', 't', NOW);
      expect(await tx.inventory.fence('s', 't', 1n)).toBe(false);
      expect(await tx.inventory.fence('s', 'other', 1n)).toBe(false);
    });
  });

  it('gives the right to record for many targets at once, as for one', async () => {
    const store = get();
    await store.transaction(async (tx) => {
      for (const key of ['a', 'b', 'c', 'd']) {
        await tx.inventory.saveTarget({ source: 'partners', key, labels: {}, data: { of: key } }, NOW);
      }
      await tx.inventory.setCheckpoint('partners', 'a', { at: 7 }, NOW);
      await tx.inventory.fence('partners', 'b', 9n);
      await tx.inventory.withdrawTarget('partners', 'c', NOW);
    });
    const got = await store.transaction((tx) => tx.inventory.fenceAll('partners', ['a', 'b', 'c', 'd', 'e'], 8n));
    expect(got.map(({ key, data, checkpoint }) => [key, data, checkpoint])).toEqual([
      ['a', { of: 'a' }, { at: 7 }],
      ['d', { of: 'd' }, undefined],
    ]);
    await store.transaction(async (tx) => {
      expect(await tx.inventory.fence('partners', 'a', 7n)).toBe(false);
      expect(await tx.inventory.fence('partners', 'd', 8n)).toBe(true);
      await tx.inventory.noteLooks('partners', ['a', 'd'], NOW + DAY);
    });
    const looked = (await store.inventory.targets('partners')).map(({ key, lastLookAt }) => [key, lastLookAt]);
    expect(looked).toEqual([
      ['a', NOW + DAY],
      ['b', undefined],
      ['d', NOW + DAY],
    ]);
  });

  it('knows when a first round is over: all was found, and all of it was looked at', async () => {
    const store = get();
    const isOver = (): Promise<boolean> => store.inventory.isFirstRoundOver('partners');
    expect(await isOver()).toBe(false);
    await store.transaction(async (tx) => {
      await tx.inventory.saveSource({ name: 'partners', type: 'endpoint', intervalMs: DAY, firstSeenAt: NOW });
      await tx.inventory.saveTarget({ source: 'partners', key: 'a', labels: {}, data: null }, NOW);
      await tx.inventory.noteLooks('partners', ['a'], NOW);
    });
    expect(await isOver()).toBe(false);
    await store.transaction((tx) => tx.inventory.noteDiscovery('partners', NOW));
    expect(await isOver()).toBe(true);
    await store.transaction((tx) =>
      tx.inventory.saveTarget({ source: 'partners', key: 'b', labels: {}, data: null }, NOW),
    );
    expect(await isOver()).toBe(false);
    await store.transaction((tx) => tx.inventory.withdrawTarget('partners', 'b', NOW));
    expect(await isOver()).toBe(true);
  });

  it('begins a first round anew where a source was withdrawn and comes back', async () => {
    const store = get();
    const source = { name: 'partners', type: 'endpoint', intervalMs: DAY, firstSeenAt: NOW };
    const target = { source: 'partners', key: 'a', labels: {}, data: null };
    await store.transaction(async (tx) => {
      await tx.inventory.saveSource(source);
      await tx.inventory.saveTarget(target, NOW);
      await tx.inventory.noteDiscovery('partners', NOW);
      await tx.inventory.setCheckpoint('partners', 'a', { offset: 7 }, NOW);
      await tx.inventory.withdrawSource('partners', NOW + 1);
      await tx.inventory.saveSource(source);
      await tx.inventory.saveTarget(target, NOW + 2);
      await tx.inventory.noteDiscovery('partners', NOW + 2);
    });
    expect(await store.inventory.isFirstRoundOver('partners')).toBe(false);
    expect((await store.inventory.target('partners', 'a'))?.checkpoint).toBeUndefined();
    await store.transaction((tx) => tx.inventory.noteLooks('partners', ['a'], NOW + 3));
    expect(await store.inventory.isFirstRoundOver('partners')).toBe(true);
  });

  it('lists what is due for assessment, the most overdue first, and when the next is', async () => {
    const { inventory } = get();
    const saved = await save(get(), location('a'), location('b'), location('c'), location('d'));
    const [a, b, c] = saved.map((each) => each.id);
    if (a === undefined || b === undefined || c === undefined) throw new Error('four were saved');
    expect(await inventory.nextAssessmentAt()).toBeUndefined();
    await get().transaction(async (tx) => {
      const times = new Map([
        [a, NOW + 20],
        [b, NOW + 10],
        [c, NOW + 30],
      ]);
      await tx.inventory.scheduleAssessments(times);
    });
    const due = async (now: number, limit = 10): Promise<readonly string[]> =>
      (await inventory.dueForAssessment(now, limit)).map((each) => each.location);
    expect(await inventory.nextAssessmentAt()).toBe(NOW + 10);
    expect(await due(NOW + 9)).toEqual([]);
    expect(await due(NOW + 20)).toEqual(['b', 'a']);
    expect(await due(NOW + 40, 1)).toEqual(['b']);
    await save(get(), ...saved);
    expect(await due(NOW + 40)).toEqual(['b', 'a', 'c']);
    await get().transaction(async (tx) => {
      await tx.inventory.scheduleAssessments(new Map([[b, undefined]]));
      await tx.inventory.withdrawLocations([a], NOW);
    });
    expect(await due(NOW + 40)).toEqual(['c']);
    expect(await inventory.nextAssessmentAt()).toBe(NOW + 30);
  });
}

const FINDING: Finding = {
  rule: 'expiring',
  family: 'expiry',
  severity: 'warning',
  cause: 'c1',
  title: 'api.example.com',
  summary: 'It ends in 20 days.',
  endsAt: NOW + 20 * DAY,
  facts: [{ name: 'Issuer', value: 'CN=Issuer' }],
  actions: ['Renew it.'],
};

export function place(locationId: number, facts: Partial<AlertPlace> = {}): AlertPlace {
  return {
    locationId,
    source: 'partners',
    location: `location-${locationId}`,
    target: 't',
    labels: { owner: 'payments' },
    state: 'open',
    findings: [FINDING],
    firstAt: NOW,
    lastAt: NOW,
    goodLooks: 0,
    ...facts,
  };
}

export function alert(id: string, facts: Partial<Alert> = {}): Alert {
  return {
    id,
    family: 'expiry',
    cause: 'c1',
    state: 'open',
    generation: 1,
    openedAt: NOW,
    awaitsDigest: false,
    places: [place(1)],
    told: [],
    ...facts,
  };
}

const inquiry = (subject: string, facts: Partial<Inquiry> = {}): Inquiry => ({
  enricher: 'crl',
  subject,
  askedAt: NOW,
  askAgainAt: NOW + DAY,
  failures: 0,
  ...facts,
});

function describeFacts(get: () => Store): void {
  const keep = (...inquiries: readonly Inquiry[]): Promise<void> =>
    get().transaction((tx) => tx.facts.saveInquiries(inquiries));

  it('gives inquiries back exactly as they were saved, by subject and enricher', async () => {
    const learned = inquiry('bb', {
      fact: {
        kind: 'revocation',
        at: NOW,
        status: 'revoked',
        by: 'crl',
        url: 'http://x/',
        revokedAt: NOW - DAY,
        reason: 'superseded',
      },
    });
    const vain = inquiry('aa', { enricher: 'ocsp', failures: 3, problem: 'ü "no answer" \u0000' });
    const name = inquiry('name:a.example', {
      enricher: 'names',
      fact: { kind: 'name', at: NOW, resolves: true, resolvedAt: NOW },
    });
    await keep(name, learned, vain, inquiry('bb', { enricher: 'ari' }));

    expect(await get().facts.inquiries()).toEqual([vain, inquiry('bb', { enricher: 'ari' }), learned, name]);
  });

  it('keeps the last inquiry of an enricher about a subject, all of it', async () => {
    await keep(inquiry('aa', { problem: 'no answer', failures: 1 }));
    await keep(inquiry('aa', { askedAt: NOW + DAY }));

    expect(await get().facts.inquiries()).toEqual([inquiry('aa', { askedAt: NOW + DAY })]);
  });

  it('forgets what it is told to, of that enricher alone', async () => {
    await keep(inquiry('aa'), inquiry('aa', { enricher: 'ari' }), inquiry('bb'));
    await get().transaction((tx) => tx.facts.forgetInquiries('crl', ['aa', 'cc']));

    expect(await get().facts.inquiries()).toEqual([inquiry('aa', { enricher: 'ari' }), inquiry('bb')]);
  });

  it('keeps thousands', async () => {
    const many = Array.from({ length: 5_100 }, (_, index) => inquiry(String(index).padStart(5, '0')));
    await keep(...many);

    expect(await get().facts.inquiries()).toEqual(many);
  });

  it('pages through the certificates that are somewhere now, each once', async () => {
    const [a, b, c, gone] = ['a', 'b', 'c', 'gone'].map((id) => certificate(id)) as [
      KnownCertificate,
      KnownCertificate,
      KnownCertificate,
      KnownCertificate,
    ];
    await save(get(), location('one', { sightings: [sighting(gone), sighting(a)] }));
    const [saved] = await get().inventory.locations();
    await save(
      get(),
      location('one', { id: saved?.id ?? 0, sightings: [sighting(a)] }),
      location('two', { sightings: [sighting(b), sighting(a, { place: 'copy' }), sighting(c)] }),
    );
    const pages: (readonly string[])[] = [];
    let cursor = 0;
    for (let more = true; more;) {
      const page = await get().facts.currentCertificates(cursor, 2);
      pages.push(page.certificates.map(({ title }) => title));
      ({ cursor, more } = page);
    }
    expect(pages).toEqual([['a', 'b'], ['c']]);
    expect(await get().facts.currentCertificates(cursor, 2)).toEqual({ certificates: [], cursor, more: false });
    await save(get(), location('three', { sightings: [sighting(certificate('new'))] }));
    expect((await get().facts.currentCertificates(cursor, 2)).certificates.map(({ title }) => title)).toEqual(['new']);
  });

  it('names the locations that hold a certificate now', async () => {
    const shared = certificate('shared');
    const [one, two, three] = await save(
      get(),
      location('one', { sightings: [sighting(shared)] }),
      location('two', { sightings: [sighting(shared), sighting(certificate('other'))] }),
      location('three', { sightings: [sighting(certificate('other'))] }),
    );
    await save(get(), { ...location('two', { sightings: [sighting(certificate('other'))] }), id: two?.id ?? 0 });

    expect(await get().facts.firstLocation()).toBe(one?.id);
    expect(await get().facts.locationsHolding([shared.id])).toEqual([one?.id]);
    expect(await get().facts.locationsHolding([certificate('other').id, shared.id, 'nobody'])).toEqual(
      [one?.id, two?.id, three?.id].toSorted((a = 0, b = 0) => a - b),
    );
  });
}

function describeAlerts(get: () => Store): void {
  const saveAlerts = (...alerts: readonly Alert[]): Promise<void> =>
    get().transaction(async (tx) => {
      await tx.alerts.saveAlerts(alerts);
    });
  const ids = (alerts: readonly Alert[]): readonly string[] => alerts.map((each) => each.id);

  it('gives an alert back exactly as it was saved', async () => {
    const full = alert('a', {
      state: 'resolved',
      closedAt: NOW + 5,
      awaitsDigest: true,
      generation: 4,
      places: [place(1), place(2, { state: 'withdrawn', findings: [], goodLooks: 2 })],
      told: [
        {
          channel: 'mail',
          severity: 'critical',
          rules: ['expired', 'expiring'],
          reason: 'worse',
          at: NOW,
          repeatAt: NOW + DAY,
        },
        { channel: 'slack', severity: 'info', rules: [], reason: 'resolved', at: NOW + 1 },
      ],
    });
    await saveAlerts(full);
    expect(await get().alerts.alerts()).toEqual([full]);
    expect(await get().alerts.alertsById(['a', 'unknown', 'a'])).toEqual([full]);
  });

  it('replaces an alert with its places and what was told', async () => {
    await saveAlerts(
      alert('a', {
        places: [place(1), place(2), place(3)],
        told: [{ channel: 'mail', severity: 'info', rules: [], reason: 'first', at: NOW }],
      }),
      alert('other'),
    );
    const changed = alert('a', {
      generation: 2,
      places: [place(2), place(3, { goodLooks: 1, state: 'resolved' }), place(4)],
      told: [{ channel: 'slack', severity: 'info', rules: [], reason: 'first', at: NOW }],
    });
    await saveAlerts(changed);
    expect(await get().alerts.alertsById(['a'])).toEqual([changed]);
    expect(await get().alerts.alertsById(['other'])).toEqual([alert('other')]);
  });

  it('lists open alerts, the oldest first', async () => {
    await saveAlerts(
      alert('b', { openedAt: NOW + 2 }),
      alert('c', { openedAt: NOW + 1 }),
      alert('a', { state: 'resolved', closedAt: NOW }),
    );
    expect(ids(await get().alerts.alerts({ state: 'open' }))).toEqual(['c', 'b']);
    expect(ids(await get().alerts.alerts())).toEqual(['a', 'c', 'b']);
  });

  it('finds open alerts by the locations where they are open', async () => {
    await saveAlerts(
      alert('here', { places: [place(1), place(2)] }),
      alert('resolved here', { places: [place(1, { state: 'resolved' }), place(3)] }),
      alert('closed', { state: 'resolved', places: [place(1)] }),
      alert('elsewhere', { places: [place(9)] }),
    );
    const { alerts } = get();
    expect(ids(await alerts.openAlertsAt([1, 2]))).toEqual(['here']);
    expect(ids(await alerts.openAlertsAt([3, 9]))).toEqual(['elsewhere', 'resolved here']);
    expect(await alerts.openAlertsAt([])).toEqual([]);
    expect(await alerts.openAlertsAt([77])).toEqual([]);
  });

  it('keeps what was put off, the acknowledgement and all that a channel was told', async () => {
    const whole = alert('a', {
      held: [
        { channel: 'mail', why: 'silence', until: NOW + 5 },
        { channel: 'chat', why: 'acknowledged' },
      ],
      acknowledgement: { author: 'anna', comment: 'on it', at: NOW, severity: 'warning', rules: ['expiring'] },
      told: [
        {
          channel: 'mail',
          severity: 'warning',
          rules: ['expiring'],
          reason: 'first',
          at: NOW,
          repeatAt: NOW + 9,
          group: 'g',
          notificationId: 'n',
          placeCount: 3,
          endsAt: NOW + DAY,
          newsAt: NOW,
        },
      ],
    });
    await saveAlerts(whole);
    expect(await get().alerts.alertsById(['a'])).toEqual([whole]);
    const { held: _h, acknowledgement: _a, ...bare } = whole;
    await saveAlerts(bare);
    expect(await get().alerts.alertsById(['a'])).toEqual([bare]);
  });

  it('finds what was put off until now, open or over, and says when the next is due', async () => {
    await saveAlerts(alert('later', { held: [{ channel: 'mail', why: 'digest', until: NOW + 7 }] }));
    await saveAlerts(
      alert('over', {
        state: 'resolved',
        closedAt: NOW,
        held: [{ channel: 'mail', why: 'quiet_hours', until: NOW + 3 }],
      }),
    );
    await saveAlerts(alert('taken', { held: [{ channel: 'mail', why: 'acknowledged' }] }));
    expect(await get().alerts.nextTellAt()).toBe(NOW + 3);
    expect(await get().alerts.alertsDue(NOW + 2)).toEqual([]);
    expect((await get().alerts.alertsDue(NOW + 3)).map(({ id }) => id)).toEqual(['over']);

    await get().transaction((tx) => tx.alerts.wakeHeld(NOW));
    const due = (await get().alerts.alertsDue(NOW)).map(({ id }) => id);
    expect(new Set(due)).toEqual(new Set(['later', 'over', 'taken']));
  });

  it('finds the alerts of a group by what a channel was told', async () => {
    const told = { severity: 'warning', rules: [], reason: 'first', at: NOW } as const;
    await saveAlerts(alert('a', { told: [{ ...told, channel: 'mail', group: 'g' }] }));
    await saveAlerts(
      alert('b', { state: 'resolved', closedAt: NOW, told: [{ ...told, channel: 'mail', group: 'g' }] }),
    );
    await saveAlerts(alert('c', { told: [{ ...told, channel: 'chat', group: 'g' }] }));
    await saveAlerts(alert('d', { told: [{ ...told, channel: 'mail', group: 'h' }] }));
    expect((await get().alerts.alertsInGroup('mail', 'g')).map(({ id }) => id)).toEqual(['a', 'b']);
  });

  it('keeps silences, those that hold longest first', async () => {
    const silence = { id: 's', matchers: ['a="b"'], createdAt: NOW, until: NOW + 1, author: 'anna', comment: 'why' };
    const longer = { ...silence, id: 't', until: NOW + 2 };
    await get().transaction(async (tx) => {
      await tx.alerts.saveSilence(silence);
      await tx.alerts.saveSilence(longer);
    });
    expect(await get().alerts.silences()).toEqual([longer, silence]);
    await get().transaction((tx) => tx.alerts.saveSilence({ ...longer, until: NOW }));
    expect(await get().alerts.silences()).toEqual([silence, { ...longer, until: NOW }]);
  });

  it('finds open alerts of which a channel is due to hear again', async () => {
    const told = (channel: string, repeatAt?: number): Alert['told'][number] => ({
      channel,
      severity: 'warning',
      rules: [],
      reason: 'first',
      at: NOW,
      ...(repeatAt === undefined ? {} : { repeatAt }),
    });
    await saveAlerts(
      alert('due', { told: [told('mail', NOW + 10), told('slack', NOW + 99)] }),
      alert('later', { told: [told('mail', NOW + 11)] }),
      alert('never', { told: [told('mail')] }),
      alert('closed', { state: 'resolved', told: [told('mail', NOW + 1)] }),
    );
    expect(ids(await get().alerts.alertsDue(NOW + 10))).toEqual(['due']);
    expect(ids(await get().alerts.alertsDue(NOW + 9))).toEqual([]);
  });

  it('finds open alerts that wait for the digest', async () => {
    await saveAlerts(
      alert('waits', { awaitsDigest: true }),
      alert('told'),
      alert('gone', { awaitsDigest: true, state: 'withdrawn' }),
    );
    expect(ids(await get().alerts.alertsAwaitingDigest())).toEqual(['waits']);
  });
}

function notification(id: string, facts: Partial<Notification> = {}): Notification {
  return {
    id,
    kind: 'alert',
    reason: 'first',
    severity: 'warning',
    at: new Date(NOW),
    group: 'g',
    alerts: [],
    alertCount: 0,
    ...facts,
  };
}

function entry(id: string, facts: Partial<OutboxEntry> & { group?: string } = {}): OutboxEntry {
  const { group = 'g', ...rest } = facts;
  return { channel: 'mail', notification: notification(id, { group }), recipients: ['a@example.com'], ...rest };
}

function describeOutbox(get: () => Store): void {
  const enqueue = (now: number, ...entries: readonly OutboxEntry[]): Promise<void> =>
    get().transaction(async (tx) => {
      for (const each of entries) await tx.alerts.enqueue(each, now);
    });
  const due = async (
    now: number,
    channels: readonly string[] = ['mail', 'slack'],
    limit = 10,
  ): Promise<readonly string[]> =>
    (await get().outbox.due(channels, now, limit)).map(
      (each) => `${each.notification.id}: ${each.recipients.map(({ recipient }) => recipient).join(' ')}`,
    );
  const deliver = (id: string, recipient = 'a@example.com', receipt?: string, at = NOW): Promise<void> =>
    get().outbox.settle({
      channel: 'mail',
      notificationId: id,
      group: 'g',
      results: [{ recipient, status: 'delivered', ...(receipt === undefined ? {} : { receipt }) }],
      retryAt: new Map(),
      at,
    });
  const fail = (id: string, retryAt?: number, recipient = 'a@example.com'): Promise<void> =>
    get().outbox.settle({
      channel: 'mail',
      notificationId: id,
      group: 'g',
      results: [{ recipient, status: 'failed', reason: 'timeout', detail: 'no answer', retryable: true }],
      retryAt: new Map(retryAt === undefined ? [] : [[recipient, retryAt]]),
      at: NOW + 1,
    });

  it('gives a notification back exactly as it was, dates included', async () => {
    const full = notification('n', {
      kind: 'digest',
      externalUrl: 'https://notafter.example.com',
      alertCount: 1,
      alerts: [
        {
          id: 'a',
          family: 'expiry',
          cause: 'c',
          state: 'open',
          severity: 'critical',
          rules: ['expired'],
          title: 't',
          summary: 's',
          endsAt: new Date(NOW + DAY),
          openedAt: new Date(NOW - DAY),
          facts: [{ name: 'Issuer', value: '2026-01-01T00:00:00.000Z' }],
          places: [],
          placeCount: 0,
          actions: ['act'],
        },
      ],
    });
    await enqueue(NOW, { channel: 'mail', notification: full, recipients: ['a@example.com'] });
    expect(await get().outbox.due(['mail'], NOW, 10)).toEqual([
      {
        channel: 'mail',
        notification: full,
        recipients: [{ recipient: 'a@example.com', attempts: 0 }],
        previous: undefined,
      },
    ]);
  });

  it('leaves a notification alone that is there already, but takes it for another channel', async () => {
    await enqueue(NOW, entry('n'));
    await deliver('n');
    await enqueue(
      NOW,
      entry('n', { recipients: ['b@example.com'] }),
      entry('n', { channel: 'slack', recipients: ['#ops'] }),
    );
    expect(await due(NOW)).toEqual(['n: #ops']);
  });

  it('sums up what was put into it for a channel, and knows what was delivered', async () => {
    await get().transaction(async (tx) => {
      await tx.alerts.enqueue({ ...entry('old'), weight: 7 }, NOW);
      await tx.alerts.enqueue({ ...entry('new'), weight: 2 }, NOW + 5);
      await tx.alerts.enqueue(entry('light'), NOW + 6);
    });
    expect(await get().alerts.recentWeight('mail', NOW)).toBe(2);
    expect(await get().alerts.recentWeight('mail', NOW - 1)).toBe(9);
    expect(await get().alerts.recentWeight('chat', 0)).toBe(0);

    expect(await get().alerts.isDelivered('mail', 'old')).toBe(false);
    await get().outbox.settle({
      channel: 'mail',
      notificationId: 'old',
      group: 'g',
      results: [{ recipient: 'a@example.com', status: 'delivered' }],
      retryAt: new Map(),
      at: NOW,
    });
    expect(await get().alerts.isDelivered('mail', 'old')).toBe(true);
    expect(await get().alerts.isDelivered('mail', 'new')).toBe(false);
  });

  it('gives only what is due, for the channels asked for, the oldest first, within the limit', async () => {
    await enqueue(NOW + 5, entry('late', { group: 'late' }));
    await enqueue(
      NOW,
      entry('one', { group: '1', recipients: ['b', 'a', 'a'] }),
      entry('two', { group: '2', channel: 'slack' }),
      entry('three', { group: '3' }),
    );
    expect(await due(NOW)).toEqual(['one: a b', 'two: a@example.com', 'three: a@example.com']);
    expect(await due(NOW, ['mail'])).toEqual(['one: a b', 'three: a@example.com']);
    expect(await due(NOW, [])).toEqual([]);
    expect(await due(NOW, ['mail'], 1)).toEqual(['one: a b']);
    expect(await due(NOW + 5, ['mail'])).toEqual(['late: a@example.com', 'one: a b', 'three: a@example.com']);
  });

  it('holds a message back while an earlier one of its channel, recipient and group is pending', async () => {
    await enqueue(
      NOW,
      entry('first', { recipients: ['a', 'b'] }),
      entry('resolved', { recipients: ['a', 'b'] }),
      entry('elsewhere', { recipients: ['a'], group: 'other' }),
    );
    expect(await due(NOW)).toEqual(['first: a b', 'elsewhere: a']);
    await deliver('first', 'a');
    await fail('first', NOW + 100, 'b');
    expect(await due(NOW + 1)).toEqual(['resolved: a', 'elsewhere: a']);
    await deliver('resolved', 'a');
    expect(await due(NOW + 100)).toEqual(['first: b', 'elsewhere: a']);
    await fail('first', undefined, 'b');
    expect(await due(NOW + 100)).toEqual(['resolved: b', 'elsewhere: a']);
  });

  it('counts attempts, waits until the retry, and gives up for good', async () => {
    await enqueue(NOW, entry('n'));
    await fail('n', NOW + 100);
    expect(await due(NOW + 99)).toEqual([]);
    expect((await get().outbox.due(['mail'], NOW + 100, 1))[0]?.recipients).toEqual([
      { recipient: 'a@example.com', attempts: 1 },
    ]);
    expect(await get().outbox.failed()).toEqual([]);
    await fail('n');
    expect(await due(NOW + DAY)).toEqual([]);
    expect(await get().outbox.failed()).toEqual([
      { channel: 'mail', recipient: 'a@example.com', notificationId: 'n', error: 'timeout: no answer', at: NOW + 1 },
    ]);
  });

  it('keeps what was delivered delivered, whatever a slower attempt reports', async () => {
    await enqueue(NOW, entry('n'));
    await deliver('n', 'a@example.com', 'thread-1');
    await fail('n');
    await deliver('n', 'a@example.com', 'thread-2');
    await deliver('unknown');
    expect(await get().outbox.failed()).toEqual([]);
    await enqueue(NOW, entry('next'));
    expect((await get().outbox.due(['mail'], NOW, 1))[0]?.previous).toBe('thread-1');
  });

  it('hands back the last receipt of the same channel, recipient and group only', async () => {
    await enqueue(NOW, entry('n1'), entry('n2'));
    await deliver('n1', 'a@example.com', 'thread-1');
    await deliver('n2');
    await enqueue(
      NOW,
      entry('same', { recipients: ['a@example.com', 'z@example.com'] }),
      entry('other group', { group: 'h' }),
      entry('other recipient', { recipients: ['b@example.com'] }),
      entry('other channel', { channel: 'slack' }),
    );
    const previous = (await get().outbox.due(['mail', 'slack'], NOW, 10)).map((each) => [
      each.notification.id,
      each.previous,
    ]);
    expect(previous).toEqual([
      ['same', 'thread-1'],
      ['other group', undefined],
      ['other recipient', undefined],
      ['other channel', undefined],
    ]);
    await deliver('same', 'a@example.com', 'thread-2');
    await enqueue(NOW, entry('later'));
    expect((await get().outbox.due(['mail'], NOW, 10)).find((each) => each.notification.id === 'later')?.previous).toBe(
      'thread-2',
    );
  });

  it('gives up what waits for channels that are no more, and nothing else', async () => {
    const { outbox } = get();
    await enqueue(NOW, entry('kept'), entry('gone', { channel: 'gone' }));

    expect(await outbox.giveUpOthers([entry('kept').channel], 'no such channel', NOW + 1)).toBe(1);
    expect(await outbox.failed()).toMatchObject([
      { channel: 'gone', notificationId: 'gone', error: 'no such channel', at: NOW + 1 },
    ]);
    expect((await outbox.due([entry('kept').channel, 'gone'], NOW, 10)).map((each) => each.notification.id)).toEqual([
      'kept',
    ]);
    expect(await outbox.giveUpOthers([], 'none at all', NOW + 2)).toBe(1);
    expect(await outbox.oldestPendingAt()).toBeUndefined();
  });

  it('hastens what waits for a receiver that was not there, and nothing else', async () => {
    await enqueue(NOW, entry('absent'), entry('refused'));
    await fail('absent', NOW + DAY);
    await get().outbox.settle({
      channel: 'mail',
      notificationId: 'refused',
      group: 'g',
      results: [
        { recipient: 'a@example.com', status: 'failed', reason: 'server_error', detail: '503', retryable: true },
      ],
      retryAt: new Map([['a@example.com', NOW + DAY]]),
      at: NOW,
    });
    await get().outbox.hasten('slack', NOW + 5);
    expect(await due(NOW + 5)).toEqual([]);
    await get().outbox.hasten('mail', NOW + 5);
    expect(await due(NOW + 5)).toEqual(['absent: a@example.com']);
  });

  it('says when the next delivery is due, not counting what an earlier one holds up', async () => {
    const { outbox } = get();
    expect(await outbox.nextDueAt()).toBeUndefined();
    expect(await outbox.oldestPendingAt()).toBeUndefined();
    await enqueue(NOW, entry('first'), entry('held up'));
    expect(await outbox.nextDueAt()).toBe(NOW);
    await fail('first', NOW + 100);
    expect(await outbox.nextDueAt()).toBe(NOW + 100);
    expect(await outbox.oldestPendingAt()).toBe(NOW);
    await enqueue(NOW + 50, entry('free', { group: 'other' }));
    expect(await outbox.nextDueAt()).toBe(NOW + 50);
    for (const id of ['first', 'held up', 'free']) await deliver(id);
    expect(await outbox.nextDueAt()).toBeUndefined();
    expect(await outbox.oldestPendingAt()).toBeUndefined();
  });
}

function describeDueTimes(get: () => Store): void {
  it('remembers the first due time and leaves it alone when it is set again', async () => {
    const { dueTimes } = get();
    expect(await dueTimes.next('a')).toBeUndefined();
    await dueTimes.init('a', NOW);
    await dueTimes.init('a', NOW + 5);
    await dueTimes.init('b', NOW + 7);
    expect(await dueTimes.next('a')).toBe(NOW);
    await dueTimes.forget('a');
    expect(await dueTimes.next('a')).toBeUndefined();
    expect(await dueTimes.next('b')).toBe(NOW + 7);
  });

  it('counts fences up, each given once', async () => {
    const given = await Promise.all(Array.from({ length: 20 }, () => get().fences.next()));
    expect(new Set(given).size).toBe(20);
    const next = await get().fences.next();
    expect(given.every((fence) => fence < next)).toBe(true);
  });

  it('lets exactly one of many claim a due time', async () => {
    const { dueTimes } = get();
    await dueTimes.init('a', NOW);
    const claims = await Promise.all(
      Array.from({ length: 8 }, (_, index) => dueTimes.claim('a', NOW, NOW + 1 + index)),
    );
    expect(claims.filter(Boolean)).toHaveLength(1);
    expect(await dueTimes.next('a')).toBe(NOW + 1 + claims.indexOf(true));
    expect(await dueTimes.claim('a', NOW, NOW + 99)).toBe(false);
    expect(await dueTimes.claim('unknown', NOW, NOW + 99)).toBe(false);
  });
}

function describeTransactions(get: () => Store): void {
  it('commits nothing of a transaction that throws', async () => {
    const failing = get().transaction(async (tx) => {
      await tx.inventory.saveLocations([
        write(location('a', { sightings: [sighting(certificate('leaf'))] }), {
          ders: new Map([['f', new Uint8Array([1])]]),
        }),
      ]);
      await tx.alerts.saveAlerts([alert('x')]);
      await tx.alerts.enqueue(entry('n'), NOW);
      expect(await tx.inventory.locations()).toHaveLength(1);
      throw new Error('the last step failed');
    });
    await expect(failing).rejects.toThrow('the last step failed');
    expect(await get().inventory.locations()).toEqual([]);
    expect(await get().inventory.der('f')).toBeUndefined();
    expect(await get().alerts.alerts()).toEqual([]);
    expect(await get().outbox.due(['mail'], NOW, 1)).toEqual([]);
  });

  it('gives what the work gives, and goes on after a failure', async () => {
    await expect(get().transaction(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await get().transaction(async () => 42)).toBe(42);
  });

  it('loses no update when many transactions read and write at once', async () => {
    const first = await saveOne(get(), location('a'));
    await Promise.all(
      Array.from({ length: 20 }, () =>
        get().transaction(async (tx) => {
          const [current] = await tx.inventory.locations({ ids: [first.id] });
          if (current === undefined) throw new Error('it was saved');
          await Promise.resolve();
          await tx.inventory.saveLocations([write({ ...current, failures: current.failures + 1 })]);
        }),
      ),
    );
    expect((await get().inventory.locations())[0]?.failures).toBe(20);
  });

  it('shows readers outside only what was committed', async () => {
    const { promise: gate, resolve: go } = Promise.withResolvers<void>();
    const writing = get().transaction(async (tx) => {
      await tx.alerts.saveAlerts([alert('x')]);
      await gate;
    });
    const reading = get().alerts.alerts();
    go();
    await writing;
    // Either the state before or the one after; never an alert without its place.
    for (const each of await reading) expect(each).toEqual(alert('x'));
    expect(await get().alerts.alerts()).toEqual([alert('x')]);
  });

  it('may be used by what a transaction set going, once it is over', async () => {
    const { promise: over, resolve } = Promise.withResolvers<void>();
    const later = await get().transaction(async (tx) => {
      await tx.alerts.saveAlerts([alert('x')]);
      return { alerts: over.then(() => get().alerts.alerts()) };
    });
    resolve();
    expect(await later.alerts).toHaveLength(1);
  });

  it('refuses to wait for itself when the store is used inside a transaction', async () => {
    const store = get();
    const misuses: (() => Promise<unknown>)[] = [
      () => store.inventory.sources(),
      () => store.outbox.nextDueAt(),
      () => store.dueTimes.init('a', NOW),
      () => store.transaction(async () => undefined),
    ];
    for (const misuse of misuses) {
      await expect(store.transaction(misuse)).rejects.toThrow('inside transaction()');
    }
    expect(await store.inventory.sources()).toEqual([]);
  });
}
