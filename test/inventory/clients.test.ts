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

/** A file whose certificates say where they are used. */
function used(
  location: string,
  item: KnownCertificate,
  role: 'client' | 'trust-anchor',
  ...ids: readonly string[]
): Location {
  const usedBy = ids.map((id) => ({ type: 'endpoint' as const, id }));
  return fileLocation([sighting(item, { role, usedBy })], { location });
}

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

describe('a client whose place says where it is used', () => {
  const admin = leaf('admin', { left: 30 * DAY });

  test.each<[string, string]>([
    ['the target', 'api.example.com:8443'],
    ['the target in another way', 'https://API.example.com:8443/'],
    ['the address', '10.0.0.7:8443'],
  ])('is joined to the endpoint by %s', (_, id) => {
    const clients = clientOutlooks([used('/root/.kube/config', admin, 'client', id), endpoint('a')]);
    expect(lines(clients.referenced)).toEqual(['(admin)@a unspecified - 30d admin']);
    expect([...clients.of(admin.id)]).toEqual(clients.referenced);
    expect(clients.referenced[0]?.by).toBe('reference');
  });

  test('is known at an endpoint that nobody looks at as well', () => {
    const clients = clientOutlooks([used('/root/.kube/config', admin, 'client', 'other.example.com')]);
    expect(lines(clients.referenced)).toEqual(['(admin)@other.example.com:443 unspecified - 30d admin']);
    expect(clients.referenced[0]?.endpoint).toEqual({ source: 'disk', location: 'other.example.com:443' });
  });

  test('is there once: neither beside what the config shows there nor among those whose issuer is named', () => {
    const at = endpoint('a', [ISSUING]);
    const kubeconfig = used('/root/.kube/config', admin, 'client', 'api.example.com:8443');
    const clients = clientOutlooks([at, kubeconfig]);
    expect(lines(clients.of(admin.id))).toEqual(['(admin)@a named - 30d admin']);
    expect(lines(clients.foundAt(at))).toEqual(['(admin)@a named - 30d admin']);
    expect(lines(clients.found(NOW))).toEqual([]);
    const shown = showing(at, 'kube', [admin], { status: 'accepted' });
    expect(lines(clientOutlooks([shown, kubeconfig]).of(admin.id))).toEqual(['kube@a named accepted 30d admin']);
  });
});

describe('a trust store that is known', () => {
  const ends = root('Example Root', { left: 9 * DAY });
  const billing = [leaf('billing', { left: 60 * DAY }), authority()] as const;
  const store = (...anchors: readonly KnownCertificate[]): readonly Location[] =>
    anchors.map((anchor, index) => used(`/etc/ca-${index}.pem`, anchor, 'trust-anchor', 'api.example.com:8443'));

  test.each<[string, readonly Location[], string]>([
    ['ends the logins under a root that ends first', store(ends), '9d Example Root'],
    [
      'goes on while a successor of the root is there',
      store(ends, root('Example Root', { id: 'next' })),
      '60d billing',
    ],
    [
      'says nothing where another endpoint is meant',
      [used('/x', ends, 'trust-anchor', 'pay.example.com')],
      '60d billing',
    ],
    ['says nothing by roots of others', store(root('Other Root', { left: DAY })), '60d billing'],
    ['says nothing by a certificate that issues nothing', store(leaf('Example Root', { left: DAY })), '60d billing'],
    [
      'says nothing by a namesake with another key',
      store(root('Example Root', { left: 9 * DAY, subjectKeyId: 'bb' })),
      '60d billing',
    ],
  ])('%s', (_, stores, expected) => {
    const chain = [billing[0], authority('Example Issuing CA', { authorityKeyId: 'aa' })];
    const at = showing(endpoint('a'), 'billing', chain, { status: 'accepted' });
    expect(lines(clientOutlooks([at, ...stores]).configured)).toEqual([`billing@a unspecified accepted ${expected}`]);
  });

  test('counts for clients that were found as well, with what is known above them', () => {
    const all = [endpoint('a', [ISSUING]), file('/etc/ssl/billing.pem', billing), ...store(ends)];
    expect(lines(clientOutlooks(all).found(NOW))).toEqual(['(billing)@a named - 9d Example Root']);
  });
});
