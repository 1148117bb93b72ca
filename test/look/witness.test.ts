import fc from 'fast-check';
import { expect, test } from 'vitest';

import { openSqlite } from '../../src/store/sqlite.ts';
import { parseExposition } from '../helpers/exposition.ts';
import { knownMetrics, textOf } from '../helpers/known-metrics.ts';
import {
  createLookScenario,
  endingIn,
  HOUR,
  missed,
  saw,
  scripted,
  sourceOf,
  START,
} from '../helpers/look-scenario.ts';

const certificates = [endingIn(60), endingIn(5), endingIn(-3)] as const;
const source = sourceOf(scripted([]));
const TARGETS = ['one', 'two'] as const;

/** What may happen to a target: a look with some outcome, time alone, or its end. */
const step = fc.record({
  target: fc.constantFrom(...TARGETS),
  what: fc.constantFrom('saw', 'saw', 'steady', 'steady', 'missed', 'failed', 'gone', 'untold', 'time', 'withdrawn'),
  certificate: fc.integer({ min: 0, max: certificates.length - 1 }),
  locations: fc.integer({ min: 0, max: 3 }),
});

test('who is told of what is recorded knows what the store knows, whatever is recorded and whatever fails', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const store = await openSqlite(':memory:');
      try {
        const told = knownMetrics([], () => START, { inventory: store.inventory });
        const scenario = await createLookScenario(store, told.metrics);
        let fence = 0n;
        for (const { target, what, certificate, locations } of steps) {
          scenario.clock.at += HOUR;
          scenario.beforeTelling = () => {
            if (what === 'untold') throw new Error('nobody can be told');
          };
          if (what === 'time') await scenario.recorder.assessDue(new AbortController().signal);
          else if (what === 'withdrawn') await scenario.recorder.withdrawTargets(source.name, [target], 'gone');
          else await look(scenario, target, what, certificate, locations, ++fence).catch(() => undefined);
        }
        const known = await store.inventory.locations();
        const anew = knownMetrics(known, () => START);
        expect(series(textOf(await told.metrics.exposition()))).toEqual(series(await anew.text()));
      } finally {
        await store.close();
      }
    }),
    {
      numRuns: 40,
      // A look that saw nothing new at one place, and fails at another: its time is not to be believed either.
      examples: [
        [
          [
            { target: 'two', what: 'saw', certificate: 0, locations: 1 },
            { target: 'two', what: 'untold', certificate: 0, locations: 2 },
          ],
        ],
      ],
    },
  );
});

async function look(
  { recorder, store, clock }: Awaited<ReturnType<typeof createLookScenario>>,
  target: string,
  what: string,
  certificate: number,
  locations: number,
  fence: bigint,
): Promise<void> {
  await store.transaction((tx) =>
    tx.inventory.saveTarget({ source: source.name, key: target, labels: {}, data: null }, clock.at),
  );
  const recording = await recorder.begin(source, { key: target, data: null }, fence);
  const names = Array.from({ length: locations }, (_, index) => `${target}/${index}`);
  const one = certificates[certificate] ?? certificates[0];
  switch (what) {
    case 'steady':
      await recording.add(
        names.map((name) => {
          const version = recording.version(name);
          return version === undefined
            ? saw(name, [one], { version: 'v1' })
            : saw(name, [], { version, unchanged: true });
        }),
      );
      return recording.finish();
    case 'missed':
      await recording.add(names.map((name) => missed(name, 'refused')));
      return recording.finish();
    case 'failed':
      return recording.fail({ reason: 'dns', detail: 'no such name' });
    case 'gone':
      await recording.add(names.map((name) => saw(name, [], { gone: true })));
      return recording.finish();
    default:
      await recording.add(names.map((name) => saw(name, [one], { version: 'v1' })));
      return recording.finish();
  }
}

/** What is said of locations. */
function series(text: string): readonly string[] {
  return parseExposition(text)
    .filter(({ name }) => /^notafter_(?:certificate|location)_/.test(name))
    .map((sample) => JSON.stringify(sample))
    .toSorted();
}
