import type { Item } from '../../../src/plugin/item.ts';
import { createAuthority, createCrl } from '../pki.ts';
import { issuedOf } from './spot.ts';
import { DAY, HOUR, MINUTE, START } from './world.ts';

import {
  authorityUntil,
  itemOf,
  leafUntil,
  namesOf,
  plantOf,
  serverAt,
  someday,
  steady,
  type Make,
  type Plant,
} from './plant.ts';

/** What ends while nobody renews it: time alone decides when it is told. */
export const ENDINGS: readonly Plant[] = [
  plantOf(
    'yearly-forgotten',
    'Starlink 2023, Megaphone 2022, Ericsson 2018',
    'expiring',
    'warning',
    '30 d before the end',
    { beforeMs: 30 * DAY },
    serverUntil(398 * DAY, 40),
  ),
  plantOf(
    'yearly-last-week',
    'the same, not acted on',
    'expiring',
    'critical',
    '7 d before the end',
    { beforeMs: 7 * DAY },
    serverUntil(398 * DAY, 40),
  ),
  plantOf(
    'quarterly-forgotten',
    'Bazel 2021, 2022, 2025',
    'expiring',
    'warning',
    '22.5 d before the end',
    { beforeMs: 22.5 * DAY },
    serverUntil(90 * DAY, 60),
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
    serverUnderEndingAuthority({ addresses: 2 }, 200, 520),
  ),
  plantOf(
    'intermediate-last-month',
    'the same, not acted on',
    'expiring',
    'critical',
    '30 d before the end',
    { beforeMs: 30 * DAY },
    serverUnderEndingAuthority({}, 60),
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
      for (const spot of estate.spots) {
        world.change(spot, { items: [itemOf(leafUntil(world, name, at, 3650 * DAY), 'signer')] });
      }
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
      for (const spot of estate.spots) {
        world.change(spot, { items: [itemOf(leafUntil(world, name, at - 580 * DAY, 365 * DAY), 'server')] });
      }
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
      for (const spot of estate.spots) {
        world.change(spot, { items: [itemOf(issuedOf(ca.certificate.der), 'trust-anchor')] });
      }
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
];

/** A server whose certificate lives so long and is not renewed; it ends at least so many days after the beginning. */
function serverUntil(lifetimeMs: number, fromDay: number): Make {
  return (world, name) => {
    const at = someday(world, fromDay);
    const own = leafUntil(world, name, at, lifetimeMs);
    return { at, places: namesOf(serverAt(world, name, [own, world.known(world.corporateCa)])) };
  };
}

/** A server whose certificate outlives the authority that issued it. */
function serverUnderEndingAuthority(options: { readonly addresses?: number }, fromDay: number, toDay?: number): Make {
  return (world, name) => {
    const at = someday(world, fromDay, toDay);
    const above = authorityUntil(world, name, at);
    const own = world.issue(above, START - 10 * DAY, 900 * DAY, {
      names: [`${name}.example.com`],
      extendedKeyUsage: ['serverAuth'],
    });
    return { at, places: namesOf(serverAt(world, name, [own, issuedOf(above.certificate.der)], options)) };
  };
}
