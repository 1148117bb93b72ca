import { setImmediate } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import type { DueTimes } from '../../src/engine/due-times.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { createPostgresEngine } from '../../src/engine/postgres.ts';
import { openPostgres } from '../../src/store/postgres.ts';
import type { Store } from '../../src/store/store.ts';
import { describeEngine } from '../contract/engine.ts';
import { engineClock, engineLog } from '../helpers/engine-clock.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/postgres.ts';

const START = Date.UTC(2026, 5, 1);

describe('an engine on PostgreSQL', () => {
  let database: TestDatabase;
  let store: Store;
  beforeAll(async () => {
    database = await createTestDatabase();
    store = await openPostgres(database.url);
  });
  afterAll(async () => {
    await store.close();
    await database.drop();
  });

  async function emptyQueues(): Promise<void> {
    await database.empty();
    const [made] = await database.query(`select to_regclass('pgboss.job') is not null as yes`);
    if (made?.['yes'] === true) await database.query('delete from pgboss.job');
  }

  /** Counts what is under way in the store, so that a test can wait for it. */
  function watched(dueTimes: DueTimes): DueTimes & { settled(): Promise<void> } {
    let underWay = 0;
    async function count<T>(work: Promise<T>): Promise<T> {
      underWay += 1;
      return work.finally(() => (underWay -= 1));
    }
    return {
      next: (name) => count(dueTimes.next(name)),
      init: (name, due) => count(dueTimes.init(name, due)),
      claim: (name, due, following) => count(dueTimes.claim(name, due, following)),
      forget: (name) => count(dueTimes.forget(name)),
      async settled() {
        for (let quiet = 0; quiet < 5; quiet += 1) {
          await setImmediate();
          if (underWay > 0) quiet = -1;
        }
      },
    };
  }

  describeEngine('postgres', async () => {
    await emptyQueues();
    const dueTimes = watched(store.dueTimes);
    const clock = engineClock(START, () => dueTimes.settled());
    const log = engineLog();
    let nodes = 0;
    return {
      node: () =>
        createPostgresEngine({
          url: database.url,
          dueTimes,
          fences: store.fences,
          node: `node-${(nodes += 1)}`,
          clock,
          random: () => 0.5,
          log,
          ticker: clock.ticker,
        }),
      now: clock.now,
      advance: clock.advance,
      logged: () => log.messages,
      close: async () => {},
    };
  });

  /** Nodes in one time; a node is paused when its ticks are kept from it. */
  function cluster(): {
    node(name: string): Engine;
    pause(): () => void;
    advance(ms: number): Promise<void>;
    readonly logged: readonly string[];
    stop(): Promise<void>;
  } {
    const dueTimes = watched(store.dueTimes);
    const clock = engineClock(START, () => dueTimes.settled());
    const log = engineLog();
    const engines: Engine[] = [];
    let paused = false;
    return {
      node(name) {
        const isFirst = engines.length === 0;
        const engine = createPostgresEngine({
          url: database.url,
          dueTimes,
          fences: store.fences,
          node: name,
          clock,
          random: () => 0.5,
          log,
          ticker: (onTick) => clock.ticker(() => (isFirst && paused ? undefined : onTick())),
        });
        engines.push(engine);
        return engine;
      },
      pause() {
        paused = true;
        return () => (paused = false);
      },
      advance: clock.advance,
      logged: log.messages,
      async stop() {
        for (const engine of engines) await engine.stop(AbortSignal.abort());
      },
    };
  }

  it('has one node run a schedule, and another take over when that one is paused; waking up, it gives up', async () => {
    await emptyQueues();
    const nodes = cluster();
    const runs: string[] = [];
    for (const name of ['one', 'two']) {
      const engine = nodes.node(name);
      await engine.every('a', { everyMs: 600_000 }, 'cluster', async (signal) => {
        runs.push(name);
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        runs.push(`${name} aborted`);
      });
      await engine.start();
      await nodes.advance(1000);
    }
    expect(runs).toEqual(['one']);
    // As long as it lives it keeps what it has, however long that takes.
    for (let second = 0; second < 60; second++) await nodes.advance(1000);
    expect(runs).toEqual(['one']);
    const wakeUp = nodes.pause();
    for (let second = 0; second < 15; second++) await nodes.advance(1000);
    expect(runs).toEqual(['one', 'two']);
    wakeUp();
    for (let second = 0; second < 12; second++) await nodes.advance(1000);
    expect(runs).toEqual(['one', 'two', 'one aborted']);
    await nodes.stop();
  });

  it('runs a shared schedule again soon when its run failed', async () => {
    await emptyQueues();
    const nodes = cluster();
    const engine = nodes.node('one');
    const run = vi.fn<() => Promise<void>>();
    run.mockRejectedValueOnce(new Error('the database was away'));
    run.mockResolvedValue();
    await engine.every('a', { everyMs: 3_600_000 }, 'cluster', run);
    await engine.start();
    for (let second = 0; second < 4; second++) await nodes.advance(1000);
    expect(run).toHaveBeenCalledTimes(1);
    for (let second = 0; second < 4; second++) await nodes.advance(1000);
    expect(run).toHaveBeenCalledTimes(2);
    await nodes.stop();
  });

  it('shares queued work, each job once', async () => {
    await emptyQueues();
    const nodes = cluster();
    const done: string[] = [];
    const options = { concurrency: 2, batch: 1, deadlineMs: 60_000 };
    const [one, two] = [nodes.node('one'), nodes.node('two')];
    const enqueue = await one.queue<number>('q', options, async (jobs) => void done.push(`one ${jobs[0]?.key}`));
    await two.queue<number>('q', options, async (jobs) => void done.push(`two ${jobs[0]?.key}`));
    for (let index = 0; index < 30; index++) await enqueue(`${index}`, index);
    await Promise.all([one.start(), two.start()]);
    await vi.waitFor(() => expect(done.length).toBe(30), { timeout: 15_000 });
    expect(new Set(done.map((entry) => entry.split(' ')[1])).size).toBe(30);
    expect(new Set(done.map((entry) => entry.split(' ')[0]))).toEqual(new Set(['one', 'two']));
    await nodes.stop();
  });

  it(
    'hands the work of a silent node to another with a greater fence, and abandons what never ends',
    { timeout: 40_000 },
    async () => {
      await emptyQueues();
      const nodes = cluster();
      const options = { concurrency: 1, batch: 1, deadlineMs: 60_000 };
      const hands: { readonly node: string; readonly fence: bigint; readonly returns: number }[] = [];
      const abandoned: string[] = [];
      const engines = ['one', 'two'].map((name) => ({ name, engine: nodes.node(name) }));
      const queues = [];
      for (const { name, engine } of engines) {
        queues.push(
          await engine.queue<number>(
            'q',
            options,
            async ([job], signal) => {
              if (job !== undefined) hands.push({ node: name, fence: job.fence, returns: job.returns });
              await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
            },
            async ({ key }) => void abandoned.push(key),
          ),
        );
        await engine.start();
      }
      await queues[0]?.('poison', 1);
      const silence = `update pgboss.job set heartbeat_on = now() - interval '1 minute' where name = 'q' and state = 'active'`;
      await vi.waitFor(() => expect(hands).toHaveLength(1), { timeout: 15_000 });
      await vi.waitFor(
        async () => {
          await database.query(silence);
          expect(hands.length).toBeGreaterThan(1);
        },
        { timeout: 15_000, interval: 100 },
      );
      expect(hands.map(({ returns }) => returns).slice(0, 2)).toEqual([0, 1]);
      expect(hands[1]?.fence).toBeGreaterThan(hands[0]?.fence ?? 0n);
      await database.query(`update pgboss.job set retry_count = 3 where name = 'q' and state = 'active'`);
      await vi.waitFor(
        async () => {
          await database.query(silence);
          expect(abandoned).toEqual(['poison']);
        },
        { timeout: 15_000, interval: 100 },
      );
      expect(nodes.logged).toContain('queued work is abandoned: whoever takes it never ends it');
      await nodes.stop();
    },
  );
});
