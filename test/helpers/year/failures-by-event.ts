import { nameSubject } from '../../../src/plugin/fact-subject.ts';
import { issuedOf, type Issued } from './spot.ts';
import { DAY, HOUR, MINUTE, START } from './world.ts';

import {
  itemOf,
  leafUntil,
  namesOf,
  NEXT_FILE_LOOK,
  NEXT_LOOK,
  plantOf,
  ROLLOUT,
  serverAt,
  someday,
  steady,
  type Plant,
} from './plant.ts';

/** What goes wrong on a day: it is told as soon as a look or an enricher shows it. */
export const EVENTS: readonly Plant[] = [
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
        for (const spot of estate.spots.slice(1)) {
          world.change(spot, { served: [next, world.known(world.corporateCa)] });
        }
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
  plantOf(
    'name-lost',
    'a renewal that no longer holds one of the names',
    'renewal-regression',
    'warning',
    'at the next look',
    { withinMs: NEXT_FILE_LOOK },
    (world, name) => {
      const at = someday(world);
      const file = world.file(`/etc/${name}/site.pem`);
      const issue = (startAt: number, names: readonly string[]): Issued =>
        world.issue(world.corporateCa, startAt, 398 * DAY, { names, extendedKeyUsage: ['serverAuth'] });
      const [first, second] = [`${name}.example.com`, `www.${name}.example.com`];
      const [old, next] = [issue(at - 300 * DAY, [first, second]), issue(at, [first])];
      for (const spot of file.spots) {
        world.change(spot, { items: [itemOf(old, 'server')] });
        world.at(at, () => world.change(spot, { items: [itemOf(next, 'server')] }));
      }
      return { at, places: namesOf(file) };
    },
  ),
  plantOf(
    'renewal-stopped',
    'Bazel 2025: the automatic renewal no longer runs, long before the end',
    'renewal-overdue',
    'warning',
    '7 d after the window of the CA',
    { withinMs: 0 },
    (world, name) => {
      const endAt = someday(world, 150, 320);
      const own = leafUntil(world, name, endAt, 200 * DAY);
      const windowEndAt = own.endAt - 65 * DAY;
      const estate = serverAt(world, name, [own, world.known(world.corporateCa)]);
      void world.learn(own.id, {
        kind: 'renewal',
        at: START,
        startAt: windowEndAt - 4 * DAY,
        endAt: windowEndAt,
      });
      return { at: windowEndAt + 7 * DAY, places: namesOf(estate) };
    },
  ),
];
