import type { Item } from '../../../src/plugin/item.ts';
import type { Severity } from '../../../src/plugin/notification.ts';
import { nameSubject } from '../../../src/plugin/fact-subject.ts';
import type { RuleId } from '../../../src/policy/finding.ts';
import { createAuthority, createCrl, type Authority } from '../pki.ts';
import { DAY, HOUR, issuedOf, MINUTE, START, type Issued, type World } from './world.ts';

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
const NEXT_LOOK = DAY + 5 * MINUTE;
const NEXT_FILE_LOOK = 12 * HOUR + 5 * MINUTE;
const ROLLOUT = 6 * HOUR;
/** What has been told is put right at last: it is switched off. */
const AFTERWARDS = 2 * DAY;

function plantOf(
  kind: string,
  like: string,
  rule: RuleId,
  severity: Severity,
  lead: string,
  when: Before | Within,
  make: (world: World, name: string) => Made,
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
function someday(world: World, first = 20, last = 320): number {
  return Math.floor((START + (first + world.random() * (last - first)) * DAY) / 1000) * 1000;
}

function serverAt(
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

function namesOf(...estates: readonly ReturnType<World['endpoint']>[]): readonly string[] {
  return estates.flatMap(({ spots }) => spots.map(({ name }) => name));
}

/** A leaf of the corporate CA that ends at this instant. */
function leafUntil(
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
function steady(world: World, name: string): readonly Issued[] {
  return [leafUntil(world, name, START + 600 * DAY, 900 * DAY), world.known(world.corporateCa)];
}

function itemOf(issued: Issued, role: Item['role'], place = 'pem', more: Partial<Item> = {}): Item {
  return {
    kind: 'certificate',
    der: issued.der,
    parsed: issued.parsed,
    place: { key: place, index: 0 },
    role,
    ...more,
  } as Item;
}

function authorityUntil(world: World, name: string, endAt: number): Authority {
  return createAuthority({
    name: `CA of ${name}`,
    ...(world.corporateCa.parent === undefined ? {} : { parent: world.corporateCa.parent }),
    notBefore: new Date(endAt - 3650 * DAY),
    notAfter: new Date(endAt),
  });
}

export const PLANTS: readonly Plant[] = [
  plantOf(
    'yearly-forgotten',
    'Starlink 2023, Megaphone 2022, Ericsson 2018',
    'expiring',
    'warning',
    '30 d before the end',
    { beforeMs: 30 * DAY },
    (world, name) => {
      const at = someday(world, 40);
      return {
        at,
        places: namesOf(serverAt(world, name, [leafUntil(world, name, at, 398 * DAY), world.known(world.corporateCa)])),
      };
    },
  ),
  plantOf(
    'yearly-last-week',
    'the same, not acted on',
    'expiring',
    'critical',
    '7 d before the end',
    { beforeMs: 7 * DAY },
    (world, name) => {
      const at = someday(world, 40);
      return {
        at,
        places: namesOf(serverAt(world, name, [leafUntil(world, name, at, 398 * DAY), world.known(world.corporateCa)])),
      };
    },
  ),
  plantOf(
    'quarterly-forgotten',
    'Bazel 2021, 2022, 2025',
    'expiring',
    'warning',
    '22.5 d before the end',
    { beforeMs: 22.5 * DAY },
    (world, name) => {
      const at = someday(world, 60);
      return {
        at,
        places: namesOf(serverAt(world, name, [leafUntil(world, name, at, 90 * DAY), world.known(world.corporateCa)])),
      };
    },
  ),
  plantOf(
    'shortlived-forgotten',
    'a six-day certificate whose renewal hangs',
    'expiring',
    'warning',
    '56 h before the end',
    { beforeMs: 56 * HOUR },
    (world, name) => {
      const at = someday(world);
      const estate = serverAt(world, name, steady(world, name), { source: 'short' });
      world.at(at - 160 * HOUR, () => {
        const own = leafUntil(world, name, at, 160 * HOUR, world.publicCa);
        for (const spot of estate.spots) world.change(spot, { served: [own, world.known(world.publicCa)] });
      });
      return { at, places: namesOf(estate) };
    },
  ),
  plantOf(
    'wildcard',
    'Epic Games 2021: one certificate at many endpoints',
    'expiring',
    'warning',
    '30 d before the end, one alert',
    { beforeMs: 30 * DAY },
    (world, name) => {
      const at = someday(world, 40);
      const own = world.issue(world.corporateCa, at - 398 * DAY + 30 * MINUTE, 398 * DAY, {
        names: [`*.${name}.example.com`],
        extendedKeyUsage: ['serverAuth'],
      });
      const estates = Array.from({ length: 8 }, (_, index) => {
        const estate = world.endpoint({
          source: 'daily',
          target: `w${index}.${name}.example.com:443`,
          addresses: 1,
          isReliable: true,
        });
        for (const spot of estate.spots) world.change(spot, { served: [own, world.known(world.corporateCa)] });
        return estate;
      });
      return { at, places: namesOf(...estates) };
    },
  ),
  plantOf(
    'intermediate',
    'Mozilla 2019, AddTrust 2020, Chromecast 2025',
    'expiring',
    'warning',
    '180 d before the end',
    { beforeMs: 180 * DAY },
    (world, name) => {
      const at = someday(world, 200, 520);
      const above = authorityUntil(world, name, at);
      const own = world.issue(above, START - 10 * DAY, 900 * DAY, {
        names: [`${name}.example.com`],
        extendedKeyUsage: ['serverAuth'],
      });
      return { at, places: namesOf(serverAt(world, name, [own, issuedOf(above.certificate.der)], { addresses: 2 })) };
    },
  ),
  plantOf(
    'intermediate-last-month',
    'the same, not acted on',
    'expiring',
    'critical',
    '30 d before the end',
    { beforeMs: 30 * DAY },
    (world, name) => {
      const at = someday(world, 60);
      const above = authorityUntil(world, name, at);
      const own = world.issue(above, START - 10 * DAY, 900 * DAY, {
        names: [`${name}.example.com`],
        extendedKeyUsage: ['serverAuth'],
      });
      return { at, places: namesOf(serverAt(world, name, [own, issuedOf(above.certificate.der)])) };
    },
  ),
  plantOf(
    'in-a-file',
    'Teams 2020, Cisco Viptela 2023: served by no port',
    'expiring',
    'warning',
    '30 d before the end',
    { beforeMs: 30 * DAY },
    (world, name) => {
      const at = someday(world, 40);
      const estate = world.file(`/opt/${name}/signer.pem`);
      for (const spot of estate.spots)
        world.change(spot, { items: [itemOf(leafUntil(world, name, at, 3650 * DAY), 'signer')] });
      return { at, places: namesOf(estate) };
    },
  ),
  plantOf(
    'already-expired',
    'Equifax 2017: expired for 19 months when found',
    'expired',
    'critical',
    'at the first look',
    { withinMs: 0 },
    (world, name) => {
      const at = someday(world);
      const estate = world.file(`/opt/${name}/inspection.pem`, { from: at });
      for (const spot of estate.spots)
        world.change(spot, { items: [itemOf(leafUntil(world, name, at - 580 * DAY, 365 * DAY), 'server')] });
      return { at, places: namesOf(estate) };
    },
  ),
  plantOf(
    'client-certificate',
    'a client certificate that a server will refuse',
    'client-will-fail',
    'warning',
    '30 d before the end',
    { beforeMs: 30 * DAY },
    (world, name) => {
      const at = someday(world, 40);
      const own = world.issue(world.corporateCa, at - 398 * DAY + 30 * MINUTE, 398 * DAY, {
        names: [`${name}-client.example.com`],
        extendedKeyUsage: ['clientAuth'],
      });
      const estate = serverAt(world, name, steady(world, name));
      for (const spot of estate.spots) {
        world.change(spot, {
          items: [itemOf(own, 'client', 'client/billing')],
          verdicts: [{ client: own.id, name: 'billing', status: 'accepted', reason: null, evidence: 'HTTP 200' }],
        });
      }
      return { at, places: namesOf(estate) };
    },
  ),
  plantOf(
    'client-ca',
    'OpenShift, Cisco: the CA in the trust store ends first',
    'trust-anchor-expiring',
    'warning',
    '180 d before the end',
    { beforeMs: 180 * DAY },
    (world, name) => {
      const at = someday(world, 200, 520);
      const ca = createAuthority({
        name: `Client CA of ${name}`,
        notBefore: new Date(at - 3650 * DAY),
        notAfter: new Date(at),
      });
      const estate = world.file(`/etc/${name}/clients-ca.pem`, { trustsClientsOf: [`${name}.example.com:443`] });
      for (const spot of estate.spots)
        world.change(spot, { items: [itemOf(issuedOf(ca.certificate.der), 'trust-anchor')] });
      return { at, places: namesOf(estate) };
    },
  ),
  plantOf(
    'crl',
    'a CRL that nobody issues any more: every client is rejected',
    'crl-expiring',
    'warning',
    '42 h before nextUpdate',
    { beforeMs: 42 * HOUR },
    (world, name) => {
      const at = someday(world);
      const estate = world.file(`/etc/${name}/clients.crl`);
      const issue = (endAt: number): Item => ({
        kind: 'crl',
        der: createCrl(world.corporateCa, { thisUpdate: new Date(endAt - 7 * DAY), nextUpdate: new Date(endAt) }).der,
        place: { key: 'crl' },
        role: 'issuer',
      });
      world.at(START, () => {
        for (const spot of estate.spots) world.change(spot, { items: [issue(START + 700 * DAY)] });
      });
      world.at(at - 7 * DAY, () => {
        for (const spot of estate.spots) world.change(spot, { items: [issue(at)] });
      });
      return { at, places: namesOf(estate) };
    },
  ),
  plantOf(
    'credential',
    'the secret of an application in a cloud directory',
    'credential-expiring',
    'warning',
    '30 d before the end',
    { beforeMs: 30 * DAY },
    (world, name) => {
      const at = someday(world, 40);
      const estate = world.file(`vault/${name}`);
      for (const spot of estate.spots) {
        world.change(spot, {
          items: [
            {
              kind: 'credential',
              id: `${name}/secret`,
              name,
              notAfter: new Date(at),
              place: { key: 'secret' },
              role: 'client',
            },
          ],
        });
      }
      return { at, places: namesOf(estate) };
    },
  ),
  plantOf(
    'not-deployed',
    'Azure 2013: renewed in the store, never rolled out',
    'not-deployed',
    'warning',
    'a roll-out of 6 h and one look later',
    { withinMs: ROLLOUT + NEXT_LOOK + NEXT_FILE_LOOK },
    (world, name) => {
      const at = someday(world);
      const old = leafUntil(world, name, at + 60 * DAY, 398 * DAY);
      const estate = serverAt(world, name, [old, world.known(world.corporateCa)]);
      const file = world.file(`/etc/${name}/tls.crt`);
      for (const spot of file.spots) world.change(spot, { items: [itemOf(old, 'server')] });
      world.at(at, () => {
        const next = leafUntil(world, name, at + 398 * DAY, 398 * DAY);
        for (const spot of file.spots) world.change(spot, { items: [itemOf(next, 'server')] });
      });
      return { at, places: namesOf(estate) };
    },
  ),
  plantOf(
    'one-node-left',
    'one address of three still serves the old one',
    'nodes-disagree',
    'warning',
    'a roll-out of 6 h and two looks later',
    { withinMs: ROLLOUT + 2 * NEXT_LOOK },
    (world, name) => {
      const at = someday(world);
      const old = leafUntil(world, name, at + 60 * DAY, 398 * DAY);
      const estate = serverAt(world, name, [old, world.known(world.corporateCa)], { addresses: 3 });
      world.at(at, () => {
        const next = leafUntil(world, name, at + 398 * DAY, 398 * DAY);
        for (const spot of estate.spots.slice(1))
          world.change(spot, { served: [next, world.known(world.corporateCa)] });
      });
      return { at, places: namesOf(estate).slice(0, 1) };
    },
  ),
  plantOf(
    'key-mismatch',
    'GitLab 2024: the key is another certificate’s',
    'key-mismatch',
    'critical',
    'at the next look',
    { withinMs: NEXT_FILE_LOOK },
    (world, name) => {
      const at = someday(world);
      const file = world.file(`/etc/${name}/site.pem`);
      const own = leafUntil(world, name, START + 600 * DAY, 900 * DAY);
      for (const spot of file.spots) {
        world.change(spot, { items: [itemOf(own, 'server', 'pem', { key: { at: '/etc/site.key', match: 'yes' } })] });
        world.at(at, () =>
          world.change(spot, { items: [itemOf(own, 'server', 'pem', { key: { at: '/etc/site.key', match: 'no' } })] }),
        );
      }
      return { at, places: namesOf(file) };
    },
  ),
  plantOf(
    'impossible-date',
    'Azure 2012: 29 February of a year without one',
    'unreadable',
    'critical',
    'at the next look',
    { withinMs: NEXT_FILE_LOOK },
    (world, name) => {
      const at = someday(world);
      const file = world.file(`/etc/${name}/leap.pem`);
      for (const spot of file.spots) {
        world.change(spot, { items: [itemOf(leafUntil(world, name, START + 600 * DAY, 900 * DAY), 'server')] });
        world.at(at, () => {
          const { der } = world.corporateCa.issue({
            keyType: 'ed25519',
            names: [`${name}.example.com`],
            notBefore: new Date(at),
            notAfter: { tag: 0x17, text: '290229000000Z' },
          });
          world.change(spot, { items: [itemOf(issuedOf(der), 'server')] });
        });
      }
      return { at, places: namesOf(file) };
    },
  ),
  plantOf(
    'client-auth-lost',
    'ZeroSSL, Let’s Encrypt 2026: renewed without clientAuth',
    'client-auth-missing',
    'warning',
    'at the next look',
    { withinMs: NEXT_LOOK },
    (world, name) => {
      const at = someday(world);
      const estate = serverAt(world, name, steady(world, name));
      const client = (usage: 'clientAuth' | 'serverAuth', startAt: number): Issued =>
        world.issue(world.corporateCa, startAt, 900 * DAY, {
          names: [`${name}-client.example.com`],
          extendedKeyUsage: [usage],
        });
      const show = (issued: Issued): void => {
        for (const spot of estate.spots) {
          world.change(spot, {
            items: [itemOf(issued, 'client', 'client/billing')],
            verdicts: [{ client: issued.id, name: 'billing', status: 'accepted', reason: null, evidence: 'HTTP 200' }],
          });
        }
      };
      show(client('clientAuth', START - DAY));
      world.at(at, () => show(client('serverAuth', at)));
      return { at, places: namesOf(estate) };
    },
  ),
  plantOf(
    'client-ca-missing',
    'OpenShift: the server does not have the new CA of its clients',
    'client-rejected',
    'critical',
    'at the next look',
    { withinMs: NEXT_LOOK },
    (world, name) => {
      const at = someday(world);
      const estate = serverAt(world, name, steady(world, name));
      const own = world.issue(world.corporateCa, START - DAY, 900 * DAY, {
        names: [`${name}-client.example.com`],
        extendedKeyUsage: ['clientAuth'],
      });
      for (const spot of estate.spots) {
        world.change(spot, {
          items: [itemOf(own, 'client', 'client/kubelet')],
          verdicts: [{ client: own.id, name: 'kubelet', status: 'accepted', reason: null, evidence: 'HTTP 200' }],
        });
        world.at(at, () =>
          world.change(spot, {
            verdicts: [
              { client: own.id, name: 'kubelet', status: 'rejected', reason: 'unknown_ca', evidence: 'alert 48' },
            ],
          }),
        );
      }
      return { at, places: namesOf(estate) };
    },
  ),
  plantOf(
    'silent-host',
    'GitLab pre.gitlab.com: nobody can look any more',
    'unreachable',
    'warning',
    'at the third failed look',
    { withinMs: 3 * NEXT_LOOK },
    (world, name) => {
      const at = someday(world);
      const estate = serverAt(world, name, steady(world, name));
      for (const spot of estate.spots) world.at(at, () => world.change(spot, { isDown: true }));
      return { at, places: namesOf(estate) };
    },
  ),
  plantOf(
    'intermediate-left-out',
    'renewed without its chain: some clients fail at once',
    'chain-incomplete',
    'warning',
    'at the next look',
    { withinMs: NEXT_LOOK },
    (world, name) => {
      const at = someday(world);
      const estate = serverAt(world, name, [
        leafUntil(world, name, START + 500 * DAY, 700 * DAY, world.publicCa),
        world.known(world.publicCa),
      ]);
      for (const spot of estate.spots) world.at(at, () => world.change(spot, { served: spot.served.slice(0, 1) }));
      return { at, places: namesOf(estate) };
    },
  ),
  plantOf(
    'revoked',
    'a mass revocation',
    'revoked',
    'critical',
    'when the CA says so',
    { withinMs: 0 },
    (world, name) => {
      const at = someday(world);
      const own = leafUntil(world, name, START + 600 * DAY, 900 * DAY);
      const estate = serverAt(world, name, [own, world.known(world.corporateCa)]);
      world.at(at, () =>
        world.learn(own.id, {
          kind: 'revocation',
          at,
          status: 'revoked',
          by: 'crl',
          url: 'http://crl.example/',
          revokedAt: at - HOUR,
          reason: 'keyCompromise',
        }),
      );
      return { at, places: namesOf(estate) };
    },
  ),
  plantOf(
    'window-moved',
    'the CA wants a certificate replaced early (RFC 9773)',
    'renewal-requested',
    'warning',
    'when the moved window is over',
    { withinMs: 0 },
    (world, name) => {
      const at = someday(world);
      const own = leafUntil(world, name, START + 600 * DAY, 900 * DAY);
      const estate = serverAt(world, name, [own, world.known(world.corporateCa)]);
      world.at(at, () =>
        world.learn(own.id, {
          kind: 'renewal',
          at,
          startAt: at - HOUR,
          endAt: at - 30 * MINUTE,
          explanationUrl: 'https://ca.example/why',
        }),
      );
      return { at, places: namesOf(estate) };
    },
  ),
  plantOf(
    'dead-name',
    'Bazel 2025: one dead name blocks the renewal of all',
    'name-dead',
    'warning',
    '6 h after the name was gone',
    { withinMs: 6 * HOUR },
    (world, name) => {
      const at = someday(world);
      const own = leafUntil(world, name, START + 600 * DAY, 900 * DAY);
      const estate = serverAt(world, name, [own, world.known(world.corporateCa)]);
      world.at(at, () =>
        world.learn(
          nameSubject(`${name}.example.com`),
          { kind: 'name', at, resolves: false, resolvedAt: at - DAY, deadSinceAt: at },
          own.id,
        ),
      );
      return { at, places: namesOf(estate) };
    },
  ),
];
