import type { Authority } from '../pki.ts';
import type { Issued } from './spot.ts';
import { DAY, END, HOUR, MINUTE, START, type SourceName, type World } from './world.ts';

/** How a kind of certificate lives and is renewed. */
export interface Habit {
  readonly name: string;
  /** Of all certificates. */
  readonly share: number;
  readonly lifeMs: number;
  readonly ca: 'public' | 'corporate';
  readonly source: SourceName;
  readonly addresses: readonly [least: number, most: number];
  /** Time left at which it is renewed when all goes well; `random` is at least 0, less than 1. */
  leftMs(random: number): number;
  /** Time left when the warning and the critical are due: the default thresholds, stated here a second time. */
  readonly warningMs: number;
  readonly criticalMs: number;
  /** The CA publishes a renewal window (RFC 9773). */
  readonly hasWindow?: true;
  /** It is a CA, which lies in a file. */
  readonly isAuthority?: true;
}

export const HABITS: readonly Habit[] = [
  {
    name: 'certbot',
    share: 0.32,
    lifeMs: 90 * DAY,
    ca: 'public',
    source: 'daily',
    addresses: [1, 3],
    // A timer runs twice a day and renews what has less than a third left.
    leftMs: (random) => 30 * DAY - random * 12 * HOUR,
    warningMs: 22.5 * DAY,
    criticalMs: 7 * DAY,
  },
  {
    name: 'cert-manager',
    share: 0.15,
    lifeMs: 90 * DAY,
    ca: 'corporate',
    source: 'daily',
    addresses: [1, 4],
    // Two thirds of the lifetime after it began.
    leftMs: (random) => 30 * DAY - random * 10 * MINUTE,
    warningMs: 22.5 * DAY,
    criticalMs: 7 * DAY,
  },
  {
    name: 'ari',
    share: 0.2,
    lifeMs: 45 * DAY,
    ca: 'public',
    source: 'half',
    addresses: [1, 3],
    // Somewhere in the window of the CA: a fiftieth of the lifetime around a third of it.
    leftMs: (random) => 15 * DAY + (random - 0.5) * 0.9 * DAY,
    warningMs: 11.25 * DAY,
    criticalMs: 4.5 * DAY,
    hasWindow: true,
  },
  {
    name: 'shortlived',
    share: 0.05,
    lifeMs: 160 * HOUR,
    ca: 'public',
    source: 'short',
    addresses: [1, 2],
    leftMs: (random) => 80 * HOUR - random * 6 * HOUR,
    warningMs: 56 * HOUR,
    criticalMs: 24 * HOUR,
  },
  {
    name: 'yearly',
    share: 0.2,
    lifeMs: 398 * DAY,
    ca: 'public',
    source: 'daily',
    addresses: [1, 4],
    // By hand, by a calendar.
    leftMs: (random) => (33 + 27 * random) * DAY,
    warningMs: 30 * DAY,
    criticalMs: 7 * DAY,
  },
  {
    name: 'decade',
    share: 0.06,
    lifeMs: 3650 * DAY,
    ca: 'corporate',
    source: 'daily',
    addresses: [1, 2],
    leftMs: (random) => (40 + 80 * random) * DAY,
    warningMs: 30 * DAY,
    criticalMs: 7 * DAY,
  },
  {
    name: 'authority',
    share: 0.02,
    lifeMs: 3650 * DAY,
    ca: 'corporate',
    source: 'disk',
    addresses: [1, 1],
    leftMs: (random) => (200 + 300 * random) * DAY,
    warningMs: 180 * DAY,
    criticalMs: 30 * DAY,
    isAuthority: true,
  },
];

/** One renewal as it happened. */
export interface Renewal {
  readonly habit: Habit;
  readonly host: string;
  readonly isLate: boolean;
  readonly old: Issued;
  readonly at: number;
}

/** Time that a roll-out over all addresses takes. */
const ROLLOUT_MS = 6 * HOUR;
/** Near the end of the year nobody is late: it could not be seen to be put right. */
const LAST_LATE_MS = 20 * DAY;

/** Lets a certificate live at its places for the whole year, renewed again and again, late in one case of a hundred. */
export function startClient(world: World, habit: Habit, index: number, lateShare: number, done: Renewal[]): void {
  const { random } = world;
  const host = `${habit.name}-${index}.example.com`;
  const ca: Authority = habit.ca === 'public' ? world.publicCa : world.corporateCa;
  const [least, most] = habit.addresses;
  const isFile = habit.isAuthority === true;
  const endpoint = isFile
    ? undefined
    : world.endpoint({
        source: habit.source,
        target: `${host}:443`,
        addresses: least + Math.floor(random() * (most - least + 1)),
      });
  const file = isFile || random() < 0.25 ? world.file(`/etc/pki/${host}.pem`) : undefined;

  function issue(startAt: number): Issued {
    const issued = world.issue(isFile ? (ca.parent ?? ca) : ca, startAt, habit.lifeMs, {
      ...(isFile ? { ca: true, commonName: `Corporate CA ${index}` } : { names: [host] }),
      ...(isFile ? {} : { extendedKeyUsage: ['serverAuth'] }),
    });
    if (habit.hasWindow === true) {
      const startsAt = issued.endAt - habit.lifeMs / 3 - habit.lifeMs / 100;
      void world.learn(issued.id, {
        kind: 'renewal',
        at: startAt,
        startAt: startsAt,
        endAt: startsAt + habit.lifeMs / 50,
      });
    }
    return issued;
  }

  function put(current: Issued, rolloutMs: number): void {
    if (file !== undefined) {
      for (const spot of file.spots) {
        world.change(spot, {
          items: [
            {
              kind: 'certificate',
              der: current.der,
              parsed: current.parsed,
              place: { key: 'pem', index: 0 },
              role: isFile ? 'issuer' : 'server',
            },
          ],
        });
      }
    }
    for (const spot of endpoint?.spots ?? []) {
      const serve = (): void => world.change(spot, { served: [current, world.known(ca)] });
      if (rolloutMs === 0) serve();
      else world.at(world.now() + random() * rolloutMs, serve);
    }
  }

  function renewAfter(current: Issued, first?: number): void {
    const isLate = random() < lateShare && current.endAt < END - LAST_LATE_MS;
    const slackMs =
      ROLLOUT_MS + 4 * { short: 3 * HOUR, half: 12 * HOUR, daily: DAY, disk: 12 * HOUR, clients: DAY }[habit.source];
    const onTime = first ?? current.endAt - habit.leftMs(random());
    const at = isLate ? current.endAt - slackMs - random() * (habit.warningMs * 0.97 - slackMs) : onTime;
    if (at > END) return;
    world.at(at, () => {
      done.push({ habit, host, isLate, old: current, at });
      const next = issue(at);
      put(next, ROLLOUT_MS);
      renewAfter(next);
    });
  }

  // Somewhere in the middle of its life.
  const leftMs = habit.leftMs(random());
  const firstRenewalAt = START + DAY + random() * (habit.lifeMs - leftMs - 2 * DAY);
  const current = issue(firstRenewalAt - habit.lifeMs + leftMs);
  put(current, 0);
  renewAfter(current, firstRenewalAt);
}
