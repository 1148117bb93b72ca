import { describe, expect, test } from 'vitest';

import { clientOutlooks, type ClientOutlook } from '../../src/inventory/clients.ts';
import type { KnownCertificate, Location } from '../../src/inventory/model.ts';
import {
  authority,
  DAY,
  described,
  endpointLocation,
  fileLocation,
  leaf,
  NOW,
  root,
  showing,
  sighting,
} from '../policy/places.ts';

const ISSUING = 'CN=Example Issuing CA,O=Example';
const ROOT = 'CN=Example Root,O=Example';

function endpoint(
  location: string,
  acceptableIssuers: readonly string[] = [],
): Location & { readonly endpoint: NonNullable<Location['endpoint']> } {
  const made = endpointLocation([leaf('server', { issuer: 'CN=Server CA' })], { location });
  return { ...made, endpoint: { ...made.endpoint, acceptableIssuers } };
}

function file(location: string, certificates: readonly KnownCertificate[]): Location {
  return fileLocation(
    certificates.map((item, index) =>
      sighting(item, { index, role: item.selfIssued ? 'trust-anchor' : item.isCa ? 'intermediate' : 'client' }),
    ),
    { location },
  );
}

/** `client@endpoint acceptance verdict day limit` */
function lines(outlooks: Iterable<ClientOutlook>): readonly string[] {
  return [...outlooks].map(({ client, name, endpoint: at, acceptance, verdict, outageAt, limitedBy }) =>
    [
      `${name ?? `(${client.title})`}@${at.location}`,
      acceptance,
      verdict?.status ?? '-',
      outageAt === null ? 'never' : `${Math.round((outageAt - NOW) / DAY)}d`,
      limitedBy.title,
    ].join(' '),
  );
}

describe('a configured client', () => {
  test.each<[string, readonly KnownCertificate[], string]>([
    ['ends with its leaf', [leaf('billing', { left: 20 * DAY }), authority()], '20d billing'],
    [
      'ends with its intermediate',
      [leaf('billing'), authority('Example Issuing CA', { left: 9 * DAY })],
      '9d Example Issuing CA',
    ],
    [
      'ends with the root that it sends',
      [leaf('billing'), authority(), root('Example Root', { left: 8 * DAY })],
      '8d Example Root',
    ],
    [
      'does not end with what is no issuer of it',
      [leaf('billing'), authority('Somebody Else', { left: 9 * DAY })],
      '60d billing',
    ],
    [
      'does not end with a namesake of its issuer',
      [
        leaf('billing', { authorityKeyId: 'aa' }),
        authority('Example Issuing CA', { left: 9 * DAY, subjectKeyId: 'bb' }),
      ],
      '60d billing',
    ],
    ['need not end', [leaf('billing', { notAfter: { status: 'never' } })], 'never billing'],
    [
      'may end at a date that cannot be read',
      [leaf('billing', { notAfter: { status: 'unreadable', text: 'x', problem: 'y' } })],
      'never billing',
    ],
  ])('%s', (_, presented, expected) => {
    const at = showing(endpoint('a'), 'billing', presented, { status: 'accepted' });
    expect(lines(clientOutlooks([at]).configured)).toEqual([`billing@a unspecified accepted ${expected}`]);
  });

  test.each([
    ['named', [ISSUING]],
    ['named', ['CN=Somebody', ROOT]],
    ['not-named', ['CN=Somebody']],
    ['unspecified', []],
  ])('is %s by the issuers %j', (acceptance, issuers) => {
    const at = showing(endpoint('a', issuers), 'billing', [leaf('billing'), authority()]);
    expect(clientOutlooks([at]).configured.map((outlook) => outlook.acceptance)).toEqual([acceptance]);
  });

  test('is one pair at each endpoint, with the verdict of that endpoint', () => {
    const presented = [leaf('billing')];
    const locations = [
      showing(endpoint('a'), 'billing', presented, { status: 'accepted' }),
      showing(endpoint('b'), 'billing', presented, { status: 'rejected' }),
      showing(showing(endpoint('c'), 'billing', presented), 'other', [leaf('other', { left: DAY })], {
        status: 'unknown',
      }),
    ];
    const clients = clientOutlooks(locations);
    expect(lines(clients.configured)).toEqual([
      'billing@a unspecified accepted 60d billing',
      'billing@b unspecified rejected 60d billing',
      'billing@c unspecified - 60d billing',
      'other@c unspecified unknown 1d other',
    ]);
    expect(lines(clients.of(leaf('billing').id))).toEqual(lines(clients.configured).slice(0, 3));
    expect(
      clients.homes(leaf('billing').id).map(({ location, sighting: { place } }) => `${location.location} ${place}`),
    ).toEqual(['a client/billing', 'b client/billing', 'c client/billing']);
  });
});

describe('a client certificate that was found', () => {
  test.each<[string, readonly Location[], readonly string[]]>([
    [
      'where its issuer is named',
      [file('/c.pem', [leaf('cron')]), endpoint('a', [ISSUING]), endpoint('b', [ROOT]), endpoint('c')],
      ['(cron)@a named - 60d cron'],
    ],
    [
      'through an intermediate that is known from anywhere',
      [file('/c.pem', [leaf('cron')]), file('/ca.pem', [authority()]), endpoint('b', [ROOT])],
      ['(cron)@b named - 60d cron'],
    ],
    [
      'and ends with that intermediate',
      [
        file('/c.pem', [leaf('cron')]),
        file('/ca.pem', [authority('Example Issuing CA', { left: 5 * DAY })]),
        endpoint('a', [ISSUING]),
      ],
      ['(cron)@a named - 5d Example Issuing CA'],
    ],
    [
      'and ends with the last of several of one name, for a CA that was renewed',
      [
        file('/c.pem', [leaf('cron')]),
        file('/old.pem', [authority('Example Issuing CA', { left: 5 * DAY, id: 'old' })]),
        file('/new.pem', [authority('Example Issuing CA', { left: 500 * DAY, id: 'new' })]),
        endpoint('a', [ISSUING]),
      ],
      ['(cron)@a named - 60d cron'],
    ],
    [
      'and does not end with a root, of which the server has its own copy',
      [
        file('/c.pem', [leaf('cron', { issuer: ROOT })]),
        file('/root.pem', [root('Example Root', { left: 5 * DAY })]),
        endpoint('a', [ROOT]),
      ],
      ['(cron)@a named - 60d cron'],
    ],
    [
      'but not what is only described',
      [fileLocation([sighting(described({ issuer: ISSUING }), { role: 'client' })]), endpoint('a', [ISSUING])],
      [],
    ],
    [
      'but no server certificate',
      [fileLocation([sighting(leaf('api'), { role: 'server' })]), endpoint('a', [ISSUING])],
      [],
    ],
    [
      'once, where two of its issuers are named',
      [file('/c.pem', [leaf('cron'), authority()]), endpoint('a', [ISSUING, ROOT])],
      ['(cron)@a named - 60d cron'],
    ],
    [
      'not where it is configured, by whatever name',
      [
        file('/c.pem', [leaf('cron')]),
        showing(endpoint('a', [ISSUING]), 'job', [leaf('cron')]),
        endpoint('b', [ISSUING]),
      ],
      ['(cron)@b named - 60d cron'],
    ],
    [
      'even above a loop of authorities',
      [
        file('/c.pem', [leaf('cron', { issuer: 'CN=A,O=Example' })]),
        file('/loop.pem', [authority('A', { issuer: 'CN=B,O=Example' }), authority('B', { issuer: 'CN=A,O=Example' })]),
        endpoint('b', ['CN=B,O=Example']),
      ],
      ['(cron)@b named - 60d cron'],
    ],
  ])('is joined %s', (_, locations, expected) => {
    const clients = clientOutlooks(locations);
    expect(lines(clients.found(0))).toEqual(expected);
    const cron = leaf('cron').id;
    expect(lines(clients.of(cron)).filter((line) => line.startsWith('('))).toEqual(expected);
    expect(locations.flatMap((location) => lines(clients.foundAt(location)))).toEqual(expected);
  });

  test('comes in the order of the ends, and not when it ended long ago', () => {
    const clients = clientOutlooks([
      file('/late.pem', [leaf('late', { left: 90 * DAY })]),
      file('/never.pem', [leaf('never', { notAfter: { status: 'never' } })]),
      file('/old.pem', [leaf('old', { left: -90 * DAY })]),
      file('/soon.pem', [leaf('soon', { left: DAY })]),
      endpoint('a', [ISSUING]),
    ]);
    const expected = ['(soon)@a named - 1d soon', '(late)@a named - 90d late', '(never)@a named - never never'];
    expect(lines(clients.found(NOW - DAY))).toEqual(expected);
    expect(lines(clients.foundAt(endpoint('a', [ISSUING])))).toEqual(['(old)@a named - -90d old', ...expected]);
  });
});

test('10 000 clients and 10 000 endpoints of one CA are joined without making their product', () => {
  const locations: Location[] = [file('/ca.pem', [authority()])];
  for (let index = 0; index < 10_000; index++) {
    locations.push(file(`/c${index}.pem`, [leaf(`client ${index}`, { left: index * DAY })]));
    locations.push(endpoint(`e${index}`, [ROOT, ISSUING]));
  }
  const before = performance.now();
  const clients = clientOutlooks(locations);
  const first = clients.found(NOW)[Symbol.iterator]().next().value as ClientOutlook;
  const elapsedMs = performance.now() - before;
  expect(lines([first])).toEqual(['(client 0)@e0 named - 0d client 0']);
  // A product would be 100 million pairs.
  expect(elapsedMs).toBeLessThan(5_000);
});
