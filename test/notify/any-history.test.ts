import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { compareSeverity, type Severity } from '../../src/plugin/notification.ts';
import type { Alert } from '../../src/notify/model.ts';
import { SETTLE_MS } from '../../src/notify/mute.ts';
import { createScenario, DAY, finding, HOUR, looked, START, type Scenario } from '../helpers/notify-scenario.ts';

const CHANNELS = ['mail', 'chat'];
const LOCATIONS = [1, 2, 3];

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('look' as const),
      location: fc.constantFrom(...LOCATIONS),
      look: fc.constantFrom('good' as const, 'failed' as const, 'gone' as const, 'none' as const),
      findings: fc.array(
        fc.record({
          severity: fc.constantFrom<Severity>('info', 'warning', 'critical'),
          rule: fc.constantFrom('expiring' as const, 'expired' as const),
          cause: fc.constantFrom('a', 'b'),
          endsAt: fc.constantFrom(START + 20 * DAY, START + 20 * DAY - 5 * HOUR),
        }),
        { maxLength: 2 },
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('silence' as const),
      locations: fc.uniqueArray(fc.constantFrom(...LOCATIONS), { minLength: 1 }),
      forMs: fc.integer({ min: 1, max: 3 * DAY }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('end silences' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('acknowledge' as const), pick: fc.nat(1) }) },
);
const history = fc.array(fc.record({ afterMs: fc.integer({ min: 0, max: 2 * DAY }), step }), {
  minLength: 10,
  maxLength: 60,
  size: 'max',
});

interface Quiet {
  readonly id: string;
  readonly locations: readonly number[];
  readonly createdAt: number;
  until: number;
}

/** An oracle of its own: whether silences cover every open place of an alert. */
function isSilenced(alert: Alert, silences: readonly Quiet[], now: number): boolean {
  return alert.places
    .filter(({ state }) => state === 'open')
    .every((place) => {
      const ends = alert.places
        .filter(({ state }) => state === 'open')
        .flatMap(({ findings }) => findings.flatMap(({ endsAt }) => endsAt ?? []));
      const end = Math.min(Infinity, ...ends);
      return silences.some(
        ({ locations, createdAt, until }) =>
          locations.includes(place.locationId) && now < until && (now < end || createdAt >= end),
      );
    });
}

interface Known {
  severity: Severity;
  readonly rules: Set<string>;
  at: number;
}

function worstOf(alert: Alert): { severity: Severity; rules: string[] } {
  const findings = alert.places.filter(({ state }) => state === 'open').flatMap((place) => place.findings);
  const [worst] = findings.map(({ severity }) => severity).toSorted((a, b) => compareSeverity(b, a));
  const severity = worst ?? 'info';
  return { severity, rules: findings.filter((one) => one.severity === severity).map(({ rule }) => rule) };
}

describe('any history of looks, silences and acknowledgements', () => {
  test(
    'loses no first and no worse of what is not quiet, and repeats nothing too early',
    { timeout: 60_000 },
    async () => {
      await fc.assert(
        fc.asyncProperty(history, async (steps) => {
          const scenario = createScenario({ channels: CHANNELS, stormAfter: 0 });
          const silences: Quiet[] = [];
          const known = new Map<string, Known>();
          let seen = 0;

          const read = (): void => {
            for (const { channel, notification } of scenario.store.posted.slice(seen)) {
              const [notice] = notification.alerts;
              const key = `${channel} ${notice?.id}`;
              const before = known.get(key);
              const { reason } = notification;
              if (reason === 'resolved' || reason === 'withdrawn') {
                expect(before).toBeDefined();
                known.delete(key);
                continue;
              }
              if (reason === 'first') expect(before).toBeUndefined();
              if (reason === 'repeat') expect(scenario.now - (before?.at ?? 0)).toBeGreaterThanOrEqual(HOUR);
              if (reason === 'changed') expect(scenario.now - (before?.at ?? 0)).toBeGreaterThanOrEqual(SETTLE_MS);
              if (reason === 'worse' && before !== undefined) {
                const isNews =
                  compareSeverity(notification.severity, before.severity) > 0 ||
                  notice?.rules.some((rule) => !before.rules.has(rule)) === true;
                expect(isNews).toBe(true);
              }
              known.set(key, {
                severity: notification.severity,
                rules: new Set([...(before?.rules ?? []), ...(notice?.rules ?? [])]),
                at: scenario.now,
              });
            }
            seen = scenario.store.posted.length;
          };

          for (const { afterMs, step: one } of steps) {
            // What is put off falls due on the way, at its own time.
            const until = scenario.now + afterMs;
            await flush(scenario, until, read);
            const quietBefore = await quietOnes(scenario, silences);
            const count = scenario.store.posted.length;
            switch (one.kind) {
              case 'look':
                await scenario.after(0, looked(one.location, one.look, one.findings.map(finding)));
                break;
              case 'silence': {
                const silence = {
                  id: `s${silences.length}`,
                  locations: one.locations,
                  createdAt: scenario.now,
                  until: scenario.now + one.forMs,
                };
                silences.push(silence);
                await save(scenario, silence);
                break;
              }
              case 'end silences':
                for (const silence of silences.filter((other) => other.until > scenario.now)) {
                  silence.until = scenario.now;
                  await save(scenario, silence);
                }
                await scenario.store.wakeHeld(scenario.now);
                break;
              case 'acknowledge': {
                const open = await scenario.store.alerts({ state: 'open' });
                const alert = open[one.pick];
                if (alert !== undefined) {
                  const { severity, rules } = worstOf(alert);
                  const acknowledgement = {
                    author: 'a',
                    comment: '',
                    at: scenario.now,
                    severity,
                    rules: allRules(alert, rules),
                  };
                  await scenario.store.saveAlerts([{ ...alert, acknowledgement }]);
                }
                break;
              }
            }
            await scenario.repeats();
            // What stayed silenced throughout was not told.
            const quietNow = await quietOnes(scenario, silences);
            for (const { notification } of scenario.store.posted.slice(count)) {
              const [notice] = notification.alerts;
              const isQuiet = quietBefore.has(notice?.id ?? '') && quietNow.has(notice?.id ?? '');
              if (isQuiet) expect(['resolved', 'withdrawn']).toContain(notification.reason);
            }
            read();
            for (const alert of await scenario.store.alerts({ state: 'open' })) {
              const { severity, rules } = worstOf(alert);
              const taken = alert.acknowledgement;
              const isTaken =
                taken !== undefined &&
                (compareSeverity(severity, taken.severity) < 0 ||
                  (severity === taken.severity && rules.every((rule) => taken.rules.includes(rule))));
              if (severity === 'info' || isTaken || isSilenced(alert, silences, scenario.now)) continue;
              for (const channel of CHANNELS) {
                const told = known.get(`${channel} ${alert.id}`);
                expect(told).toBeDefined();
                if (told === undefined) continue;
                const difference = compareSeverity(told.severity, severity);
                // Told of this, or of worse at some time before: what falls and rises again is news again.
                expect(difference >= 0).toBe(true);
                if (difference === 0) expect(rules.every((rule) => told.rules.has(rule))).toBe(true);
              }
            }
          }
          const ids = scenario.store.posted.map(({ notification }) => notification.id);
          expect(new Set(ids).size).toBe(ids.length);
        }),
        { numRuns: 100 },
      );
    },
  );
});

function allRules(alert: Alert, worst: readonly string[]): readonly string[] {
  const rules = alert.places
    .filter(({ state }) => state === 'open')
    .flatMap(({ findings }) => findings.map(({ rule }) => rule));
  return [...new Set([...worst, ...rules])];
}

async function flush(scenario: Scenario, until: number, read: () => void): Promise<void> {
  for (let turn = 0; turn < 200; turn += 1) {
    const next = await scenario.store.nextTellAt();
    if (next === undefined || next > until) break;
    scenario.now = Math.max(scenario.now, next);
    await scenario.repeats();
    read();
  }
  scenario.now = until;
}

async function save(scenario: Scenario, { locations, ...silence }: Quiet): Promise<void> {
  const matchers = [`location=~"host-(${locations.join('|')}):.*"`];
  await scenario.store.saveSilence({ ...silence, matchers, author: 'a', comment: '' });
}

async function quietOnes(scenario: Scenario, silences: readonly Quiet[]): Promise<ReadonlySet<string>> {
  const open = await scenario.store.alerts({ state: 'open' });
  return new Set(open.filter((alert) => isSilenced(alert, silences, scenario.now)).map(({ id }) => id));
}
