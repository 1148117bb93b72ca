import { writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Config } from '../src/config/config.ts';
import { loadConfig } from '../src/config/load.ts';
import { digestOf, intervalElsewhere, takeSeat, type Seat } from '../src/daemon-cluster.ts';
import { placeSources } from '../src/daemon-plans.ts';
import { createLeases } from '../src/engine/leases.ts';
import type { KnownNode } from '../src/engine/nodes.ts';
import { openSqlite } from '../src/store/sqlite.ts';
import type { SharedStore, Store } from '../src/store/store.ts';

const HOUR = 3_600_000;

let folder: string;
let store: Store;
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'notafter-seat-'));
  store = await openSqlite(':memory:');
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

async function configOf(text: string): Promise<Config> {
  const file = path.join(folder, 'notafter.yaml');
  writeFileSync(file, text);
  return loadConfig(file, {});
}

const SOURCES = `sources:
  - {name: disk, type: file, every: 15m, paths: [/etc/ssl]}
  - {name: web, type: endpoint, targets: [example.com]}
  - {name: partners, type: endpoint, zones: [office, dmz], targets: [example.com], labels: {owner: payments}}
`;

describe('the sources that a node looks at', () => {
  it('are all of them under their own names where there is one node', async () => {
    const { sources } = await configOf(SOURCES.replace(' zones: [office, dmz],', ''));
    expect(placeSources(sources, undefined)).toEqual(sources);
  });

  it.each([
    {
      node: { name: 'a' },
      placed: [
        ['disk@a', 'node.a', 'a'],
        ['web', undefined, undefined],
      ],
    },
    {
      node: { name: 'b', zone: 'dmz' },
      placed: [
        ['disk@b', 'node.b', 'b'],
        ['web', undefined, undefined],
        ['partners@dmz', 'zone.dmz', 'dmz'],
      ],
    },
    {
      node: { name: 'c', zone: 'elsewhere' },
      placed: [
        ['disk@c', 'node.c', 'c'],
        ['web', undefined, undefined],
      ],
    },
  ])('are its own files, what all share, and what is looked at from its zone: $node', async ({ node, placed }) => {
    const { sources } = await configOf(`${SOURCES}store: postgres://db/x\n`);
    const mine = placeSources(sources, node);
    expect(mine.map(({ name, zone, labels }) => [name, zone, labels['vantage']])).toEqual(placed);
  });

  it('have zones only where several nodes share a store', async () => {
    await expect(configOf(SOURCES)).rejects.toThrow(/notafter\.yaml:4:\d+: sources\[2\]\.zones: needs several nodes/);
  });

  it('have the interval of the config also where others look at them', async () => {
    const config = await configOf(`${SOURCES}store: postgres://db/x\n`);
    expect([intervalElsewhere(config, 'disk@b'), intervalElsewhere(config, 'gone@b')]).toEqual([HOUR / 4, undefined]);
  });
});

describe('the seat of a node in a cluster', () => {
  let others: KnownNode[] = [];
  let databaseAheadMs = 0;
  let logged: { readonly fields: object; readonly message: string }[] = [];
  const machine = { at: 1_000_000 };

  async function seatOf(config: Config): Promise<Seat> {
    const shared: SharedStore = {
      changes: {} as SharedStore['changes'],
      nodes: {
        report: async (node) => ({
          now: machine.at + databaseAheadMs,
          alive: [{ ...node, isThis: true }, ...others],
        }),
        leave: async () => {},
      },
    };
    const note = (fields: object, message: string): void => void logged.push({ fields, message });
    return takeSeat({
      shared,
      store,
      node: { name: 'a', role: 'all' },
      config: () => config,
      machine: { now: () => machine.at },
      log: { debug() {}, info() {}, warn: note, error: note },
    });
  }

  beforeEach(() => {
    others = [];
    databaseAheadMs = 0;
    logged = [];
  });

  it('goes by the clock of the database, and says when its machine is off', async () => {
    databaseAheadMs = -5 * 60_000;
    const seat = await seatOf(await configOf(`${SOURCES}store: postgres://db/x\n`));
    expect(seat.clock.now()).toBe(machine.at - 5 * 60_000);
    expect(logged).toMatchObject([{ fields: { skewMs: -300_000 } }]);
  });

  it('leaves a clock alone that is off by no more than the way takes', async () => {
    databaseAheadMs = 200;
    const seat = await seatOf(await configOf(`${SOURCES}store: postgres://db/x\n`));
    expect(seat.clock.now()).toBe(machine.at);
    expect(logged).toEqual([]);
  });

  it('counts who works, and says who has another config or its name', async () => {
    const node = { role: 'worker', config: 'another', startedAt: 0, isThis: false } as const;
    others = [
      { ...node, name: 'a' },
      { ...node, name: 'b' },
      { ...node, name: 'c', role: 'web' },
    ];
    const seat = await seatOf(await configOf(`${SOURCES}store: postgres://db/x\n`));
    expect([seat.workers(), seat.bringsConfig]).toEqual([3, true]);
    expect(logged.map(({ message }) => message.slice(0, 44))).toEqual([
      'another process has the name of this node, o',
      'these nodes run another config: of each sour',
    ]);
    expect(logged[1]?.fields).toEqual({ nodes: ['a', 'b', 'c'] });
  });

  it('does not judge anew what another node judges by the same config', async () => {
    const config = await configOf(`${SOURCES}store: postgres://db/x\n`);
    const first = await seatOf(config);
    expect(first.bringsConfig).toBe(true);
    others = [{ name: 'b', role: 'worker', config: digestOf(config), startedAt: 0, isThis: false }];
    expect((await seatOf(config)).bringsConfig).toBe(false);
    expect(logged).toEqual([]);
  });

  it('knows which sources of the store others look at', async () => {
    const seat = await seatOf(await configOf(`${SOURCES}store: postgres://db/x\n`));
    expect(['disk@b', 'partners@dmz', 'gone@b', 'gone', 'web'].map((name) => seat.isElsewhere(name))).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});

describe('leases', () => {
  const clock = {
    at: 1_000_000,
    now: () => clock.at,
  };

  it('are held by one node, as long as it keeps them', async () => {
    const [one, two] = [createLeases(store.dueTimes, clock), createLeases(store.dueTimes, clock)];
    expect([await one.hold('x'), await two.hold('x'), await two.hold('y')]).toEqual([true, false, true]);
    for (let second = 0; second < 60; second += 3) {
      clock.at += 3_000;
      await one.keep();
      expect([one.isHeld('x'), await two.hold('x')]).toEqual([true, false]);
    }
  });

  it('are lost by a node that was paused before another can have them, and it is told', async () => {
    const [one, two] = [createLeases(store.dueTimes, clock), createLeases(store.dueTimes, clock)];
    await one.hold('x');
    let isOver = false;
    for (let second = 0; second < 30; second += 1) {
      clock.at += 1_000;
      const isOurs = one.isHeld('x');
      const isTheirs = await two.hold('x');
      expect(isOurs && isTheirs).toBe(false);
      isOver ||= isTheirs;
    }
    expect(isOver).toBe(true);
    expect(await one.hold('x')).toBe(false);
  });

  it('are held by a node that asks for one from several places at once', async () => {
    const leases = createLeases(store.dueTimes, clock);
    expect(await Promise.all([leases.hold('x'), leases.hold('x'), leases.hold('x')])).toEqual([true, true, true]);
    clock.at += 5_000;
    expect(await Promise.all([leases.hold('x'), leases.keep(), leases.hold('x')])).toEqual([true, undefined, true]);
    expect(leases.isHeld('x')).toBe(true);
  });

  it('are for others at once when they are given back', async () => {
    const [one, two] = [createLeases(store.dueTimes, clock), createLeases(store.dueTimes, clock)];
    await one.hold('x');
    await one.release();
    expect([one.isHeld('x'), await two.hold('x'), await one.hold('x')]).toEqual([false, true, false]);
  });
});
