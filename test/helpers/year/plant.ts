import type { Item } from '../../../src/plugin/item.ts';
import type { Severity } from '../../../src/plugin/notification.ts';
import type { RuleId } from '../../../src/policy/finding.ts';
import { createAuthority, type Authority } from '../pki.ts';
import type { Issued } from './spot.ts';
import { DAY, HOUR, MINUTE, START, type World } from './world.ts';

/** One failure that lies in the year. */
export interface Planted {
  readonly kind: string;
  readonly name: string;
  readonly rule: RuleId;
  readonly severity: Severity;
  /** How many places the alert has to name. */
  readonly placeCount: number;
  places(): readonly string[];
  /** When it has to be told, both included. */
  expected(): { readonly from: number; readonly to: number };
}

/** A kind of failure: what it stands for, which rule has to tell of it, and how long before or after. */
export interface Plant {
  readonly kind: string;
  /** The incident, or those like it. */
  readonly like: string;
  readonly rule: RuleId;
  readonly severity: Severity;
  /** The lead time for people. */
  readonly lead: string;
  plant(world: World, name: string): Planted;
}

/** Before the end, to the millisecond. */
interface Before {
  readonly beforeMs: number;
}
/** After it went wrong, at most. */
interface Within {
  readonly withinMs: number;
}

/** What a kind makes of the world. */
interface Made {
  readonly places: readonly string[];
  /** The end, or the moment at which it goes wrong. */
  readonly at: number;
  readonly placeCount?: number;
}

/** Looks at reliable endpoints come every day, at files twice a day; a little more for the work itself. */
export const NEXT_LOOK = DAY + 5 * MINUTE;
export const NEXT_FILE_LOOK = 12 * HOUR + 5 * MINUTE;
export const ROLLOUT = 6 * HOUR;
/** What has been told is put right at last: it is switched off. */
const AFTERWARDS = 2 * DAY;

export type Make = (world: World, name: string) => Made;

export function plantOf(
  kind: string,
  like: string,
  rule: RuleId,
  severity: Severity,
  lead: string,
  when: Before | Within,
  make: Make,
): Plant {
  return {
    kind,
    like,
    rule,
    severity,
    lead,
    plant(world, name) {
      const { places, at, placeCount = places.length } = make(world, name);
      const expected =
        'beforeMs' in when
          ? { from: at - when.beforeMs, to: at - when.beforeMs }
          : { from: at, to: at + when.withinMs };
      world.retire(places, expected.to + AFTERWARDS);
      return { kind, name, rule, severity, placeCount, places: () => places, expected: () => expected };
    },
  };
}

/** An instant in the middle of the year. */
export function someday(world: World, first = 20, last = 320): number {
  return Math.floor((START + (first + world.random() * (last - first)) * DAY) / 1000) * 1000;
}

export function serverAt(
  world: World,
  name: string,
  served: readonly Issued[],
  more: { readonly addresses?: number; readonly source?: 'daily' | 'short' | 'half' } = {},
): ReturnType<World['endpoint']> {
  const estate = world.endpoint({
    source: more.source ?? 'daily',
    target: `${name}.example.com:443`,
    addresses: more.addresses ?? 1,
    isReliable: true,
  });
  for (const spot of estate.spots) world.change(spot, { served });
  return estate;
}

export function namesOf(...estates: readonly ReturnType<World['endpoint']>[]): readonly string[] {
  return estates.flatMap(({ spots }) => spots.map(({ name }) => name));
}

/** A leaf of the corporate CA that ends at this instant. */
export function leafUntil(
  world: World,
  name: string,
  endAt: number,
  lifeMs: number,
  ca: Authority = world.corporateCa,
): Issued {
  return world.issue(ca, endAt - lifeMs + 30 * MINUTE, lifeMs, {
    names: [`${name}.example.com`],
    extendedKeyUsage: ['serverAuth'],
  });
}

/** A server certificate that outlives the year. */
export function steady(world: World, name: string): readonly Issued[] {
  return [leafUntil(world, name, START + 600 * DAY, 900 * DAY), world.known(world.corporateCa)];
}

export function itemOf(issued: Issued, role: Item['role'], place = 'pem', more: Partial<Item> = {}): Item {
  return {
    kind: 'certificate',
    der: issued.der,
    parsed: issued.parsed,
    place: { key: place, index: 0 },
    role,
    ...more,
  } as Item;
}

export function authorityUntil(world: World, name: string, endAt: number): Authority {
  return createAuthority({
    name: `CA of ${name}`,
    ...(world.corporateCa.parent === undefined ? {} : { parent: world.corporateCa.parent }),
    notBefore: new Date(endAt - 3650 * DAY),
    notAfter: new Date(endAt),
  });
}
