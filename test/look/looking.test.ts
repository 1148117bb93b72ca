import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { Engine } from '../../src/engine/engine.ts';
import { createLocalEngine } from '../../src/engine/local.ts';
import { createLooking, type Looking, type LookingParts } from '../../src/look/looking.ts';
import type { Source, SourcePlan } from '../../src/look/ports.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Known } from '../../src/plugin/collector.ts';
import type { Observation } from '../../src/plugin/observation.ts';
import { eventually } from '../helpers/eventually.ts';
import { createFileLook } from '../helpers/file-look.ts';
import {
  createLookScenario,
  endingIn,
  HOUR,
  MINUTE,
  missed,
  saw,
  scripted,
  sourceOf,
  type LookScenario,
  type Observe,
  type Scripted,
} from '../helpers/look-scenario.ts';
import { selfSigned } from '../helpers/pki.ts';

const healthy = endingIn(60);
const ending = endingIn(20);

/** Everything around the sources: a real engine over a real store, whose time passes only when a test says so. */
interface Host {
  readonly looking: Looking;
  readonly engine: Engine;
  readonly baselines: string[];
  readonly meter: string[];
  readonly waits: number[];
  readonly logged: string[];
  /** No round is under way: the next that is due begins. */
  isIdle(): boolean;
  /** Time passes, and what is due begins. */
  after(ms: number): Promise<void>;
  stop(signal?: AbortSignal): Promise<void>;
}

let scenario: LookScenario;
const hosts: Host[] = [];

beforeEach(async () => {
  scenario = await createLookScenario();
});

afterEach(async () => {
  for (const host of hosts.splice(0)) await host.stop();
  await scenario.store.close();
});

async function startHost(overrides: Partial<LookingParts> = {}): Promise<Host> {
  let tick = (): void => undefined;
  const { store, clock, recorder } = scenario;
  const logged: string[] = [];
  const log = {
    debug: () => undefined,
    info: () => undefined,
    warn: (_: object, message: string) => void logged.push(message),
    error: (_: object, message: string) => void logged.push(message),
  };
  const engine = createLocalEngine({
    dueTimes: store.dueTimes,
    clock,
    random: () => 0,
    log,
    ticker: (onTick) => {
      tick = onTick;
      return () => undefined;
    },
  });
  let rounds = 0;
  const counting: Engine = {
    ...engine,
    every: (name, schedule, scope, run) =>
      engine.every(name, schedule, scope, async (signal) => {
        rounds += 1;
        await run(signal).finally(() => {
          rounds -= 1;
        });
      }),
  };
  const baselines: string[] = [];
  const meter: string[] = [];
  const waits: number[] = [];
  const looking = await createLooking({
    engine: counting,
    ledger: store,
    inventory: store.inventory,
    recorder,
    meter: {
      observed: (_, result) => void meter.push(result),
      failed: (_, reason) => void meter.push(reason),
      lasted: () => undefined,
      fellBack: (_, obstacle) => void meter.push(`fell back: ${obstacle}`),
    },
    clock,
    random: () => 0.5,
    log,
    wait: async (ms) => void waits.push(ms),
    onBaseline: (source) => void baselines.push(source),
    ...overrides,
  });
  scenario.isNew = (source) => looking.isNew(source);
  scenario.intervalMs = (source) => looking.intervalMs(source);
  await engine.start();
  let stopped = false;
  const host: Host = {
    looking,
    engine,
    baselines,
    meter,
    waits,
    logged,
    isIdle: () => rounds === 0,
    async after(ms) {
      clock.at += ms;
      tick();
    },
    async stop(signal = AbortSignal.abort(new Error('the test is over'))) {
      if (stopped) return;
      stopped = true;
      await engine.stop(signal);
      await looking.close();
    },
  };
  hosts.push(host);
  return host;
}

function planOf(script: Scripted, overrides: Partial<Source> = {}, definition = 'v1'): SourcePlan {
  const source = sourceOf(script, overrides);
  return { name: source.name, definition, open: async () => source };
}

/** A volume as Kubernetes mounts it: its files are links through a folder that is swapped as a whole. */
function growVolume(folder: string, version: string, pem: string): void {
  mkdirSync(join(folder, version));
  writeFileSync(join(folder, version, 'tls.crt'), pem);
  symlinkSync(version, join(folder, '..data_tmp'));
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
}

/** Waits until so many looks at all have ended and nothing is new any more. */
async function looked(script: Scripted, times: number, key?: string): Promise<void> {
  await eventually(`${times} looks`, async () => {
    const begun = script.looks.filter((look) => key === undefined || look === key).length;
    const targets = await scenario.store.inventory.targets('partners');
    const isSeen = targets.length > 0 && targets.every((target) => target.lastLookAt === scenario.clock.at);
    return begun >= times && isSeen && hosts.every((host) => host.isIdle());
  });
}

/** An observation that comes when the test says so. */
function gate(): {
  readonly observe: Observe;
  open(...observations: readonly Observation[]): void;
  readonly aborted: Promise<void>;
} {
  const opened = Promise.withResolvers<readonly Observation[]>();
  const aborted = Promise.withResolvers<void>();
  return {
    async *observe(_known: Known, signal: AbortSignal) {
      signal.addEventListener('abort', () => {
        aborted.resolve();
        opened.reject(signal.reason as Error);
      });
      yield* await opened.promise;
    },
    open: (...observations) => opened.resolve(observations),
    aborted: aborted.promise,
  };
}

describe('a source', () => {
  test('is looked at at once, and again on its schedule', async () => {
    const script = scripted(['a', 'b'], { a: () => [saw('a', [healthy])], b: () => [saw('b', [ending])] });
    const host = await startHost();
    await host.looking.use([planOf(script)]);
    await looked(script, 2);

    expect(await scenario.locations()).toEqual(['a', 'b']);
    await host.after(10 * MINUTE);
    expect(script.looks).toHaveLength(2);
    await host.after(2 * HOUR);
    await looked(script, 4);
    expect(script.looks.toSorted()).toEqual(['a', 'a', 'b', 'b']);
    expect(host.meter).toEqual(['ok', 'ok', 'ok', 'ok']);
  });

  test('gets its checkpoint and its versions back', async () => {
    const versions: unknown[] = [];
    const script = scripted(['a'], {
      a(known) {
        versions.push(known.version('a'));
        return [saw('a', [healthy], { version: 'v1', checkpoint: { offset: script.looks.length } })];
      },
    });
    const host = await startHost();
    await host.looking.use([planOf(script)]);
    await looked(script, 1);
    await host.after(2 * HOUR);
    await looked(script, 2);

    expect(script.checkpoints).toEqual([undefined, { offset: 1 }]);
    expect(versions).toEqual([undefined, 'v1']);
  });

  test('is new until every target of its first round was looked at; then its baseline is told once and remembered', async () => {
    const slow = gate();
    const script = scripted(['a', 'b'], { a: () => [saw('a', [ending])], b: slow.observe });
    const host = await startHost();
    await host.looking.use([planOf(script)]);
    await eventually('the quick look is recorded', async () => (await scenario.locations()).includes('a'));
    expect(host.looking.isNew('partners')).toBe(true);
    expect(host.baselines).toEqual([]);
    expect((await scenario.alert('expiring'))?.awaitsDigest).toBe(true);

    slow.open(saw('b', [healthy]));
    await eventually('the baseline', () => host.baselines.length > 0);
    expect(host.looking.isNew('partners')).toBe(false);
    await host.after(2 * HOUR);
    await looked(script, 4);
    expect(host.baselines).toEqual(['partners']);
    expect((await scenario.store.inventory.sources())[0]?.baselineAt).toBeTypeOf('number');

    await host.stop();
    const next = await startHost();
    await next.looking.use([planOf(script)]);
    expect(next.looking.isNew('partners')).toBe(false);
  });

  test('without any target is no longer new after its first round', async () => {
    const host = await startHost();
    await host.looking.use([planOf(scripted([]))]);
    await eventually('the baseline', () => host.baselines.length > 0);
  });

  test('whose first targets vanish before they were looked at does not stay new for ever', async () => {
    const stuck = gate();
    const script = scripted(['a', 'b'], { a: () => [saw('a', [healthy])], b: stuck.observe });
    const host = await startHost();
    await host.looking.use([planOf(script)]);
    await eventually('the look that hangs', () => script.looks.length === 2);
    script.discover = () => [{ key: 'a', data: 'a' }];
    await host.after(2 * HOUR);

    await eventually('the baseline', () => host.baselines.length > 0);
    stuck.open(saw('b', [healthy]));
    await eventually('b is over', () => host.meter.length >= 3);
    expect(await scenario.locations()).toEqual(['a']);
  });

  test('saves what discover says of a target that it knew already', async () => {
    const script = scripted(['a']);
    const host = await startHost();
    await host.looking.use([planOf(script)]);
    await looked(script, 1);
    script.discover = () => [{ key: 'a', data: { port: 8443 }, labels: { owner: 'web' } }];
    await host.after(2 * HOUR);
    await looked(script, 2);

    expect(await scenario.store.inventory.target('partners', 'a')).toMatchObject({
      data: { port: 8443 },
      labels: { owner: 'web' },
    });
  });
});

describe('a look that fails', () => {
  const passing = ['dns', 'reset', 'throttled', 'timeout', 'service_error'] as const;

  test.each(passing)('with %s is tried three times in all, and recorded once', async (reason) => {
    const script = scripted(['a'], {
      a() {
        throw new CollectError(reason, 'not now');
      },
    });
    const host = await startHost();
    await host.looking.use([planOf(script)]);
    await looked(script, 3);

    expect(script.looks).toHaveLength(3);
    expect(host.waits).toEqual([1_000, 4_000]);
    expect(await scenario.location('a')).toMatchObject({ failures: 1, failure: { reason, detail: 'not now' } });
    expect(host.meter).toEqual(['failed', reason]);
  });

  test('and needs the TLS library is counted by its obstacle', async () => {
    const facts = { address: '127.0.0.1', port: 443, handshake: 'full', fallback: 'alert_40' } as const;
    const endpoint = { ...facts, chain: [], acceptableIssuers: [], verdicts: [] };
    const script = scripted(['a'], { a: () => [{ ...saw('a', [healthy]), endpoint }] });
    const host = await startHost();
    await host.looking.use([planOf(script)]);
    await looked(script, 1);
    expect(host.meter).toEqual(['ok', 'fell back: alert_40']);
  });

  test('and passes at the second try is a good look', async () => {
    const script = scripted(['a'], {
      a() {
        if (script.looks.length === 1) throw new CollectError('reset', 'not now');
        return [saw('a', [healthy])];
      },
    });
    const host = await startHost();
    await host.looking.use([planOf(script)]);
    await looked(script, 2);

    expect(await scenario.location('a')).toMatchObject({ failures: 0 });
    expect(host.meter).toEqual(['ok']);
  });

  test.each([
    ['asks for ten seconds waits ten', 10_000, [10_000, 10_000], 3],
    ['asks for less than we would wait waits as long as we would', 10, [1_000, 4_000], 3],
    ['asks for an hour is left alone until the next round', HOUR, [], 1],
  ])('and %s', async (_name, retryAfterMs, waits, tries) => {
    const script = scripted(['a'], {
      a() {
        throw new CollectError('throttled', 'slow down', { retryAfterMs });
      },
    });
    const host = await startHost();
    await host.looking.use([planOf(script)]);
    await looked(script, tries);

    expect(host.waits).toEqual(waits);
    expect(script.looks).toHaveLength(tries);
  });

  test.each([
    [
      'a failure that will not pass',
      () => new CollectError('authentication_failed', 'no'),
      'authentication_failed',
      'no',
    ],
    ['a fault of ours', () => new TypeError('x is undefined'), 'internal', 'a fault inside notafter: x is undefined'],
  ])('with %s is not tried again', async (_name, error, reason, detail) => {
    const script = scripted(['a'], {
      a() {
        throw error();
      },
    });
    const host = await startHost();
    await host.looking.use([planOf(script)]);
    await looked(script, 1);

    expect(script.looks).toHaveLength(1);
    expect(await scenario.location('a')).toMatchObject({ failure: { reason, detail } });
    expect(host.logged).toEqual(reason === 'internal' ? ['a collector failed in an unexpected way'] : []);
  });

  test('after it has given something keeps what it gave', async () => {
    const script = scripted(['all'], {
      *all() {
        yield saw('a', [healthy]);
        throw new CollectError('refused', 'page 2 is not to be had');
      },
    });
    const host = await startHost();
    await host.looking.use([planOf(script)]);
    await looked(script, 1);

    expect(await scenario.location('a')).toMatchObject({ failures: 0 });
    expect(await scenario.location('all')).toMatchObject({ failure: { reason: 'refused' } });
  });

  test('after a batch has been recorded is not tried again', async () => {
    const script = scripted(['all'], {
      *all() {
        for (let index = 0; index < 250; index++) yield saw(`${index}`, [healthy]);
        throw new CollectError('reset', 'page 2 is not to be had');
      },
    });
    const host = await startHost();
    await host.looking.use([planOf(script)]);
    // The last is the stand-in, which carries the failure.
    await eventually('all is recorded', async () => (await scenario.locations()).length === 251);

    expect(script.looks).toHaveLength(1);
  });

  test('by its deadline is a timeout, even when the collector does not heed its signal', async () => {
    const script = scripted(['a'], {
      a: async function* () {
        yield await new Promise<never>(() => undefined);
      },
    });
    const host = await startHost({ deadlineMs: 30 });
    await host.looking.use([planOf(script)]);
    await looked(script, 1);

    expect(await scenario.location('a')).toMatchObject({
      failure: { reason: 'timeout', detail: 'the look at a did not end within its deadline' },
    });
    expect(host.meter).toEqual(['failed', 'timeout']);
  });

  test.each([
    ['an error', new Error('stopping')],
    ['the end of its own patience', new DOMException('The operation was aborted due to timeout', 'TimeoutError')],
  ])('because notafter stops with %s records nothing, and the source stays new', async (_name, reason) => {
    const slow = gate();
    const script = scripted(['a'], { a: slow.observe });
    const host = await startHost();
    await host.looking.use([planOf(script)]);
    await eventually('the look', () => script.looks.length === 1);
    await host.stop(AbortSignal.abort(reason));

    await slow.aborted;
    expect(await scenario.locations()).toEqual([]);
    expect(host.meter).toEqual([]);
    expect(host.baselines).toEqual([]);
    expect(await scenario.store.inventory.target('partners', 'a')).not.toHaveProperty('lastLookAt');
    expect(script.closed).toBe(1);
  });
});

describe('targets', () => {
  test('that vanish are withdrawn, with their locations and alerts', async () => {
    const script = scripted(['a', 'b'], { a: () => [saw('a', [healthy])], b: () => [saw('b', [ending])] });
    const host = await startHost();
    await host.looking.use([planOf(script)]);
    await looked(script, 2);
    script.discover = () => [{ key: 'a', data: 'a' }];
    await host.after(2 * HOUR);
    await looked(script, 3);

    expect(await scenario.locations()).toEqual(['a']);
    expect((await scenario.alert('expiring'))?.state).toBe('withdrawn');
  });

  test.each([
    ['permission_denied', () => new CollectError('permission_denied', 'not allowed to list'), 'not-covered'],
    ['service_error', () => new CollectError('service_error', '503'), 'unreachable'],
    ['internal', () => new TypeError('oops'), 'unreadable'],
  ])(
    'that cannot be had (%s) withdraw nothing: what is known goes on being looked at, and it is told until they can',
    async (reason, error, rule) => {
      const script = scripted(['a'], { a: () => [saw('a', [healthy])] });
      const { discover } = script;
      const host = await startHost();
      await host.looking.use([planOf(script)]);
      await looked(script, 1);
      script.discover = () => {
        throw error();
      };
      await host.after(2 * HOUR);
      await eventually('the failure', async () => (await scenario.location('(discovery)'))?.failure?.reason === reason);
      await looked(script, 2);
      await host.after(2 * HOUR);
      await eventually('the next failure', async () => (await scenario.location('(discovery)'))?.failures === 2);

      await looked(script, 3);

      expect(await scenario.locations()).toEqual(['(discovery)', 'a']);
      expect(script.looks).toEqual(['a', 'a', 'a']);
      expect(host.meter.filter((one) => one === reason)).toHaveLength(2);
      expect(await scenario.news()).toEqual([`first ${rule}`]);

      script.discover = discover;
      await host.after(2 * HOUR);
      await looked(script, 4);
      expect(await scenario.locations()).toEqual(['a']);
      expect(await scenario.news()).toEqual([`resolved ${rule}`]);
    },
  );

  test('of which only some can be had are looked at, beside those that were known; a first round is not over by that', async () => {
    const script = scripted(['a', 'b'], { a: () => [saw('a', [healthy])], b: () => [saw('b', [healthy])] });
    const { discover } = script;
    script.discover = function* () {
      yield { key: 'a', data: 'a' };
      throw new CollectError('malformed', 'targets.json:3:1: this is neither JSON nor YAML');
    };
    const host = await startHost();
    await host.looking.use([planOf(script)]);
    await eventually('the failure', async () => (await scenario.location('(discovery)'))?.failures === 1);
    await looked(script, 1);
    expect(await scenario.locations()).toEqual(['(discovery)', 'a']);
    expect(host.looking.isNew('partners')).toBe(true);

    script.discover = discover;
    await host.after(2 * HOUR);
    await looked(script, 3);
    await eventually('the first round ends', () => !host.looking.isNew('partners'));
    expect(await scenario.locations()).toEqual(['a', 'b']);

    script.discover = function* () {
      yield { key: 'a', data: 'a' };
      throw new CollectError('service_error', '503');
    };
    await host.after(2 * HOUR);
    await looked(script, 5);
    expect(script.looks.slice(3).toSorted()).toEqual(['a', 'b']);
    expect(await scenario.locations()).toEqual(['(discovery)', 'a', 'b']);
  });

  test('that cannot be had although the clock was set back are told of all the same', async () => {
    const script = scripted([]);
    script.discover = () => {
      throw new CollectError('service_error', '503');
    };
    const host = await startHost();
    await host.looking.use([planOf(script)]);
    await eventually('the failure', async () => (await scenario.location('(discovery)'))?.failures === 1);
    scenario.clock.at -= 10 * MINUTE;
    await host.engine.trigger('source partners');
    await host.after(1_000);
    await eventually('the next failure', async () => (await scenario.location('(discovery)'))?.failures === 2);
  });

  test('of which the search never ends is a timeout', async () => {
    const script = scripted([]);
    script.discover = async function* () {
      yield await new Promise<never>(() => undefined);
    };
    const host = await startHost({ deadlineMs: 30 });
    await host.looking.use([planOf(script)]);
    await eventually(
      'the timeout',
      async () => (await scenario.location('(discovery)'))?.failure?.reason === 'timeout',
    );
    expect(host.looking.isNew('partners')).toBe(true);
  });
});

describe('a reload', () => {
  test('with an unchanged definition leaves the source undisturbed', async () => {
    const script = scripted(['a'], { a: () => [saw('a', [healthy])] });
    const host = await startHost();
    await host.looking.use([planOf(script)]);
    await looked(script, 1);
    const other = scripted(['a']);
    await host.looking.use([planOf(other)]);
    await host.after(1_000);

    expect(script.closed).toBe(0);
    expect(script.looks).toHaveLength(1);
    await host.after(2 * HOUR);
    await looked(script, 2);
    expect(other.looks).toEqual([]);
  });

  test('with other options replaces it: the old one is closed, the new one looks at once and keeps the baseline', async () => {
    const before = scripted(['a', 'b'], { a: () => [saw('a', [ending])], b: () => [saw('b', [healthy])] });
    const after = scripted(['a', 'c'], { a: () => [saw('a', [ending])], c: () => [saw('c', [healthy])] });
    const host = await startHost();
    await host.looking.use([planOf(before)]);
    await looked(before, 2);
    await eventually('the first round ends', () => !host.looking.isNew('partners'));
    await host.looking.use([planOf(after, { intervalMs: 2 * HOUR }, 'v2')]);
    await host.after(1_000);
    await looked(after, 2);

    expect(before.closed).toBe(1);
    expect(after.closed).toBe(0);
    expect(await scenario.locations()).toEqual(['a', 'c']);
    expect(host.looking.intervalMs('partners')).toBe(2 * HOUR);
    expect(host.looking.isNew('partners')).toBe(false);
    expect(host.baselines).toEqual(['partners']);
    expect((await scenario.alert('expiring'))?.state).toBe('open');
  });

  test('with other options looks once at everything as if it were not known, so that new labels reach what did not change', async () => {
    const known: (string | undefined)[] = [];
    const observe: Observe = ({ version }) => {
      known.push(version('a'));
      return version('a') === 'v7'
        ? [{ location: 'a', version: 'v7', unchanged: true, items: [], problems: [] }]
        : [saw('a', [healthy], { version: 'v7' })];
    };
    const before = scripted(['a'], { a: observe });
    const after = scripted(['a'], { a: observe });
    const host = await startHost();
    await host.looking.use([planOf(before)]);
    await looked(before, 1);
    await host.looking.use([planOf(after, { labels: { owner: 'platform' } }, 'v2')]);
    await host.after(1_000);
    await looked(after, 1);
    await host.after(2 * HOUR);
    await looked(after, 2);

    expect(known).toEqual([undefined, undefined, 'v7']);
    expect((await scenario.location('a'))?.labels).toEqual({ owner: 'platform' });
  });

  test('stops the looks at what it replaces before it closes it; they record nothing', async () => {
    const slow = gate();
    const before = scripted(['a'], { a: slow.observe });
    const after = scripted(['a'], { a: () => [saw('a', [healthy])] });
    const host = await startHost();
    await host.looking.use([planOf(before)]);
    await eventually('the look', () => before.looks.length === 1);
    await host.looking.use([planOf(after, {}, 'v2')]);
    await slow.aborted;
    await host.after(1_000);
    await looked(after, 1);

    expect(await scenario.location('a')).toMatchObject({ failures: 0 });
    expect(host.meter).toEqual(['ok']);
  });

  test('that cannot open one of the sources changes nothing, and closes those it could open', async () => {
    const kept = scripted(['a'], { a: () => [saw('a', [healthy])] });
    const opened = scripted([]);
    const host = await startHost();
    await host.looking.use([planOf(kept)]);
    await looked(kept, 1);
    const refusing = (name: string): SourcePlan => ({
      name,
      definition: 'v1',
      open: async () => {
        throw new Error(`source ${name}: no such region`);
      },
    });

    await expect(host.looking.use([planOf(opened, { name: 'new' }), refusing('one'), refusing('two')])).rejects.toThrow(
      'source one: no such region\nsource two: no such region',
    );
    expect(opened.closed).toBe(1);
    expect(kept.closed).toBe(0);
    expect((await scenario.store.inventory.sources()).map(({ name }) => name)).toEqual(['partners']);
    await host.after(2 * HOUR);
    await looked(kept, 2);
  });

  test('without a source withdraws it', async () => {
    const script = scripted(['a'], { a: () => [saw('a', [ending])] });
    const host = await startHost();
    await host.looking.use([planOf(script)]);
    await looked(script, 1);
    await host.looking.use([]);

    expect(await scenario.locations()).toEqual([]);
    expect(await scenario.store.inventory.sources()).toEqual([]);
    expect(script.closed).toBe(1);
    expect((await scenario.alert('expiring'))?.state).toBe('withdrawn');
    await host.after(2 * HOUR);
    expect(script.looks).toHaveLength(1);
  });

  test('with another type under an old name withdraws the old source first', async () => {
    const before = scripted(['a'], { a: () => [saw('old', [ending])] });
    const after = scripted(['a'], { a: () => [saw('new', [ending])] });
    const host = await startHost();
    await host.looking.use([planOf(before)]);
    await looked(before, 1);
    await host.looking.use([planOf(after, { type: 'another' }, 'v2')]);
    expect(await scenario.locations()).toEqual([]);
    await host.after(1_000);
    await looked(after, 1);

    await eventually('the second first round ends', () => host.baselines.length === 2);
    expect(await scenario.locations()).toEqual(['new']);
    expect(host.baselines).toEqual(['partners', 'partners']);
  });

  test('closes the rest although one cannot be closed', async () => {
    const broken = scripted([]);
    const script = { ...broken, instance: { ...broken.instance, close: () => Promise.reject(new Error('stuck')) } };
    const other = scripted([]);
    const host = await startHost();
    await host.looking.use([planOf(script), planOf(other, { name: 'other' })]);
    await host.looking.use([]);

    expect(other.closed).toBe(1);
    expect(host.logged).toEqual(['a source could not be closed properly']);
  });
});

describe('a restart', () => {
  test('in the middle of a round triggers the source again', async () => {
    const slow = gate();
    const script = scripted(['a', 'b'], { a: () => [saw('a', [healthy])], b: slow.observe });
    const host = await startHost();
    await host.looking.use([planOf(script)]);
    await eventually('the quick look', async () => (await scenario.locations()).includes('a'));
    await host.stop();
    expect(script.looks.toSorted()).toEqual(['a', 'b']);

    scenario.clock.at += MINUTE;
    script.observe.set('b', () => [saw('b', [healthy])]);
    const next = await startHost();
    await next.looking.use([planOf(script)]);
    await looked(script, 4);
    await eventually('the end of the first round', () => next.baselines.length > 0);
    expect(next.baselines).toEqual(['partners']);
  });

  test('between two rounds waits for the next one', async () => {
    const script = scripted(['a'], { a: () => [missed('a', 'refused')] });
    const host = await startHost();
    await host.looking.use([planOf(script)]);
    await looked(script, 1);
    await host.stop();

    scenario.clock.at += MINUTE;
    const next = await startHost();
    await next.looking.use([planOf(script)]);
    await next.after(1_000);
    expect(script.looks).toHaveLength(1);
    await next.after(2 * HOUR);
    await looked(script, 2);
    expect(await scenario.location('a')).toMatchObject({ failures: 2 });
  });

  test('without a source that the store still knows withdraws it', async () => {
    const script = scripted(['a'], { a: () => [saw('a', [healthy])] });
    const host = await startHost();
    await host.looking.use([planOf(script)]);
    await looked(script, 1);
    await host.stop();
    const next = await startHost();
    await next.looking.use([]);

    expect(await scenario.locations()).toEqual([]);
  });
});

describe('what is watched is looked at without waiting for its schedule', () => {
  const [before, after] = [selfSigned({ commonName: 'before' }), selfSigned({ commonName: 'after' })];

  test.each<[string, (folder: string) => void]>([
    [
      'a file that is replaced',
      (folder) => {
        writeFileSync(join(folder, '.new'), after.pem);
        renameSync(join(folder, '.new'), join(folder, 'a.pem'));
      },
    ],
    ['a file that is written in place', (folder) => writeFileSync(join(folder, 'a.pem'), after.pem)],
    ['a Kubernetes volume that is swapped', (folder) => growVolume(folder, '..2', after.pem)],
  ])('%s', async (_what, change) => {
    using files = createFileLook();
    files.write('a.pem', before.pem);
    growVolume(files.folder, '..1', before.pem);
    symlinkSync('..data/tls.crt', join(files.folder, 'tls.crt'));
    const host = await startHost({
      wait: (ms, signal) => sleep(Math.min(ms, 50), undefined, { signal }),
    });
    const instance = await files.open({ watch: true });
    const source: Source = { ...sourceOf(scripted([])), name: 'disk', type: 'file', scope: 'node', instance };
    await host.looking.use([{ name: 'disk', definition: 'v1', open: async () => source }]);
    const seen = async (): Promise<readonly string[]> =>
      (await scenario.store.inventory.locations({ source: 'disk' })).flatMap(({ sightings }) =>
        sightings.map(({ item }) => ('title' in item ? item.title : '')),
      );
    await eventually('the first look', async () => (await seen()).join() === 'before,before');
    // As soon as the watch has begun it is looked at once more.
    await eventually('the second look', () => host.meter.length >= 4);
    change(files.folder);
    await eventually('the change', async () => (await seen()).toSorted().join() === 'after,before');
  });
});
