import { expect, test } from 'vitest';

import { countFindings } from '../../src/notify/count.ts';
import { createScenario, finding, HOUR, looked } from '../helpers/notify-scenario.ts';

test('places are counted by rule, severity and source, while they are affected', async () => {
  const scenario = createScenario();
  const expired = finding({ rule: 'expired', severity: 'critical', cause: 'other' });
  await scenario.after(
    0,
    looked(1, 'good', [finding()]),
    looked(2, 'good', [finding(), expired]),
    looked(3, 'good', [finding()], { source: 'disk' }),
    looked(4, 'good', [finding()]),
    looked(5, 'good', [expired]),
  );
  await scenario.after(HOUR, looked(1, 'failed', [finding()]), looked(4, 'good'), looked(5, 'gone'));

  const counts = await countFindings(scenario.store);
  expect(
    counts.map(({ rule, severity, source, count }) => `${rule} ${severity} ${source} ${count}`).toSorted(),
  ).toEqual(['expired critical partners 1', 'expiring warning disk 1', 'expiring warning partners 2']);
  await scenario.after(HOUR, looked(1, 'gone'), looked(2, 'gone'), looked(3, 'gone'), looked(4, 'gone'));
  expect(await countFindings(scenario.store)).toEqual([]);
});
