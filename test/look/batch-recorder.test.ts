import { expect, it } from 'vitest';

import { openBatch, type BatchParts } from '../../src/look/batch-recorder.ts';
import { createLookScenario, endingIn, saw, scripted, sourceOf, START } from '../helpers/look-scenario.ts';

const SOURCE = sourceOf(scripted([]));
const certificate = endingIn(60);

it('what the store does not take of one target does not keep it from what was seen at the others', async () => {
  const { store, recorder, clock, locations } = await createLookScenario();
  const targets = ['a', 'b', 'c', 'd'].map((key) => ({ key, data: null }));
  await store.transaction(async (tx) => {
    for (const { key } of targets) {
      await tx.inventory.saveTarget({ source: SOURCE.name, key, labels: {}, data: null }, START);
    }
  });
  const picky: BatchParts['recorder'] = {
    ...recorder,
    async recordAll(source, looks, fence) {
      if (looks.some(({ target }) => target.key === 'b')) throw new Error('this it does not take');
      await recorder.recordAll(source, looks, fence);
    },
  };
  const batch = await openBatch(
    { ledger: store, inventory: store.inventory, recorder: picky, clock },
    SOURCE,
    targets,
    1n,
  );
  for (const target of targets) {
    const recording = await batch.recorder.begin(SOURCE, target, 1n);
    await recording.add([saw(target.key, [certificate])]);
    await recording.finish();
  }
  for (let attempt = 0; attempt < 3; attempt += 1) await expect(batch.flush()).rejects.toThrow('does not take');
  expect(await locations()).toEqual(['a', 'c', 'd']);
  await store.close();
});
