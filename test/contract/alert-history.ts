import fc from 'fast-check';
import { expect, it } from 'vitest';

import type { Alert, AlertPlace, Told } from '../../src/notify/model.ts';
import type { AlertWriter } from '../../src/notify/port.ts';
import type { Store } from '../../src/store/store.ts';

const RUNS = 15;
/** So many that a store may keep the alert from one transaction to the next. */
const MANY = Array.from({ length: 120 }, (_, index) => placeAt(100 + index, 0));

/** What happens to one alert in a transaction. It is read before: what is not touched is the very object that was read. */
type Step =
  | { readonly kind: 'place'; readonly alert: number; readonly location: number; readonly looks: number }
  | { readonly kind: 'drop'; readonly alert: number; readonly location: number }
  | { readonly kind: 'tell'; readonly alert: number; readonly channel: number; readonly at: number }
  | { readonly kind: 'again'; readonly alert: number }
  | { readonly kind: 'copy'; readonly alert: number };

/** Some read all alerts first, some only what they change; some fail at the end. */
interface Turn {
  readonly steps: readonly Step[];
  readonly reads: 'all' | 'by location' | 'one';
  readonly fails: boolean;
}

const number = (max: number): fc.Arbitrary<number> => fc.nat({ max });
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('place'), alert: number(2), location: number(5), looks: number(2) }),
  fc.record({ kind: fc.constant('drop'), alert: number(2), location: number(5) }),
  fc.record({ kind: fc.constant('tell'), alert: number(2), channel: number(2), at: number(9) }),
  fc.record({ kind: fc.constant('again'), alert: number(2) }),
  fc.record({ kind: fc.constant('copy'), alert: number(2) }),
);
const anyTurn: fc.Arbitrary<Turn> = fc.record({
  steps: fc.array(anyStep, { minLength: 1, maxLength: 6 }),
  reads: fc.constantFrom('all', 'by location', 'one'),
  fails: fc.boolean(),
});

/** Only what changed of an alert is written: what is read later must be the whole of it all the same. */
export function describeAlertHistory(get: () => Store): void {
  it('gives alerts back as they were saved last, whatever was saved, read and rolled back before', async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(anyTurn, { maxLength: 8 }), async (turns) => {
        run += 1;
        const idOf = (index: number): string => `run-${run}-${index}`;
        let committed = new Map<string, Alert>();
        for (const { steps, reads, fails } of turns) {
          const model = new Map(committed);
          const failure = new Error('rolled back');
          const work = get().transaction(async ({ alerts }) => {
            if (reads === 'all') await alerts.alerts();
            if (reads === 'by location') await alerts.openAlertsAt([1, 2, 3]);
            for (const one of steps) {
              const after = changed(await readOne(alerts, idOf(one.alert)), idOf(one.alert), one);
              await alerts.saveAlerts([after]);
              model.set(after.id, after);
              expect(await readOne(alerts, after.id)).toEqual(inOrder(after));
            }
            if (fails) throw failure;
          });
          if (fails) await expect(work).rejects.toBe(failure);
          else {
            await work;
            committed = model;
          }
        }
        const ids = [0, 1, 2].map(idOf);
        const stored = new Map((await get().alerts.alertsById(ids)).map((alert) => [alert.id, alert]));
        expect(stored).toEqual(new Map([...committed].map(([id, alert]) => [id, inOrder(alert)])));
      }),
      { numRuns: RUNS },
    );
  });
}

async function readOne(alerts: Pick<AlertWriter, 'alertsById'>, id: string): Promise<Alert | undefined> {
  return (await alerts.alertsById([id]))[0];
}

function changed(before: Alert | undefined, id: string, step: Step): Alert {
  const alert: Alert = before ?? {
    id,
    family: 'expiry',
    cause: `cause ${id}`,
    state: 'open',
    generation: 1,
    openedAt: 1,
    awaitsDigest: false,
    places: MANY,
    told: [],
  };
  switch (step.kind) {
    case 'place':
      return {
        ...alert,
        places: [...without(alert, step.location), placeAt(step.location, step.looks)],
      };
    case 'drop':
      return { ...alert, places: without(alert, step.location) };
    case 'tell':
      return { ...alert, told: [...alert.told.filter(({ channel }) => channel !== name(step)), toldOf(step)] };
    case 'again':
      return { ...alert, generation: alert.generation + 1, places: MANY, told: [] };
    case 'copy':
      return structuredClone(alert);
  }
}

function without({ places }: Alert, location: number): readonly AlertPlace[] {
  return places.filter(({ locationId }) => locationId !== location);
}

function placeAt(locationId: number, goodLooks: number): AlertPlace {
  return {
    locationId,
    source: 's',
    location: `l${locationId}`,
    target: 't',
    labels: { owner: `o${goodLooks}` },
    state: goodLooks === 2 ? 'resolved' : 'open',
    findings: [],
    firstAt: 1,
    lastAt: 1 + goodLooks,
    goodLooks,
  };
}

function name({ channel }: { readonly channel: number }): string {
  return `channel-${channel}`;
}

function toldOf(step: Extract<Step, { readonly kind: 'tell' }>): Told {
  return { channel: name(step), severity: 'warning', rules: ['expiring'], reason: 'first', at: step.at };
}

function inOrder(alert: Alert): Alert {
  return {
    ...alert,
    places: alert.places.toSorted((a, b) => a.locationId - b.locationId),
    told: alert.told.toSorted((a, b) => (a.channel < b.channel ? -1 : 1)),
  };
}
