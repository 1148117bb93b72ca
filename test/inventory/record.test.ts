import { describe, expect, test } from 'vitest';

import { chainFigures } from '../../src/certificate/chain.ts';
import { parseCertificate } from '../../src/certificate/certificate.ts';
import type { Location } from '../../src/inventory/model.ts';
import { applyFailure, applyObservation, failedTarget, type RecordMeta } from '../../src/inventory/record.ts';
import type { Item } from '../../src/plugin/item.ts';
import type { EndpointFacts, Observation, Problem } from '../../src/plugin/observation.ts';
import { createAuthority, createCrl, selfSigned, type TestCertificate } from '../helpers/pki.ts';

const META: RecordMeta = { source: 'disk', type: 'file', target: '/etc/ssl', labels: { owner: 'ops' } };
const NAME = '/etc/ssl/a.pem';
const [a, b, c] = [
  selfSigned({ commonName: 'a' }),
  selfSigned({ commonName: 'b' }),
  selfSigned({ commonName: 'c' }),
] as const;

function certificate({ der }: { der: Uint8Array }, key = 'p', index?: number): Item {
  return { kind: 'certificate', der, place: { key, ...(index === undefined ? {} : { index }) }, role: 'server' };
}

function observed(
  items: readonly Item[],
  problems: readonly Problem[] = [],
  more: Partial<Observation> = {},
): Observation {
  return { location: NAME, items, problems, ...more };
}

const BROKEN = { der: new Uint8Array([0x30, 0x82]) };

/** A location after these observations, one after another, a second apart. */
function after(...observations: readonly Observation[]): Location {
  let location: Location | undefined;
  for (const [index, observation] of observations.entries()) {
    location = { ...applyObservation(location, observation, META, (index + 1) * 1000).location, id: 7 };
  }
  if (location === undefined) throw new Error('at least one observation');
  return location;
}

const names = (location: Location): readonly string[] =>
  location.sightings.map(({ item, place }) => `${'title' in item ? item.title : item.kind}@${place}`).toSorted();

describe('a first look', () => {
  test('gives the location with its items, their DER, and the labels of all', () => {
    const observation = observed(
      [{ ...certificate(a), labels: { team: 'x' }, usedBy: [{ type: 'app', id: 'nginx' }] }],
      [],
      { version: 'v1', labels: { env: 'dev' } },
    );
    const { location, ders, touchOnly } = applyObservation(undefined, observation, META, 1000);
    expect(location).toMatchObject({
      id: 0,
      source: 'disk',
      type: 'file',
      target: '/etc/ssl',
      location: NAME,
      version: 'v1',
      labels: { owner: 'ops', env: 'dev' },
      firstSeenAt: 1000,
      lastLookAt: 1000,
      lastSuccessAt: 1000,
      failures: 0,
      problems: [],
      sightings: [
        {
          place: 'p',
          index: 0,
          role: 'server',
          firstSeenAt: 1000,
          lastSeenAt: 1000,
          labels: { team: 'x' },
          usedBy: [{ type: 'app', id: 'nginx' }],
        },
      ],
    });
    expect(location).not.toHaveProperty('failure');
    expect([...ders]).toEqual([[a.fingerprint, a.der]]);
    expect(touchOnly).toBe(false);
  });

  test('that fails as a whole gives the location with its failure and no success', () => {
    const { location } = applyObservation(
      undefined,
      observed([], [{ reason: 'empty', detail: 'it is empty' }]),
      META,
      1000,
    );
    expect(location).toMatchObject({
      failure: { reason: 'empty', detail: 'it is empty' },
      failures: 1,
      sightings: [],
      problems: [],
    });
    expect(location).not.toHaveProperty('lastSuccessAt');
  });

  test('cannot be unchanged: a collector that says so is at fault', () => {
    const { location } = applyObservation(undefined, observed([], [], { unchanged: true }), META, 1000);
    expect(location).toMatchObject({ failure: { reason: 'internal' }, failures: 1 });
  });
});

describe('a further look', () => {
  test('keeps id and first-seen times, moves last-seen times, ends what it does not yield and adds what is new', () => {
    const location = after(observed([certificate(a), certificate(b)]), observed([certificate(b), certificate(c)]));
    expect(location).toMatchObject({ id: 7, firstSeenAt: 1000, lastLookAt: 2000, lastSuccessAt: 2000 });
    expect(location.sightings.map(({ item, firstSeenAt, lastSeenAt }) => [item.id, firstSeenAt, lastSeenAt])).toEqual([
      [b.fingerprint, 1000, 2000],
      [c.fingerprint, 2000, 2000],
    ]);
  });

  test('gives the DER only of what was not known there', () => {
    const { ders } = applyObservation(
      after(observed([certificate(a)])),
      observed([certificate(a), certificate(b)]),
      META,
      2000,
    );
    expect([...ders.keys()]).toEqual([b.fingerprint]);
  });

  test('gives the DER of what was only described there before', () => {
    const described: Item = {
      kind: 'described',
      sha256: a.fingerprint,
      notAfter: 'unknown',
      place: { key: 'p' },
      role: 'server',
    };
    const { ders } = applyObservation(after(observed([described])), observed([certificate(a)]), META, 2000);
    expect([...ders.keys()]).toEqual([a.fingerprint]);
  });

  test('tells one item at two places apart, and at one place once', () => {
    expect(names(after(observed([certificate(a, 'x'), certificate(a, 'y'), certificate(a, 'y')])))).toEqual([
      'a@x',
      'a@y',
    ]);
  });

  test('forgets labels, problems and facts that it does not give any more', () => {
    const first = observed([], [{ reason: 'partial', place: 'x', detail: 'd' }], {
      labels: { env: 'dev' },
      version: 'v1',
    });
    const location = after(first, observed([]));
    expect(location.labels).toEqual({ owner: 'ops' });
    expect(location.problems).toEqual([]);
    expect(location).not.toHaveProperty('version');
  });
});

test('an item that a list names twice counts where it comes first', () => {
  const { sightings } = after(observed([certificate(a, 'x', 0), certificate(b, 'x', 1), certificate(a, 'x', 2)]));
  expect(sightings.map(({ index }) => index)).toEqual([0, 1]);
});

describe('a place with a problem', () => {
  const problem = (place: string): Problem => ({ reason: 'wrong_password', place, detail: 'no password opens it' });
  const first = observed([certificate(a, 'x'), certificate(b, 'x/inner'), certificate(c, 'xy')]);

  test.each<[string, readonly string[]]>([
    ['x', ['a@x', 'b@x/inner']],
    ['x/inner', ['b@x/inner']],
    ['xy', ['c@xy']],
    ['other', []],
  ])('%s keeps what was last known of it and of what is below it', (place, kept) => {
    const location = after(first, observed([], [problem(place)]));
    expect(names(location)).toEqual(kept);
    expect(location).toMatchObject({ failures: 0, lastSuccessAt: 2000, problems: [problem(place)] });
    for (const sighting of location.sightings) expect(sighting).toMatchObject({ firstSeenAt: 1000, lastSeenAt: 1000 });
  });

  test('does not keep what something else has taken the place of', () => {
    const renewed = selfSigned({ commonName: 'a renewed' });
    const before = observed([certificate(a, 'bundle', 0), certificate(b, 'bundle', 1), certificate(c, 'bundle', 2)]);
    const now = observed([certificate(renewed, 'bundle', 0), certificate(c, 'bundle', 2)], [problem('bundle')]);
    expect(names(after(before, now))).toEqual(['a renewed@bundle', 'b@bundle', 'c@bundle']);
  });

  test('keeps all it had when its items have no numbers', () => {
    expect(
      names(after(observed([certificate(a), certificate(b)]), observed([certificate(c)], [problem('p')]))),
    ).toEqual(['a@p', 'b@p', 'c@p']);
  });

  test('has an item that cannot be parsed', () => {
    const location = after(
      observed([certificate(a, 'x'), certificate(b, 'y')]),
      observed([certificate(BROKEN, 'x', 4), { kind: 'crl', der: BROKEN.der, place: { key: 'z' }, role: 'issuer' }]),
    );
    expect(names(location)).toEqual(['a@x']);
    expect(location.problems).toEqual([
      {
        reason: 'malformed',
        place: 'x',
        detail: expect.stringMatching(/^certificate number 5: not a certificate/) as string,
      },
      {
        reason: 'malformed',
        place: 'z',
        detail: expect.stringMatching(/^revocation list: not a revocation list/) as string,
      },
    ]);
    expect(location.failures).toBe(0);
  });
});

describe('a look that fails as a whole', () => {
  const failure: Problem = { reason: 'permission_denied', detail: 'not allowed' };
  const good = observed([certificate(a)], [{ reason: 'partial', place: 'x', detail: 'd' }], {
    version: 'v1',
    labels: { env: 'dev' },
  });

  test('keeps what was last known, counts, and forgets the version so that the next look reads it all', () => {
    const location = after(good, observed([], [failure]), observed([], [failure]));
    expect(location).toMatchObject({
      failure,
      failures: 2,
      lastLookAt: 3000,
      lastSuccessAt: 1000,
      labels: { owner: 'ops', env: 'dev' },
      problems: [{ reason: 'partial', place: 'x' }],
      sightings: [{ firstSeenAt: 1000, lastSeenAt: 1000 }],
    });
    expect(location).not.toHaveProperty('version');
  });

  test('is over with the first success', () => {
    const location = after(good, observed([], [failure]), good);
    expect(location).toMatchObject({
      failures: 0,
      lastSuccessAt: 3000,
      version: 'v1',
      sightings: [{ firstSeenAt: 1000, lastSeenAt: 3000 }],
    });
    expect(location).not.toHaveProperty('failure');
  });

  test('adds what was seen all the same, and ends nothing', () => {
    const location = after(good, observed([certificate(b)], [failure]));
    expect(names(location)).toEqual(['a@p', 'b@p']);
    expect(location.failures).toBe(1);
  });

  test('comes to the same when the host tells of it', () => {
    const previous = after(good);
    const told = applyFailure(previous, failure, 2000);
    expect(told).toEqual({ location: after(good, observed([], [failure])), ders: new Map(), touchOnly: false });
  });

  test('of a target that was never reached stands for its locations', () => {
    const first = failedTarget(META, { reason: 'dns', detail: 'x' }, 1000).location;
    expect(first).toMatchObject({
      id: 0,
      location: '/etc/ssl',
      target: '/etc/ssl',
      failures: 1,
      firstSeenAt: 1000,
      lastLookAt: 1000,
      sightings: [],
    });
    expect(first).not.toHaveProperty('lastSuccessAt');
    expect(applyFailure(first, { reason: 'dns', detail: 'x' }, 2000).location).toMatchObject({
      failures: 2,
      firstSeenAt: 1000,
    });
  });
});

describe('touchOnly', () => {
  const items = [certificate(a, 'x', 0), certificate(b, 'x', 1)];
  const good = observed(items, [{ reason: 'partial', place: 'y', detail: 'd' }], { version: 'v1' });
  const again = (observation: Observation, previous = after(good)): boolean =>
    applyObservation(previous, observation, META, 9000).touchOnly;

  test.each<[string, Observation]>([
    ['the same is seen again', good],
    ['the same is seen in another order', { ...good, items: items.toReversed() }],
    ['nothing changed', observed([], [], { unchanged: true, version: 'v1' })],
  ])('is true when %s', (_, observation) => {
    expect(again(observation)).toBe(true);
    expect(applyObservation(after(good), observation, META, 9000).location).toMatchObject({
      lastLookAt: 9000,
      lastSuccessAt: 9000,
      sightings: [{ lastSeenAt: 9000 }, { lastSeenAt: 9000 }],
    });
  });

  test.each<[string, Observation]>([
    ['the version', { ...good, version: 'v2' }],
    ['a label', { ...good, labels: { env: 'prod' } }],
    ['a problem', { ...good, problems: [{ reason: 'partial', place: 'y', detail: 'other' }] }],
    ['the items', { ...good, items: items.slice(1) }],
    ['the number of an item', { ...good, items: [certificate(a, 'x', 0), certificate(b, 'x', 2)] }],
    ['the role of an item', { ...good, items: items.map((item) => ({ ...item, role: 'client' as const })) }],
    ['the endpoint', { ...good, endpoint: facts([]) }],
    ['that it failed', observed([], [{ reason: 'empty', detail: 'd' }])],
  ])('is false when %s changed', (_, observation) => {
    expect(again(observation)).toBe(false);
  });

  test('is false for the first look, and for the first success after a failure, unchanged or not', () => {
    expect(applyObservation(undefined, good, META, 1000).touchOnly).toBe(false);
    const failing = { ...after(good), failures: 1, failure: { reason: 'timeout' as const, detail: 'd' } };
    expect(again(good, failing)).toBe(false);
    expect(again(observed([], [], { unchanged: true }), failing)).toBe(false);
  });

  test('is false when a label of the source is new', () => {
    const meta = { ...META, labels: { ...META.labels, env: 'prod' } };
    const { location, touchOnly } = applyObservation(after(good), observed([], [], { unchanged: true }), meta, 9000);
    expect(touchOnly).toBe(false);
    expect(location.labels).toEqual({ owner: 'ops', env: 'prod' });
  });
});

describe('an unchanged look', () => {
  test('is a success that keeps items, problems, labels and version', () => {
    const problem: Problem = { reason: 'wrong_password', place: 'y', detail: 'd' };
    const hidden = after(
      observed([certificate(a, 'x'), certificate(b, 'y')]),
      observed([certificate(a, 'x'), certificate(c, 'y')], [problem], { labels: { env: 'dev' }, version: 'v2' }),
    );
    const { location } = applyObservation(hidden, observed([], [], { unchanged: true, version: 'v2' }), META, 3000);
    expect(location).toMatchObject({
      labels: { owner: 'ops', env: 'dev' },
      version: 'v2',
      problems: [problem],
      failures: 0,
      lastSuccessAt: 3000,
    });
    // What hides behind the problem was not seen.
    expect(location.sightings.map(({ item, lastSeenAt }) => [item.id, lastSeenAt])).toEqual([
      [a.fingerprint, 3000],
      [c.fingerprint, 3000],
      [b.fingerprint, 1000],
    ]);
  });
});

function facts(chain: readonly TestCertificate[]): EndpointFacts {
  return {
    address: '10.0.0.7',
    port: 443,
    handshake: 'hello',
    chain: chain.map(({ fingerprint }) => fingerprint),
    acceptableIssuers: [],
    verdicts: [],
  };
}

describe('an endpoint', () => {
  const day = 86_400_000;
  const root = createAuthority({ name: 'Root' });
  const short = createAuthority({ name: 'Short-lived CA', parent: root, days: 20 });
  const leaf = short.issue({ names: ['api.example.com'] });
  const meta = (anchors: readonly TestCertificate[]): RecordMeta => ({
    ...META,
    type: 'endpoint',
    chains: (served) => chainFigures(served, { anchors: anchors.map(({ der }) => parseCertificate(der)) }),
  });
  const serving = (...chain: readonly TestCertificate[]): Observation =>
    observed(
      chain.map((one, index) => certificate(one, 'chain', index)),
      [],
      { location: 'api:443@10.0.0.7', endpoint: facts(chain) },
    );

  test('has the figures of its chain, judged from what was served in that order', () => {
    const { location } = applyObservation(undefined, serving(leaf, short.certificate), meta([root.certificate]), 1000);
    expect(location.chain?.leaf.by).toBe(leaf.fingerprint);
    expect(location.chain?.effective.by).toBe(short.certificate.fingerprint);
    expect(location.chain?.effective.at).toBeCloseTo(Date.now() + 20 * day, -5);
    expect(location.chain?.bestPathItems).toEqual(
      [leaf, short.certificate, root.certificate].map(({ fingerprint }) => fingerprint),
    );
    expect(location.chain).not.toHaveProperty('limitedBy');
  });

  test('keeps what limits it though it was not served, as a known certificate', () => {
    const anchor = createAuthority({ name: 'Old Root', days: 5 });
    const own = anchor.issue({ names: ['b.example.com'] });
    const { location } = applyObservation(undefined, serving(own), meta([anchor.certificate]), 1000);
    expect(location.chain?.limitedBy).toMatchObject({
      kind: 'certificate',
      id: anchor.certificate.fingerprint,
      title: 'Old Root',
    });
  });

  test('has no figures when the leaf cannot be parsed, and leaves out others that cannot', () => {
    const brokenFirst = observed([certificate(BROKEN, 'chain', 0), certificate(leaf, 'chain', 1)], [], {
      endpoint: { ...facts([]), chain: ['0'.repeat(64), leaf.fingerprint] },
    });
    expect(applyObservation(undefined, brokenFirst, meta([]), 1000).location).not.toHaveProperty('chain');
    const brokenLast = observed([certificate(leaf, 'chain', 0), certificate(BROKEN, 'chain', 1)], [], {
      endpoint: { ...facts([]), chain: [leaf.fingerprint, '0'.repeat(64)] },
    });
    expect(applyObservation(undefined, brokenLast, meta([]), 1000).location.chain?.leaf.by).toBe(leaf.fingerprint);
  });

  test('keeps its facts and figures while it cannot be reached', () => {
    const reached = applyObservation(
      undefined,
      serving(leaf, short.certificate),
      meta([root.certificate]),
      1000,
    ).location;
    const lost = applyObservation(
      reached,
      { location: reached.location, items: [], problems: [{ reason: 'refused', detail: 'x' }] },
      meta([]),
      2000,
    ).location;
    expect(lost.chain).toEqual(reached.chain);
    expect(lost.endpoint).toEqual(reached.endpoint);
    expect(lost.sightings).toEqual(reached.sightings);
  });

  test('is only touched when it serves the same chain again', () => {
    const first = applyObservation(
      undefined,
      serving(leaf, short.certificate),
      meta([root.certificate]),
      1000,
    ).location;
    expect(applyObservation(first, serving(leaf, short.certificate), meta([root.certificate]), 2000).touchOnly).toBe(
      true,
    );
    expect(applyObservation(first, serving(leaf), meta([root.certificate]), 2000).touchOnly).toBe(false);
  });
});

test('text from outside is made harmless on its way in', () => {
  const nasty = 'x\r\n\u202ey';
  const items: readonly Item[] = [
    {
      ...certificate(a, nasty),
      labels: { l: nasty },
      usedBy: [{ type: 'app', id: nasty }],
      key: { at: nasty, match: 'yes' },
      renewal: { mode: 'manual', stuck: nasty, due: new Date(Number.NaN) },
    },
  ];
  const endpoint: EndpointFacts = {
    ...facts([]),
    alpn: nasty,
    acceptableIssuers: [nasty],
    transcript: [nasty],
    verdicts: [{ client: null, name: null, status: 'rejected', reason: nasty, evidence: nasty }],
  };
  const { location } = applyObservation(
    undefined,
    observed(items, [{ reason: 'partial', place: nasty, detail: nasty }], { labels: { l: nasty }, endpoint }),
    META,
    1000,
  );
  expect(JSON.stringify(location)).not.toMatch(/\\[rn]|\u202e/);
  expect(location.sightings[0]).toMatchObject({ place: 'x y', renewal: { mode: 'manual', stuck: 'x y' } });
  expect(location.sightings[0]?.renewal).not.toHaveProperty('dueAt');
});

describe('what passed on the wire', () => {
  const lines = ['> ClientHello (1)', '< alert 40 handshake_failure'];
  const look = (transcript: readonly string[], problems: readonly Problem[] = []): Observation =>
    observed([], problems, { endpoint: { ...facts([]), transcript } });
  const first = applyObservation(undefined, look(lines), META, 1000);

  test('is kept apart from the location, and a look that gives the same again writes nothing', () => {
    expect(first.transcript).toEqual(lines);
    expect(first.location.endpoint).not.toHaveProperty('transcript');
    expect(applyObservation(first.location, look(lines), META, 2000).touchOnly).toBe(true);
    expect(applyObservation(first.location, look([...lines, '> more']), META, 2000).touchOnly).toBe(false);
  });

  test('is that of the last look, also when that failed', () => {
    const failed = applyObservation(
      first.location,
      look(['> ClientHello (1)'], [{ reason: 'timeout', detail: 'no answer' }]),
      META,
      2000,
    );
    expect(failed.transcript).toEqual(['> ClientHello (1)']);
    expect(failed.location.failure?.reason).toBe('timeout');
    expect(failed.location.endpoint?.transcriptDigest).not.toBe(first.location.endpoint?.transcriptDigest);
  });

  test('is bounded, and says that it was cut', () => {
    const { transcript = [] } = applyObservation(
      undefined,
      look(Array<string>(1_000).fill('x'.repeat(1_000))),
      META,
      1,
    );
    expect(transcript).toHaveLength(301);
    expect(transcript.at(-1)).toBe('… and 700 more lines');
    expect(Math.max(...transcript.map(({ length }) => length))).toBe(200);
  });
});

test('a CRL is recorded like a certificate', () => {
  const { der } = createCrl(createAuthority());
  const { location, ders } = applyObservation(
    undefined,
    observed([{ kind: 'crl', der, place: { key: 'crl' }, role: 'issuer' }]),
    META,
    1000,
  );
  expect(location.sightings[0]?.item.kind).toBe('crl');
  expect([...ders.values()]).toEqual([der]);
});
