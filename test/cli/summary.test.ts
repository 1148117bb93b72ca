import { describe, expect, test } from 'vitest';

import { nextSteps, whatWasFound } from '../../src/cli/run/summary.ts';
import { createLookScenario, endingIn, missed, saw, scripted, sourceOf, START } from '../helpers/look-scenario.ts';

describe('whatWasFound', () => {
  test('says what there is, how it fares and what ends next', async () => {
    const scenario = await createLookScenario();
    const [expired, soon, later] = [endingIn(-3, 'old'), endingIn(20, 'soon'), endingIn(60, 'later')];
    await scenario.store.transaction((tx) =>
      tx.inventory.saveTarget({ source: 'partners', key: 'all', labels: {}, data: null }, START),
    );
    const recording = await scenario.recorder.begin(sourceOf(scripted([])), { key: 'all', data: null }, 1n);
    await recording.add([
      saw('a', [expired, soon]),
      saw('b', [soon]),
      saw('c', [later]),
      ...['d', 'e', 'f', 'g'].map((name) => missed(name, 'refused')),
    ]);

    expect(await whatWasFound(scenario.store, ['cloud'], START)).toBe(
      [
        'Found 3 certificates at 3 locations.',
        '  1 location critical, 1 location to attend to soon.',
        '  Next to end: soon, in 20 days, at a.',
        '  4 locations could not be read: d, e, f and 1 more.',
        '  Still looking for the first time: cloud.',
      ].join('\n'),
    );
    await scenario.store.close();
  });

  test('of nothing is two quiet lines', async () => {
    const scenario = await createLookScenario();
    expect(await whatWasFound(scenario.store, [], START)).toBe(
      'Found nothing that ends at 0 locations.\n  Nothing needs attention now.',
    );
    await scenario.store.close();
  });
});

describe('nextSteps', () => {
  const endpoint = { collector: { type: 'endpoint' } } as Parameters<typeof nextSteps>[0]['sources'][number];
  const channel = {} as Parameters<typeof nextSteps>[0]['channels'][number];

  test('shows what is missing in the config, and how to apply it', () => {
    const text = nextSteps({ file: 'my.yaml', sources: [], channels: [] });
    expect(text).toContain('To watch a host, add to the sources of my.yaml:');
    expect(text).toContain('To be told, add to my.yaml:');
    expect(text).toContain(`kill -HUP ${process.pid}`);
    expect(nextSteps({ file: 'my.yaml', sources: [endpoint], channels: [] })).not.toContain('To watch a host');
  });

  test('is nothing when there is all', () => {
    expect(nextSteps({ file: 'my.yaml', sources: [endpoint], channels: [channel] })).toBe('');
  });
});
