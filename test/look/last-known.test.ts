import { expect, it } from 'vitest';

import {
  createLookScenario,
  DAY,
  endingIn,
  HOUR,
  missed,
  saw,
  scripted,
  sourceOf,
  START,
} from '../helpers/look-scenario.ts';

it('goes on warning of an end that was seen once, while the place cannot be reached for 30 days, and never says it is over', async () => {
  const scenario = await createLookScenario();
  const { store, recorder, clock } = scenario;
  await store.transaction((tx) =>
    tx.inventory.saveTarget({ source: 'partners', key: 'api', labels: {}, data: null }, START),
  );
  const look = async (observation: ReturnType<typeof saw>): Promise<void> => {
    const recording = await recorder.begin(sourceOf(scripted([])), { key: 'api', data: null }, BigInt(clock.at));
    await recording.add([observation]);
    await recording.finish();
  };
  await look(saw('api:443', [endingIn(20)]));
  const expiry: string[] = [];
  const severities: string[] = [];
  for (let hour = 0; hour <= 30 * 24; hour += 6) {
    clock.at = START + hour * HOUR;
    if (hour > 0) await look(missed('api:443', 'timeout'));
    await recorder.assessDue(new AbortController().signal);
    const told = await scenario.news();
    expiry.push(...told.filter((line) => /expir/.test(line)).map((line) => `day ${hour / 24}: ${line}`));
    const alert = (await store.alerts.alerts({ state: 'open' })).find(({ family }) => family === 'expiry');
    severities.push(alert?.places[0]?.findings[0]?.severity ?? 'none');
  }
  // It was first told with 20 of its 90 days left, gets worse at a tenth, and once more when it ends, on the day.
  expect(expiry[0]).toMatch(/^day 0: first expiring/);
  expect(expiry.some((line) => /^day 1[1-9](\.\d+)?: worse expiring/.test(line))).toBe(true);
  expect(expiry.some((line) => /^day 20(\.\d+)?: worse expired/.test(line))).toBe(true);
  expect(expiry.filter((line) => line.includes('resolved'))).toEqual([]);
  expect(severities.every((severity) => severity !== 'none')).toBe(true);
  expect(severities.at(-1)).toBe('critical');
  const place = (await scenario.alert('expired'))?.places[0];
  expect(clock.at).toBe(START + 30 * DAY);
  expect(place?.state).toBe('open');
  // Whoever is told knows that this is what was seen thirty days ago.
  const [finding] = place?.findings ?? [];
  expect(finding?.summary).toMatch(/, at api:443, last seen there 2\d{3}-\d\d-\d\d \d\d:\d\d UTC$/);
  expect(finding?.summary).toContain(`last seen there ${new Date(START).toISOString().slice(0, 10)} `);
  expect(finding?.facts).toContainEqual({
    name: 'Last seen',
    value: expect.stringMatching(/ UTC; looks have failed since: /),
  });
  expect((await scenario.location('api:443'))?.sightings).toHaveLength(1);
  await store.close();
});
