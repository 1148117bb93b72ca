import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Abandon, Engine, Job } from '../../src/engine/engine.ts';
import { createLooking, type Looking } from '../../src/look/looking.ts';
import type { LookJob } from '../../src/look/running.ts';
import type { SourcePlan } from '../../src/look/ports.ts';
import { CollectError } from '../../src/plugin/error.ts';
import {
  createLookScenario,
  endingIn,
  HOUR,
  saw,
  scripted,
  sourceOf,
  type LookScenario,
  type Scripted,
} from '../helpers/look-scenario.ts';

const healthy = endingIn(60);
const ending = endingIn(20);

/** An engine by hand: what is due and what is queued is run when a test says so. */
interface Node {
  readonly looking: Looking;
  readonly queued: { readonly key: string; readonly data: LookJob }[];
  readonly logged: string[];
  readonly baselines: string[];
  round(): Promise<void>;
  /** Works on what is queued, as the hand-out of this number. */
  work(fence: bigint, returns?: number): Promise<void>;
  workOn(job: Job<LookJob>): Promise<void>;
  abandon: Abandon<LookJob>;
}

let scenario: LookScenario;
const nodes: Node[] = [];
beforeEach(async () => {
  scenario = await createLookScenario();
});
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.looking.close();
  await scenario.store.close();
});

async function startNode(): Promise<Node> {
  const { store, clock, recorder } = scenario;
  const queued: Node['queued'] = [];
  const logged: string[] = [];
  const baselines: string[] = [];
  let round = async (): Promise<void> => {};
  let work: (jobs: readonly Job<LookJob>[], signal: AbortSignal) => Promise<void> = async () => {};
  let abandon: Abandon<LookJob> = async () => {};
  const idle = new AbortController().signal;
  const engine: Engine = {
    async every(_name, _schedule, _scope, run) {
      round = () => run(idle);
    },
    unschedule: async () => {},
    trigger: async () => {},
    async queue(_name, { zone }, worker, onAbandon) {
      if (zone === undefined) {
        work = worker as never;
        if (onAbandon !== undefined) abandon = onAbandon as never;
      }
      return async (key, data) => {
        if (queued.some((job) => job.key === key)) return false;
        queued.push({ key, data: data as never });
        return true;
      };
    },
    start: async () => {},
    stop: async () => {},
  };
  const note = (_: object, message: string): void => void logged.push(message);
  const looking = await createLooking({
    engine,
    ledger: store,
    inventory: store.inventory,
    recorder,
    meter: { observed() {}, failed() {}, lasted() {}, fellBack() {} },
    clock,
    random: () => 0.5,
    log: { debug() {}, info() {}, warn: note, error: note },
    wait: async () => {},
    onBaseline: (source) => void baselines.push(source),
    sharing: { zones: ['node.a'], isElsewhere: (source) => source === 'disk@other' },
  });
  scenario.isNew = (source) => looking.isNew(source);
  scenario.intervalMs = (source) => looking.intervalMs(source);
  const node: Node = {
    looking,
    queued,
    logged,
    baselines,
    round: () => round(),
    async work(fence, returns = 0) {
      for (const job of queued.splice(0)) await work([{ ...job, fence, returns }], idle);
    },
    workOn: (job) => work([job], idle),
    abandon: (job) => abandon(job),
  };
  nodes.push(node);
  return node;
}

function planOf(script: Scripted, definition = 'v1'): SourcePlan {
  const source = sourceOf(script);
  return { name: source.name, definition, open: async () => source };
}

const names = Array.from({ length: 39 }, (_, index) => `host-${String(index).padStart(2, '0')}`);

function farm(): Scripted {
  return scripted(names, Object.fromEntries(names.map((name) => [name, () => [saw(name, [healthy])]])));
}

describe('looks that nodes share', () => {
  it('go to the queue in shares of targets that stand together by name', async () => {
    const node = await startNode();
    await node.looking.use([planOf(farm())]);
    await node.round();
    const shares = node.queued.map(({ data }) => data.targets.map(({ key }) => key));
    expect(shares.flat()).toEqual(names);
    expect(shares.map((share) => share.length)).toEqual(Array.from({ length: 13 }, () => 3));
    expect(node.queued.map(({ key }) => key).slice(0, 2)).toEqual(['partners #0', 'partners #1']);
  });

  it('end the first round wherever they are done, when all have been', async () => {
    const script = farm();
    const [one, two] = [await startNode(), await startNode()];
    await one.looking.use([planOf(script)]);
    await two.looking.use([planOf(script)]);
    await one.round();
    const half = one.queued.splice(0, 7);
    for (const job of half) await two.workOn({ ...job, fence: 1n, returns: 0 });
    expect([one.looking.isNew('partners'), two.looking.isNew('partners')]).toEqual([true, true]);
    await one.work(2n);
    expect(one.baselines).toEqual(['partners']);
    expect(two.looking.isNew('partners')).toBe(true);
    await two.looking.refresh();
    expect([two.looking.isNew('partners'), two.baselines]).toEqual([false, ['partners']]);
    expect(await scenario.locations()).toEqual(names);
  });

  it('move only times where nothing is new, and resolve an alert after good looks', async () => {
    const script = farm();
    const node = await startNode();
    await node.looking.use([planOf(script)]);
    await node.round();
    await node.work(1n);
    script.observe.set('host-05', () => [saw('host-05', [ending])]);
    scenario.clock.at += HOUR;
    await node.round();
    await node.work(2n);
    expect((await scenario.alert('expiring'))?.state).toBe('open');
    script.observe.set('host-05', () => [saw('host-05', [healthy])]);
    for (const fence of [3n, 4n, 5n]) {
      scenario.clock.at += HOUR;
      await node.round();
      await node.work(fence);
    }
    expect((await scenario.alert('expiring'))?.state).toBe('resolved');
    const targets = await scenario.store.inventory.targets('partners');
    expect(new Set(targets.map(({ lastLookAt }) => lastLookAt))).toEqual(new Set([scenario.clock.at]));
    const locations = await scenario.store.inventory.locations();
    expect(new Set(locations.map(({ lastSuccessAt }) => lastSuccessAt))).toEqual(new Set([scenario.clock.at]));
    expect(new Set(locations.flatMap(({ sightings }) => sightings.map(({ lastSeenAt }) => lastSeenAt)))).toEqual(
      new Set([scenario.clock.at]),
    );
  });

  it('record what failed and what is gone beside what is as it was', async () => {
    const script = scripted(['a', 'b', 'c'], {
      a: () => [saw('a', [healthy])],
      b: () => [saw('b1', [healthy]), saw('b2', [healthy])],
      c: () => [saw('c', [healthy])],
    });
    const node = await startNode();
    await node.looking.use([planOf(script)]);
    await node.round();
    await node.work(1n);
    script.observe.set('a', () => {
      throw new CollectError('refused', 'nobody listens');
    });
    script.observe.set('b', () => [saw('b1', [healthy])]);
    scenario.clock.at += HOUR;
    await node.round();
    await node.work(2n);
    expect(await scenario.locations()).toEqual(['a', 'b1', 'c']);
    expect((await scenario.location('a'))?.failure?.reason).toBe('refused');
    expect((await scenario.location('c'))?.lastLookAt).toBe(scenario.clock.at);
  });

  it('record nothing of a node that was paused while another took its share', async () => {
    const script = scripted(['a'], { a: () => [saw('a', [ending])] });
    const node = await startNode();
    await node.looking.use([planOf(script)]);
    await node.round();
    const [share] = node.queued.splice(0);
    if (share === undefined) throw new Error('it was queued');
    // Paused in the middle of its look, until another has looked and seen the renewal.
    let isPaused = true;
    script.observe.set('a', async function* () {
      if (isPaused) {
        isPaused = false;
        script.observe.set('a', () => [saw('a', [healthy])]);
        await node.workOn({ ...share, fence: 2n, returns: 1 });
      }
      yield saw('a', [ending]);
    });
    await node.workOn({ ...share, fence: 1n, returns: 0 });
    const title = (await scenario.location('a'))?.sightings.map(
      ({ item }) => item.kind === 'certificate' && item.title,
    );
    expect(title).toEqual(['in-60-days.example']);
  });

  it('go in smaller and smaller parts when node after node ended that had them, since one of them may be why', async () => {
    const many = Array.from({ length: 800 }, (_, index) => `host-${String(index).padStart(3, '0')}`);
    const script = scripted(many, Object.fromEntries(many.map((name) => [name, () => [saw(name, [healthy])]])));
    const node = await startNode();
    await node.looking.use([planOf(script)]);
    await node.round();
    const [share, ...others] = node.queued.splice(0);
    if (share === undefined) throw new Error('it was queued');
    expect([share.data.targets.length, others.length]).toEqual([50, 15]);
    // The second target ends whoever looks at it.
    const isPoisonous = ({ data }: Pick<Job<LookJob>, 'data'>): boolean =>
      data.targets.some(({ key }) => key === 'host-001');
    const sizes: number[] = [];
    let poisonous = share;
    while (poisonous.data.targets.length > 1) {
      sizes.push(poisonous.data.targets.length);
      await node.workOn({ ...poisonous, fence: BigInt(sizes.length), returns: 2 });
      const parts = node.queued.splice(0);
      expect(parts.every(({ key }) => key !== poisonous.key)).toBe(true);
      const harmless = parts.filter((one) => !isPoisonous(one));
      for (const part of harmless) await node.workOn({ ...part, fence: 9n, returns: 0 });
      poisonous = parts.find(isPoisonous) ?? share;
    }
    expect(sizes).toEqual([50, 4]);
    expect(poisonous.data.targets.map(({ key }) => key)).toEqual(['host-001']);
    expect(await scenario.locations()).toEqual(many.slice(0, 50).filter((name) => name !== 'host-001'));
  });

  it('are done whole by another when the first node that had them ended', async () => {
    const node = await startNode();
    await node.looking.use([planOf(farm())]);
    await node.round();
    await node.work(2n, 1);
    expect(node.queued).toEqual([]);
    expect(await scenario.locations()).toEqual(names);
  });

  it('are told as failed when every node that tried ended', async () => {
    const node = await startNode();
    await node.looking.use([planOf(scripted(['poison']))]);
    await node.round();
    const [job] = node.queued.splice(0);
    if (job === undefined) throw new Error('it was queued');
    await node.abandon({ ...job, fence: 9n });
    expect((await scenario.location('poison'))?.failure).toMatchObject({
      reason: 'internal',
      detail: expect.stringContaining('every node that looked at it ended'),
    });
    expect(node.baselines).toEqual(['partners']);
  });

  it('are left to nodes with the newer config, and that is said', async () => {
    const script = farm();
    const [old, fresh] = [await startNode(), await startNode()];
    await old.looking.use([planOf(script)]);
    await fresh.looking.use([planOf(script, 'v2')]);
    await old.round();
    expect(old.queued).toEqual([]);
    expect(old.logged.join()).toContain('another node of this cluster has another config for this source');
    await fresh.round();
    expect(fresh.queued).not.toEqual([]);
    await fresh.looking.use([]);
    await old.round();
    expect(old.queued).toEqual([]);
  });

  it('are done anew by every node after its config has changed, whichever node came first', async () => {
    const versions: (string | undefined)[] = [];
    const script = scripted(['a'], {
      a: (known) => {
        versions.push(known.version('a'));
        return [saw('a', [healthy], { version: 'v' })];
      },
    });
    const [one, two] = [await startNode(), await startNode()];
    for (const node of [one, two]) await node.looking.use([planOf(script)]);
    let fence = 0n;
    const lookAt = async (node: Node): Promise<void> => {
      await one.round();
      for (const job of one.queued.splice(0)) await node.workOn({ ...job, fence: (fence += 1n), returns: 0 });
    };
    for (const node of [one, two, one, two]) await lookAt(node);
    expect(versions.splice(0)).toEqual([undefined, undefined, 'v', 'v']);
    for (const node of [one, two]) await node.looking.use([planOf(script, 'with the password')]);
    for (const node of [two, one, two, one]) await lookAt(node);
    expect(versions).toEqual([undefined, undefined, 'v', 'v']);
  });

  it('leave the sources of other nodes alone', async () => {
    await scenario.store.transaction((tx) =>
      tx.inventory.saveSource({ name: 'disk@other', type: 'file', intervalMs: HOUR, firstSeenAt: 1 }),
    );
    const node = await startNode();
    await node.looking.use([]);
    expect((await scenario.store.inventory.sources()).map(({ name }) => name)).toEqual(['disk@other']);
    await node.looking.refresh();
    expect(node.looking.isNew('disk@other')).toBe(true);
    expect(node.looking.unfinished()).toEqual(['disk@other']);
  });
});
