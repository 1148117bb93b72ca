import { beforeAll, describe, expect, test } from 'vitest';

import { PLANTS } from '../helpers/year/failures.ts';
import { simulateYear, type YearResult } from '../helpers/year/simulate.ts';

// Less than a thirtieth of `npm run soak -- year`.
describe('a year of 60 certificates, among failures of every kind', () => {
  let year: YearResult;

  beforeAll(async () => {
    year = await simulateYear({ seed: 20, certificates: 60, plantedOfEach: 1 });
  }, 240_000);

  test('brings no alert about what was renewed on time, though looks fail and roll-outs take hours', () => {
    const renewed = Object.values(year.renewals).reduce((sum, { onTime }) => sum + onTime, 0);
    expect(renewed).toBeGreaterThan(500);
    expect(year.counts.failedLooks).toBeGreaterThan(500);
    expect(year.falseAlarms).toEqual([]);
    expect(year.silentOutages).toEqual([]);
  });

  test('brings one warning for each late renewal, one critical where it comes to that, and one end', () => {
    const late = Object.values(year.renewals).reduce((sum, each) => sum + each.late, 0);
    expect(late).toBeGreaterThan(3);
    expect(year.lateFaults).toEqual([]);
    expect([year.late.warnings, year.late.resolved]).toEqual([late, late]);
  });

  test('finds every failure at the lead time that its kind states', () => {
    expect([...year.planted.keys()]).toEqual(PLANTS.map(({ kind }) => kind));
    for (const [kind, { planted, found, missed }] of year.planted) {
      expect([planted, found, missed], kind).toEqual([1, 1, []]);
    }
  });
});
