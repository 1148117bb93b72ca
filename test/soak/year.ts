import { writeFileSync } from 'node:fs';

import { format, resolveConfig } from 'prettier';

import { HABITS } from '../helpers/year/clients.ts';
import { PLANTS } from '../helpers/year/failures.ts';
import { simulateYear, type YearResult } from '../helpers/year/simulate.ts';
import type { SoakOptions } from './run.ts';

const CERTIFICATES = 2_000;
const PLANTED = 300;
const PAGE = new URL('../../docs/reference/simulated-year.md', import.meta.url);

/**
 * A year of certificates that renew as real clients do, among failures of every kind. `--count` sets the number of
 * certificates; the full number also writes the page of the result. It stops with an error when anything was told wrongly.
 */
export async function soakYear({ count = CERTIFICATES, seed = 1 }: SoakOptions): Promise<void> {
  const plantedOfEach = Math.max(1, Math.ceil((PLANTED * count) / CERTIFICATES / PLANTS.length));
  const startedAt = performance.now();
  const result = await simulateYear({
    seed,
    certificates: count,
    plantedOfEach,
    onProgress(day) {
      if (day % 30 === 0) console.log(`day ${day}, ${Math.round((performance.now() - startedAt) / 1_000)} s`);
    },
  });
  const page = yearPage(result, seed, Math.round(process.cpuUsage().user / 1e6));
  console.log(page);
  const faults = faultsOf(result);
  if (faults.length > 0) {
    throw new Error(`${faults.length} things were told wrongly:\n${faults.slice(0, 20).join('\n')}`);
  }
  if (count === CERTIFICATES) {
    writeFileSync(PAGE, await format(page, { ...(await resolveConfig(PAGE)), parser: 'markdown' }));
  }
}

function faultsOf({ falseAlarms, lateFaults, silentOutages, planted }: YearResult): readonly string[] {
  return [...falseAlarms, ...lateFaults, ...silentOutages, ...[...planted.values()].flatMap(({ missed }) => missed)];
}

function yearPage(result: YearResult, seed: number, seconds: number): string {
  const { counts, certificates, renewals, falseAlarms, late, lateFaults, outages, silentOutages, planted } = result;
  const sum = (of: (each: { onTime: number; late: number }) => number): number =>
    Object.values(renewals).reduce((total, each) => total + of(each), 0);
  const found = [...planted.values()].reduce((total, each) => total + each.found, 0);
  const all = [...planted.values()].reduce((total, each) => total + each.planted, 0);
  return [
    '# A simulated year',
    '',
    `What \`npm run soak -- year\` showed last: ${certificates} certificates live through a year and are renewed as real clients renew them, 1 % of the renewals late, while 2 % of the looks fail and every roll-out takes up to six hours over all addresses; among them lie ${all} failures of ${planted.size} kinds. Every look is recorded, judged and told by the real code, on a SQLite store, with the default policy (but that a place counts as stale later, so that looks that would show nothing new can be left out) and a clock that jumps from event to event. The tests run less than a thirtieth of it.`,
    '',
    '| | |',
    '| --- | --- |',
    `| seed | ${seed} |`,
    `| looks | ${counts.looks}, of which ${counts.failedLooks} failed |`,
    `| judgements | ${counts.judgements} |`,
    `| renewals on time | ${sum(({ onTime }) => onTime)} |`,
    `| alerts without a cause | ${falseAlarms.length} |`,
    `| late renewals | ${sum(({ late: count }) => count)} |`,
    `| warnings, criticals, resolved of them | ${late.warnings}, ${late.criticals}, ${late.resolved} |`,
    `| told otherwise than expected | ${lateFaults.length} |`,
    `| targets out of reach three times in a row, by chance | ${outages}, of which ${outages - silentOutages.length} told as \`unreachable\` and nothing else |`,
    `| failures planted, found on time | ${all}, ${found} |`,
    `| processor time | ${seconds} s |`,
    '',
    'A late renewal has to give one warning at the threshold, one critical when it comes to that, and one message that it is over, of one alert. Beside it stands `unreachable` where a look failed while its certificate was critical: nobody could say then whether it had been replaced.',
    '',
    '## Renewals',
    '',
    '| kind | lives | renewed with so much left | on time | late |',
    '| --- | --- | --- | --- | --- |',
    ...HABITS.map(({ name, lifeMs, leftMs }) => {
      const { onTime = 0, late: count = 0 } = renewals[name] ?? {};
      return `| ${name} | ${days(lifeMs)} | ${days(leftMs(0.999))} to ${days(leftMs(0))} | ${onTime} | ${count} |`;
    }),
    '',
    '## Failures',
    '',
    'The lead time of each kind is stated before the run, to the millisecond where time alone decides, else within the interval of the looks.',
    '',
    '| kind | like | told by | when | planted | found |',
    '| --- | --- | --- | --- | --- | --- |',
    ...PLANTS.map(({ kind, like, rule, severity, lead }) => {
      const { planted: count = 0, found: hits = 0 } = planted.get(kind) ?? {};
      return `| ${kind} | ${like} | \`${rule}\`, ${severity} | ${lead} | ${count} | ${hits} |`;
    }),
    '',
  ].join('\n');
}

function days(ms: number): string {
  const hours = Math.round(ms / 3_600_000);
  return hours < 240 ? `${hours} h` : `${Math.round(hours / 2.4) / 10} d`;
}
