import { beforeEach, describe, expect, it } from 'vitest';

import { googleCas } from '../../../collectors/google-cas/index.ts';
import type { Collector } from '../../../src/plugin/collector.ts';
import type { Observation } from '../../../src/plugin/observation.ts';
import { collect } from '../../contract/collector.ts';
import {
  base64,
  describeRestList,
  googleDenied,
  itemsOf,
  knownOf,
  lookAt,
  NOW,
  permissionsOf,
  restContext,
} from '../../contract/rest-collector.ts';
import { type FakeRest, googleList, json, useFakeRest, useMachineIdentity } from '../../helpers/fake-rest.ts';
import { createAuthority } from '../../helpers/pki.ts';

const collector = googleCas as unknown as Collector;
useMachineIdentity();

const root = createAuthority({ name: 'Root' });
const issuing = createAuthority({ name: 'Issuing', parent: root });
const PROJECT = 'my-project-1';
const POOL = `projects/${PROJECT}/locations/europe-west1/caPools/clients`;
const PATH = `/v1/projects/${PROJECT}/locations/-/caPools/-/certificateAuthorities`;

function authority(name: string, changes: object = {}): object {
  return {
    name: `${POOL}/certificateAuthorities/${name}`,
    state: 'ENABLED',
    pemCaCertificates: [issuing.certificate.pem, root.certificate.pem],
    ...changes,
  };
}

describeRestList(
  collector,
  { projects: [PROJECT] },
  {
    target: PROJECT,
    path: PATH,
    pageParameter: 'pageToken',
    denied: googleDenied('privateca.certificateAuthorities.list'),
    remedy: 'Grant privateca.certificateAuthorities.list',
    fill: (fake) => {
      const all = ['one', 'two', 'three'].map((name) => authority(name));
      fake.routes.set(PATH, googleList(fake, 'certificateAuthorities', all));
      return [`${POOL}/certificateAuthorities/one`];
    },
  },
);

describe('what it sees', () => {
  const fake = useFakeRest();
  const look = (): Promise<Observation[]> =>
    lookAt(collector, { projects: [PROJECT], endpoint: fake.url }, { key: PROJECT });
  const set = (...items: readonly object[]): void => {
    fake.routes.set(PATH, googleList(fake, 'certificateAuthorities', items));
  };

  it('gives an authority its own certificate and those above it, in its own words about its end', async () => {
    // The purge time of a deleted authority is no end of a certificate.
    set(authority('one', { expireTime: '2026-11-24T00:00:00Z', labels: { owner: 'pki' } }));

    const observations = await look();

    expect(itemsOf(observations)).toEqual({
      [`${POOL}/certificateAuthorities/one`]: [
        {
          kind: 'certificate',
          der: base64(issuing.certificate),
          place: { key: 'certificate' },
          role: 'issuer',
          renewal: { mode: 'manual' },
          usedBy: [{ type: 'gcp', id: POOL }],
        },
        { kind: 'certificate', der: base64(root.certificate), place: { key: 'chain', index: 0 }, role: 'trust-anchor' },
      ],
    });
    expect(observations[0]?.labels).toEqual({ owner: 'pki' });
  });

  it.each([
    ['DELETED', { gone: true, items: [] }],
    ['DISABLED', { labels: { state: 'disabled' } }],
    ['A_STATE_OF_TOMORROW', { labels: { state: 'a_state_of_tomorrow' } }],
  ])('knows what %s means', async (state, expected) => {
    set(authority('one', { state }));

    expect((await look())[0]).toMatchObject(expected);
  });

  it('finds nothing that ends in one that waits to be activated, and a problem in one that has lost its certificate', async () => {
    set(
      authority('one', { state: 'AWAITING_USER_ACTIVATION', pemCaCertificates: [] }),
      authority('two', { pemCaCertificates: [] }),
    );

    expect(await look()).toMatchObject([
      { items: [], problems: [] },
      { items: [], problems: [{ reason: 'empty' }] },
    ]);
  });
});

const DAY_MS = 86_400_000;
const inDays = (days: number): Date => new Date(NOW + days * DAY_MS);
const issuedIn = (region: string): string => `/v1/projects/${PROJECT}/locations/${region}/caPools/-/certificates`;
const ISSUED = issuedIn('europe-west1');

/** A certificate of the pool, as Google lists it. */
function issued(name: string, changes: { readonly begin?: Date; readonly end?: Date; readonly more?: object } = {}) {
  const { begin = inDays(-30), end = inDays(60), more = {} } = changes;
  const names = [`${name.replace(/-\d+$/, '')}.example.com`];
  const leaf = issuing.issue({ names, notBefore: begin, notAfter: end });
  return {
    name: `${POOL}/certificates/${name}`,
    pemCertificate: leaf.pem,
    certificateDescription: {
      subjectDescription: {
        subjectAltName: { dnsNames: names },
        hexSerialNumber: '0a1b',
        notBeforeTime: begin.toISOString(),
        notAfterTime: end.toISOString(),
      },
      certFingerprint: { sha256Hash: leaf.fingerprint },
    },
    labels: { owner: 'payments', tier: 'one' },
    ...more,
  };
}

/** As the service has it: the newest first, and none that the filter leaves out. */
function serveIssued(fake: FakeRest, path: string, items: readonly ReturnType<typeof issued>[]): void {
  fake.routes.set(path, (request) => {
    const since = /not_after_time>="([^"]+)"$/.exec(request.query.get('filter') ?? '')?.[1] ?? '9999';
    const open = items.filter(
      ({ certificateDescription: { subjectDescription } }) => subjectDescription.notAfterTime >= since,
    );
    return googleList(fake, 'certificates', open)(request);
  });
}

describeRestList(
  collector,
  { projects: [PROJECT], issued: true },
  {
    target: `${PROJECT}/issued`,
    path: ISSUED,
    isSecond: true,
    pageParameter: 'pageToken',
    denied: googleDenied('privateca.certificates.list'),
    remedy: 'Grant privateca.certificates.list',
    fill: (fake) => {
      fake.routes.set(PATH, googleList(fake, 'certificateAuthorities', [authority('one')]));
      serveIssued(
        fake,
        ISSUED,
        ['one', 'two', 'three'].map((name) => issued(name)),
      );
      return [`${POOL}/certificates/one`];
    },
  },
);

describe('what the pools have issued', () => {
  const fake = useFakeRest();
  beforeEach(() => {
    const elsewhere = POOL.replace('europe-west1', 'us-central1');
    fake.routes.set(
      PATH,
      googleList(fake, 'certificateAuthorities', [
        authority('one'),
        authority('two'),
        { ...authority('three'), name: `${elsewhere}/certificateAuthorities/three`, state: 'DELETED' },
      ]),
    );
    fake.routes.set(issuedIn('us-central1'), googleList(fake, 'certificates', []));
  });
  const look = (options: object = {}, known?: ReturnType<typeof knownOf>): Promise<Observation[]> =>
    lookAt(
      collector,
      { projects: [PROJECT], issued: true, endpoint: fake.url, ...options },
      { key: `${PROJECT}/issued` },
      known,
    );
  const namesOf = (observations: readonly Observation[]): readonly string[] =>
    observations.map(({ location }) => location.slice(location.lastIndexOf('/') + 1));

  it('is a target of its own, and only where the source asks for it', async () => {
    for (const [options, keys] of [
      [{}, [PROJECT]],
      [{ issued: true }, [PROJECT, `${PROJECT}/issued`]],
    ] as const) {
      const instance = await collector.create(
        collector.options.parse({ projects: [PROJECT], ...options }),
        restContext(),
      );
      const targets = await collect(instance.discover(new AbortController().signal));
      expect(targets.map(({ key }) => key)).toEqual(keys);
    }
  });

  it('is read in every region with an authority, each certificate itself, with its labels', async () => {
    const web = issued('web');
    serveIssued(fake, ISSUED, [web]);

    const observations = await look();

    expect(itemsOf(observations)).toEqual({
      [web.name]: [
        {
          kind: 'certificate',
          der: expect.any(String) as unknown,
          place: { key: 'certificate' },
          role: 'server',
          renewal: { mode: 'unknown' },
        },
      ],
    });
    expect(observations[0]).toMatchObject({ labels: { owner: 'payments' }, problems: [] });
    expect(fake.requests.map(({ path }) => path)).toEqual([PATH, ISSUED, issuedIn('us-central1')]);
  });

  it('leaves out what was revoked, what lives for hours, and what has a successor', async () => {
    serveIssued(fake, ISSUED, [
      issued('twice-2', { begin: inDays(-1), end: inDays(89) }),
      issued('stolen-2', {
        more: { revocationDetails: { revocationState: 'KEY_COMPROMISE', revocationTime: inDays(-1).toISOString() } },
      }),
      issued('stolen-1', { end: inDays(20) }),
      issued('pod', { begin: inDays(-0.5), end: inDays(0.5) }),
      issued('twice-1', { end: inDays(5) }),
      issued('elsewhere', {
        end: inDays(5),
        more: { name: `${POOL.replace('clients', 'servers')}/certificates/twice-0` },
      }),
    ]);

    // A revoked certificate is nobody's successor.
    expect(namesOf(await look())).toEqual(['twice-2', 'stolen-1', 'twice-0']);
    expect(namesOf(await look({ ignore_lifetime_under: '1h' }))).toContain('pod');
  });

  it('tells of what has ended for a while, and then has Google leave it out', async () => {
    serveIssued(fake, ISSUED, [
      issued('lately', { end: inDays(-3) }),
      issued('long-ago', { begin: inDays(-400), end: inDays(-30) }),
    ]);

    expect(namesOf(await look())).toEqual(['lately']);
    expect(fake.requests[1]?.query.get('filter')).toBe(
      'certificate_description.subject_description.not_after_time>="2026-11-16T12:00:00.000Z"',
    );
    expect(namesOf(await look({ keep_ended: '60d' }))).toEqual(['lately', 'long-ago']);
  });

  it('reads a certificate once', async () => {
    serveIssued(fake, ISSUED, [issued('web')]);
    const first = await look();

    expect(await look({}, knownOf(first))).toEqual([
      { location: `${POOL}/certificates/web`, version: first[0]?.version, unchanged: true, items: [], problems: [] },
    ]);

    serveIssued(fake, ISSUED, [issued('web', { more: { labels: { owner: 'search' } } })]);
    expect((await look({}, knownOf(first)))[0]).toMatchObject({ labels: { owner: 'search' } });
  });

  it('knows the certificate of an authority below, and by its description one whose content is not there', async () => {
    serveIssued(fake, ISSUED, [
      issued('below', {
        more: {
          pemCertificate: issuing.certificate.pem,
          certificateDescription: {
            subjectDescription: { notAfterTime: inDays(60).toISOString() },
            x509Description: { caOptions: { isCa: true } },
          },
        },
      }),
      issued('bare', { more: { pemCertificate: undefined } }),
    ]);

    expect((await look()).flatMap(({ items }) => items)).toMatchObject([
      { kind: 'certificate', role: 'intermediate' },
      { kind: 'described', names: ['bare.example.com'], serial: '0a1b', notAfter: inDays(60), role: 'unknown' },
    ]);
  });

  it('keeps what one region gives when another may not be asked, and says so', async () => {
    serveIssued(fake, ISSUED, [issued('web')]);
    fake.intercept = ({ path }) =>
      path === issuedIn('us-central1') ? googleDenied('privateca.certificates.list') : undefined;

    const [web, gap] = await look();

    expect(web?.items).toHaveLength(1);
    expect(gap).toMatchObject({
      location: `google-cas:${PROJECT}/issued`,
      problems: [
        {
          reason: 'permission_denied',
          detail: expect.stringContaining('Grant privateca.certificates.list') as unknown,
        },
      ],
    });
  });

  it.each(['', '/issued'])(
    'keeps what lies in a region that Google could not ask from being withdrawn%s',
    async (part) => {
      fake.routes.set(
        PATH,
        googleList(fake, 'certificateAuthorities', [authority('one')], { unreachable: ['europe-west9'] }),
      );
      serveIssued(fake, ISSUED, []);
      const options = { projects: [PROJECT], issued: true, endpoint: fake.url };

      const observations = await lookAt(collector, options, { key: `${PROJECT}${part}` });

      expect(observations.at(-1)).toMatchObject({
        location: `google-cas:${PROJECT}${part}`,
        problems: [{ reason: 'partial', detail: expect.stringContaining('europe-west9') as unknown }],
      });
    },
  );

  it('asks no other region when it was told to slow down', async () => {
    fake.intercept = ({ path }) => (path === ISSUED ? json({}, 429) : undefined);

    expect(await look()).toMatchObject([{ problems: [{ reason: 'throttled' }] }]);
    expect(fake.requests).toHaveLength(2);
  });

  it('tries what it may call', async () => {
    serveIssued(fake, ISSUED, [issued('web')]);

    const options = { projects: [PROJECT], issued: true, endpoint: fake.url };
    expect(await permissionsOf(collector, options, `${PROJECT}/issued`)).toMatchObject([
      { action: 'privateca.certificateAuthorities.list', status: 'allowed' },
      { action: 'privateca.certificates.list', status: 'allowed' },
    ]);
  });
});
