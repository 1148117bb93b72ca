import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { CertificateTime } from '../../src/certificate/time.ts';
import type { Fact } from '../../src/inventory/fact.ts';
import { createInventoryIndex } from '../../src/inventory/inventory-index.ts';
import type { KnownCertificate, Location } from '../../src/inventory/model.ts';
import { assess } from '../../src/policy/assess.ts';
import type { Assessment } from '../../src/policy/finding.ts';
import { DEFAULT_POLICY } from '../../src/policy/policy.ts';
import type { InventoryView } from '../../src/policy/view.ts';
import { DAY, endpointLocation, fileLocation, HOUR, leaf, NOW, sighting, view } from './places.ts';

const YEAR_1 = Date.UTC(1, 0, 1) - 1_900 * 365 * DAY;
const YEAR_9999 = Date.UTC(9999, 11, 31);

const odd = fc.constantFrom(0, -1, 1, YEAR_1, YEAR_9999, NOW, NOW + HOUR, NOW - HOUR, NOW + 400 * DAY);
const near = fc.integer({ min: -400 * DAY, max: 400 * DAY }).map((offset) => NOW + offset);
const instant = fc.oneof({ weight: 1, arbitrary: odd }, { weight: 3, arbitrary: near });
const readable: fc.Arbitrary<CertificateTime> = fc.oneof(
  { weight: 8, arbitrary: instant.map((at) => ({ status: 'known' as const, at })) },
  fc.constant({ status: 'never' as const }),
  fc.constant({ status: 'unreadable' as const, text: 'x', problem: 'no such day' }),
);
/** No parser gives such a number; a store may have been damaged. */
const anyTime = fc.oneof({ weight: 9, arbitrary: readable }, fc.constant({ status: 'known' as const, at: Number.NaN }));
const certificateWith = (time: fc.Arbitrary<CertificateTime>): fc.Arbitrary<KnownCertificate> =>
  fc
    .record({
      number: fc.nat(30),
      names: fc.constantFrom(['a.example'], ['a.example', 'b.example'], ['b.example'], []),
      notBefore: time,
      notAfter: time,
      usages: fc.constantFrom(undefined, ['serverAuth'], ['clientAuth']),
      keyAlgorithm: fc.constantFrom('ec P-256', 'rsa 2048'),
    })
    .map(({ number, names, usages, ...dates }): KnownCertificate => {
      // One fingerprint stands for one certificate.
      const id = `${number} ${JSON.stringify([names, usages, dates])}`;
      return {
        ...leaf('a.example', { id, names, nameCount: names.length, ...dates }),
        ...(usages === undefined ? {} : { extendedKeyUsage: usages }),
      };
    });
const renewal = fc.option(
  fc.record(
    {
      mode: fc.constantFrom('automatic' as const, 'manual' as const, 'unknown' as const),
      dueAt: instant,
      stuck: fc.constant('x'),
    },
    { requiredKeys: ['mode'] },
  ),
  { nil: undefined },
);
const file = fc
  .tuple(fc.array(fc.tuple(certificateWith(anyTime), instant, renewal), { maxLength: 3 }), instant)
  .map(([items, lastLookAt]) =>
    fileLocation(
      items.map(([item, firstSeenAt, by], index) =>
        sighting(item, { index, firstSeenAt, ...(by === undefined ? {} : { renewal: by }) }),
      ),
      { lastLookAt },
    ),
  );
const endpoint = fc.tuple(certificateWith(readable), instant).map(([item, firstSeenAt]): Location => {
  const here = endpointLocation([item]);
  return { ...here, sightings: here.sightings.map((seen) => ({ ...seen, firstSeenAt })) };
});
const inventory = fc
  .tuple(fc.array(fc.oneof(file, endpoint), { minLength: 1, maxLength: 5 }), fc.array(fc.tuple(instant, instant)))
  .map(([places, windows]) => {
    const locations = places.map((place, index): Location => ({ ...place, id: index + 1, location: `place ${index}` }));
    const index = createInventoryIndex(locations.slice(1));
    // The first was something else before.
    index.note({ ...(locations[0] as Location), sightings: locations.at(-1)?.sightings ?? [] });
    for (const location of locations) index.note(location);
    const facts: Record<string, readonly Fact[]> = {};
    for (const [position, { sightings }] of locations.entries()) {
      const [startAt, endAt] = windows[position] ?? [];
      for (const { item } of sightings) {
        if (startAt !== undefined && endAt !== undefined) facts[item.id] = [{ kind: 'renewal', at: 0, startAt, endAt }];
      }
    }
    return { locations, seen: view({ index, facts, intervalMs: HOUR }) };
  });

function judgedAt(location: Location, seen: InventoryView, now: number): Assessment {
  return assess(location, seen, DEFAULT_POLICY, now);
}

const essence = ({ findings }: Assessment): readonly string[] =>
  findings.map(({ rule, cause, severity }) => `${rule} ${cause} ${severity}`).toSorted();

describe('whatever the dates and the clock say', () => {
  test('every text and every instant is one', () => {
    fc.assert(
      fc.property(inventory, instant, ({ locations, seen }, now) => {
        for (const location of locations) {
          const { findings, nextAt } = judgedAt(location, seen, now);
          expect(nextAt === undefined || (Number.isSafeInteger(nextAt) && nextAt > now)).toBe(true);
          for (const { endsAt, title, summary, facts, actions } of findings) {
            expect(endsAt === undefined || Number.isSafeInteger(endsAt)).toBe(true);
            const text = [title, summary, ...actions, ...facts.flatMap(({ name, value }) => [name, value])].join('\n');
            expect(text).not.toMatch(/NaN|undefined|Infinity|Invalid|\[object/);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test('what is said of places that know of each other holds until it is judged again', () => {
    fc.assert(
      fc.property(inventory, near, fc.double({ min: 0, max: 1, noNaN: true }), ({ locations, seen }, now, share) => {
        for (const location of locations) {
          const first = judgedAt(location, seen, now);
          const until = first.nextAt ?? now + 3_000 * DAY;
          const later = now + Math.floor((until - 1 - now) * share);
          expect(essence(judgedAt(location, seen, later))).toEqual(essence(first));
        }
      }),
      { numRuns: 300 },
    );
  });
});
