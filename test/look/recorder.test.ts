import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { Observation } from '../../src/plugin/observation.ts';
import { DEFAULT_POLICY } from '../../src/policy/policy.ts';
import { parseThreshold } from '../../src/policy/threshold.ts';
import {
  createLookScenario,
  DAY,
  endingIn,
  HOUR,
  MINUTE,
  missed,
  saw,
  scripted,
  sourceOf,
  START,
  type LookScenario,
} from '../helpers/look-scenario.ts';
import { createAuthority, type TestCertificate } from '../helpers/pki.ts';

const healthy = endingIn(60);
const ending = endingIn(20);
const TARGET = 'api.example:443';
const source = sourceOf(scripted([]));
const refused = { reason: 'refused', detail: 'the connection was refused' } as const;
const dns = { reason: 'dns', detail: 'api.example does not resolve' } as const;

let scenario: LookScenario;
let fence: bigint;

beforeEach(async () => {
  scenario = await createLookScenario();
  fence = 0n;
  await wanted(TARGET);
});

afterEach(() => scenario.store.close());

async function wanted(key: string): Promise<void> {
  await scenario.store.transaction((tx) =>
    tx.inventory.saveTarget({ source: source.name, key, labels: {}, data: null }, scenario.clock.at),
  );
}

async function begin(target = TARGET): ReturnType<LookScenario['recorder']['begin']> {
  return scenario.recorder.begin(source, { key: target, data: null }, ++fence);
}

/** A look that ends normally, an hour after the one before. */
async function look(observations: readonly Observation[], target = TARGET): Promise<void> {
  scenario.clock.at += HOUR;
  const recording = await begin(target);
  if (observations.length > 0) await recording.add(observations);
  await recording.finish();
}

/** A look that fails after it has yielded these. */
async function fail(
  failure: { readonly reason: 'refused' | 'dns' | 'permission_denied'; readonly detail: string },
  observations: readonly Observation[] = [],
): Promise<void> {
  scenario.clock.at += HOUR;
  const recording = await begin();
  if (observations.length > 0) await recording.add(observations);
  await recording.fail(failure);
}

describe('what one look records', () => {
  test('the first look records what it saw, with the labels of its source and what follows from it', async () => {
    await look([saw('a', [ending], { version: 'v1', labels: { env: 'prod' } })]);

    const location = await scenario.location('a');
    expect(location).toMatchObject({
      source: 'partners',
      type: 'scripted',
      target: TARGET,
      labels: { owner: 'payments', env: 'prod' },
      version: 'v1',
      firstSeenAt: START + HOUR,
      lastSuccessAt: START + HOUR,
      failures: 0,
    });
    expect(location?.sightings.map(({ item, place }) => [item.id, place])).toEqual([[ending.fingerprint, 'chain']]);
    expect(await scenario.store.inventory.der(ending.fingerprint)).toEqual(new Uint8Array(ending.der));
    expect(await scenario.news()).toEqual(['first expiring']);
  });

  test('an unchanged look moves the times and nothing else', async () => {
    await look([saw('a', [ending], { version: 'v1' })]);
    const before = await scenario.location('a');
    const recording = await begin();
    expect(recording.version('a')).toBe('v1');
    expect(recording.version('b')).toBeUndefined();

    await look([{ location: 'a', version: 'v1', unchanged: true, items: [], problems: [] }]);

    const now = scenario.clock.at;
    const sightings = before?.sightings.map((sighting) => ({ ...sighting, lastSeenAt: now }));
    expect(await scenario.location('a')).toEqual({ ...before, lastLookAt: now, lastSuccessAt: now, sightings });
  });

  test('an unchanged look counts as a good one where an alert waits for it', async () => {
    await look([missed('a', 'refused')]);
    await look([saw('a', [healthy], { version: 'v1' })]);
    expect((await scenario.alert('unreachable'))?.places[0]?.goodLooks).toBe(1);
    for (let times = 0; times < 2; times++) {
      await look([{ location: 'a', version: 'v1', unchanged: true, items: [], problems: [] }]);
    }

    expect(await scenario.news()).toEqual(['first unreachable', 'resolved unreachable']);
  });

  test('a failed look keeps what is known and counts the failures; the version is asked for anew', async () => {
    await look([saw('a', [ending], { version: 'v1' })]);
    await fail(refused);
    await fail(refused);

    const location = await scenario.location('a');
    expect(location).toMatchObject({
      failures: 2,
      failure: refused,
      lastSuccessAt: START + HOUR,
      lastLookAt: START + 3 * HOUR,
    });
    expect(location?.sightings).toHaveLength(1);
    expect((await begin()).version('a')).toBeUndefined();
    expect((await scenario.alert('expiring'))?.state).toBe('open');

    await look([saw('a', [ending])]);
    expect(await scenario.location('a')).toMatchObject({ failures: 0 });
    expect(await scenario.location('a')).not.toHaveProperty('failure');
  });

  test('a part that cannot be read keeps its last-known sightings and is told', async () => {
    const items = saw('a', [healthy]).items.map((item) => ({ ...item, place: { key: 'tomcat' } }));
    await look([{ location: 'a', items, problems: [] }]);
    await look([
      {
        location: 'a',
        items: [],
        problems: [{ reason: 'wrong_password', place: 'tomcat', detail: 'the password is wrong' }],
      },
    ]);

    const location = await scenario.location('a');
    expect(location?.problems).toEqual([
      { reason: 'wrong_password', place: 'tomcat', detail: 'the password is wrong' },
    ]);
    expect(location?.sightings.map((sighting) => sighting.place)).toEqual(['tomcat']);
    expect(location?.failure).toBeUndefined();
    expect(await scenario.news()).toEqual(['first unreadable']);
  });

  test('a location named twice in one look is one look at it, and the last word holds', async () => {
    await look([missed('a', 'refused')]);
    await scenario.news();
    await look([saw('a', [ending]), saw('a', [healthy]), saw('a', [healthy])]);

    expect((await scenario.location('a'))?.sightings.map(({ item }) => item.id)).toEqual([healthy.fingerprint]);
    expect((await scenario.alert('unreachable'))?.places[0]?.goodLooks).toBe(1);
    expect(await scenario.news()).toEqual([]);
  });

  test('the checkpoint is kept until a new one comes', async () => {
    await look([
      saw('a', [healthy], { checkpoint: { offset: 1 } }),
      saw('b', [healthy], { checkpoint: { offset: 2 } }),
      saw('c', [healthy]),
    ]);
    await look([saw('a', [healthy])]);

    expect(await scenario.store.inventory.target(source.name, TARGET)).toMatchObject({
      checkpoint: { offset: 2 },
      lastLookAt: START + 2 * HOUR,
    });
  });

  test('an older fence writes nothing', async () => {
    const slow = await begin();
    await look([saw('a', [healthy])]);

    expect(await slow.add([saw('a', [ending]), saw('b', [ending])])).toBe(false);
    await slow.finish();
    await slow.fail(refused);

    expect(await scenario.locations()).toEqual(['a']);
    expect((await scenario.location('a'))?.sightings[0]?.item.id).toBe(healthy.fingerprint);
    expect(await scenario.location('a')).toMatchObject({ failures: 0, lastLookAt: START + HOUR });
    expect(await scenario.news()).toEqual([]);
  });

  test('a look at a target that was withdrawn meanwhile brings nothing back', async () => {
    await look([saw('a', [healthy])]);
    const late = await begin();
    await scenario.recorder.withdrawTargets(source.name, [TARGET], 'gone');

    expect(await late.add([saw('a', [healthy])])).toBe(false);
    await late.fail(refused);
    expect(await scenario.locations()).toEqual([]);
  });
});

describe('what a look did not name', () => {
  const both = [saw('a', [healthy]), saw('b', [ending])];

  test('is gone after a complete look, and its alert is withdrawn', async () => {
    await look(both);
    await look([saw('a', [healthy])]);

    expect(await scenario.locations()).toEqual(['a']);
    expect(await scenario.news()).toEqual(['first expiring', 'withdrawn expiring']);
  });

  test('is gone without a word where nobody was told of anything: an address that left DNS', async () => {
    await look([saw('a', [healthy]), saw('b', [healthy])]);
    await look([saw('a', [healthy])]);

    expect(await scenario.locations()).toEqual(['a']);
    expect(await scenario.news()).toEqual([]);
    expect(await scenario.store.alerts.alerts()).toEqual([]);
  });

  test('is gone without a word where the alert is about other addresses of the target as well', async () => {
    await look([saw('a', [ending]), saw('b', [ending])]);
    expect(await scenario.news()).toEqual(['first expiring']);
    await look([saw('a', [ending])]);
    expect(await scenario.news()).toEqual([]);
    // One goes, one comes: the certificate and its alert are the same.
    await look([saw('c', [ending])]);
    expect(await scenario.locations()).toEqual(['c']);
    expect((await scenario.alert('expiring'))?.state).toBe('open');
    expect(await scenario.news()).toEqual([]);
  });

  test.each(['partial', 'throttled', 'permission_denied'] as const)('stays when something was %s', async (reason) => {
    await look(both);
    await look([saw('a', [healthy], { problems: [{ reason, place: 'page 2', detail: 'not read' }] })]);
    await look([missed('a', reason)]);

    expect(await scenario.locations()).toEqual(['a', 'b']);
    expect((await scenario.alert('expiring'))?.state).toBe('open');
  });

  test('goes also when a part of another kind could not be read', async () => {
    await look(both);
    await look([saw('a', [healthy], { problems: [{ reason: 'malformed', place: 'x', detail: 'not read' }] })]);

    expect(await scenario.locations()).toEqual(['a']);
  });

  test('stays after a look that failed, as failed; what it did name is as it was seen', async () => {
    await look(both);
    await fail(refused, [saw('a', [healthy])]);

    expect(await scenario.location('a')).toMatchObject({ failures: 0 });
    expect(await scenario.location('b')).toMatchObject({ failures: 1, failure: refused });
  });

  test('of another target is not its business', async () => {
    await wanted('other');
    await look([saw('a', [healthy])]);
    await look([saw('b', [healthy])], 'other');
    await look([saw('a', [healthy])]);

    expect(await scenario.locations()).toEqual(['a', 'b']);
  });

  test('what says that it is gone is withdrawn at once, also when the look fails later; what was not known needs no end', async () => {
    await look(both);
    await fail(refused, [
      { location: 'b', gone: true, items: [], problems: [] },
      { location: 'z', gone: true, items: [], problems: [] },
    ]);

    expect(await scenario.locations()).toEqual(['a']);
    expect((await scenario.news()).toSorted()).toEqual(['first expiring', 'first unreachable', 'withdrawn expiring']);
  });
});

describe('a source that says whose clients it decides about', () => {
  const root = createAuthority({ name: 'Client Root', notAfter: new Date(START + 20 * DAY) });
  const client = root.issue({
    commonName: 'billing',
    notBefore: new Date(START),
    notAfter: new Date(START + 90 * DAY),
  });
  const store = sourceOf(scripted([]), { name: 'trust', trustsClientsOf: ['api.example'] });
  const endpoint = saw(`${TARGET}@10.0.0.7`, [], {
    items: [{ kind: 'certificate', der: client.der, place: { key: 'client/billing', index: 0 }, role: 'client' }],
    endpoint: {
      address: '10.0.0.7',
      port: 443,
      handshake: 'hello',
      chain: [],
      acceptableIssuers: [],
      verdicts: [],
    },
  });

  async function lookAtStore(certificates: readonly TestCertificate[]): Promise<void> {
    await scenario.store.transaction((tx) =>
      tx.inventory.saveTarget({ source: 'trust', key: '/ca', labels: {}, data: null }, scenario.clock.at),
    );
    const recording = await scenario.recorder.begin(store, { key: '/ca', data: null }, ++fence);
    const { items, ...rest } = saw('/ca/clients.pem', certificates);
    await recording.add([{ ...rest, items: items.map((item) => ({ ...item, role: 'trust-anchor' })) }]);
    await recording.finish();
  }

  test('has its end told with the logins that end with it, as one alert, though the endpoint has not changed', async () => {
    await look([endpoint]);
    expect(await scenario.news()).toEqual([]);
    await lookAtStore([root.certificate]);
    await look([endpoint]);

    const alert = await scenario.alert('client-will-fail');
    expect([alert?.family, alert?.cause]).toEqual(['expiry', root.certificate.fingerprint]);
    expect(alert?.places.map(({ location }) => location).toSorted()).toEqual(['/ca/clients.pem', `${TARGET}@10.0.0.7`]);
    const [sighting] = (await scenario.location('/ca/clients.pem'))?.sightings ?? [];
    expect(sighting?.usedBy).toEqual([{ type: 'endpoint', id: 'api.example' }]);
  });

  test('lets the endpoint go when its trust store is renewed or gone', async () => {
    const next = createAuthority({ name: 'Client Root', key: root.key, notAfter: new Date(START + 4_000 * DAY) });
    await lookAtStore([root.certificate]);
    await look([endpoint]);
    expect(await scenario.alert('client-will-fail')).toBeDefined();
    await lookAtStore([root.certificate, next.certificate]);
    for (let count = 0; count < 3; count++) await look([endpoint]);
    const alert = await scenario.alert('client-will-fail');
    expect(alert?.places.filter(({ state }) => state === 'open').map(({ location }) => location)).toEqual([
      '/ca/clients.pem',
    ]);
  });

  test('is known again after a start, before anything was looked at', async () => {
    await look([endpoint]);
    await lookAtStore([root.certificate]);
    const restarted = await createLookScenario(scenario.store);
    await restarted.recorder.assessAll(new AbortController().signal);
    expect((await scenario.alert('client-will-fail'))?.places.map(({ location }) => location)).toContain(
      `${TARGET}@10.0.0.7`,
    );
  });
});

describe('a target that fails before anything is known of it', () => {
  test('has a stand-in named as the target, and failures are counted there', async () => {
    await fail(dns);
    await fail(dns);

    expect(await scenario.locations()).toEqual([TARGET]);
    expect(await scenario.location(TARGET)).toMatchObject({ target: TARGET, failures: 2, failure: dns, sightings: [] });
    expect(await scenario.news()).toEqual(['first unreachable']);
  });

  test('its stand-in gives way to the first good look, and the alert ends as resolved', async () => {
    await fail(dns);
    await look([saw('a', [healthy])]);

    expect(await scenario.locations()).toEqual(['a']);
    expect(await scenario.news()).toEqual(['first unreachable', 'resolved unreachable']);
  });

  test('its stand-in gives way also to a good look that finds nothing', async () => {
    await fail(dns);
    await look([]);

    expect(await scenario.locations()).toEqual([]);
    expect(await scenario.news()).toEqual(['first unreachable', 'resolved unreachable']);
  });

  test('a look that fails at the real location leaves the alert open', async () => {
    await fail(dns);
    await look([missed('a', 'refused')]);

    expect(await scenario.locations()).toEqual(['a']);
    expect(await scenario.alert('unreachable')).toMatchObject({ state: 'open' });
    expect(await scenario.news()).toEqual(['first unreachable']);
  });

  test('a gap that stays at another location is not called resolved', async () => {
    await fail({ reason: 'permission_denied', detail: 'not allowed' });
    await look([missed('a', 'permission_denied')]);

    expect(await scenario.locations()).toEqual(['a']);
    expect((await scenario.news()).toSorted()).toEqual([
      'first not-covered',
      'first not-covered',
      'withdrawn not-covered',
    ]);
  });

  test('where the real location has the name of the target, it is one and the same', async () => {
    await fail(dns);
    const before = await scenario.location(TARGET);
    await look([saw(TARGET, [healthy])]);

    expect(await scenario.location(TARGET)).toMatchObject({ id: before?.id, failures: 0 });
    expect((await scenario.alert('unreachable'))?.state).toBe('open');
    await look([saw(TARGET, [healthy])]);
    await look([saw(TARGET, [healthy])]);
    expect(await scenario.news()).toEqual(['first unreachable', 'resolved unreachable']);
  });

  test('a target that is no longer wanted takes its stand-in along', async () => {
    await fail(dns);
    await scenario.recorder.withdrawTargets(source.name, [TARGET], 'gone');

    expect(await scenario.news()).toEqual(['first unreachable', 'withdrawn unreachable']);
  });

  test('a look that fails when it has named all that is known leaves a trace', async () => {
    await fail(refused, [saw('a', [healthy])]);
    expect(await scenario.location(TARGET)).toMatchObject({ failures: 1, failure: refused });
    expect(await scenario.location('a')).toMatchObject({ failures: 0 });

    await fail(refused, [saw('a', [healthy]), saw(TARGET, [healthy])]);
    expect(await scenario.location(TARGET)).toMatchObject({ failure: refused, sightings: [{ place: 'chain' }] });
  });
});

describe('what time alone changes', () => {
  test('is judged when it is due, and not before', async () => {
    await look([saw('a', [endingIn(31)])]);
    expect(await scenario.news()).toEqual([]);
    const dueAt = await scenario.store.inventory.nextAssessmentAt();
    expect(dueAt).toBeGreaterThan(START);
    const signal = new AbortController().signal;

    scenario.clock.at = (dueAt ?? 0) - 1;
    expect(await scenario.recorder.assessDue(signal)).toBe(0);
    expect(await scenario.news()).toEqual([]);
    scenario.clock.at = START + 12 * DAY;
    expect(await scenario.recorder.assessDue(signal)).toBe(1);
    expect(await scenario.news()).toEqual(['first expiring']);
    expect(await scenario.recorder.assessDue(signal)).toBe(0);
    expect(await scenario.store.inventory.nextAssessmentAt()).toBeGreaterThan(scenario.clock.at);
  });

  test('resolves nothing', async () => {
    await look([saw('a', [ending])]);
    scenario.policy = {
      ...DEFAULT_POLICY,
      settings: {
        ...DEFAULT_POLICY.settings,
        thresholds: { ...DEFAULT_POLICY.settings.thresholds, leaf: { critical: parseThreshold('1d') } },
      },
    };
    for (let times = 0; times < 5; times++) await scenario.recorder.assessAll(new AbortController().signal);
    expect(await scenario.news()).toEqual(['first expiring']);

    for (let times = 0; times < 3; times++) await look([saw('a', [ending])]);
    expect(await scenario.news()).toEqual(['resolved expiring']);
  });

  test('a policy that changed is applied to everything at once', async () => {
    await look([saw('a', [healthy]), saw('b', [endingIn(70)])]);
    expect(await scenario.news()).toEqual([]);
    scenario.policy = {
      ...DEFAULT_POLICY,
      settings: {
        ...DEFAULT_POLICY.settings,
        thresholds: { ...DEFAULT_POLICY.settings.thresholds, leaf: { warning: parseThreshold('80d') } },
      },
    };
    await scenario.recorder.assessAll(new AbortController().signal);

    expect(await scenario.news()).toEqual(['first expiring', 'first expiring']);
  });

  test('an assessment that asks for a time that is not in the future waits a second: nothing spins', async () => {
    await look([saw('a', [healthy])]);
    const { id } = (await scenario.location('a')) ?? { id: 0 };
    const signal = new AbortController().signal;
    // With this interval it would be stale in a millisecond: five minutes of grace less three intervals.
    scenario.intervalMs = () => (-5 * MINUTE) / 3;
    await scenario.store.transaction((tx) => tx.inventory.scheduleAssessments(new Map([[id, scenario.clock.at]])));
    expect(await scenario.recorder.assessDue(signal)).toBe(1);
    expect(await scenario.store.inventory.nextAssessmentAt()).toBe(scenario.clock.at + 1_000);
  });

  test('a location that was withdrawn a moment before is left alone', async () => {
    await look([saw('a', [endingIn(31)])]);
    scenario.clock.at = START + 12 * DAY;
    const assessing = scenario.recorder.assessAll(new AbortController().signal);
    const withdrawing = scenario.recorder.withdrawSource(source.name);
    await Promise.all([assessing, withdrawing]);

    const alerts = await scenario.store.alerts.alerts({ state: 'open' });
    expect(alerts).toEqual([]);
  });

  test('a place that nobody looks at becomes stale, and a look clears it', async () => {
    scenario.intervalMs = () => HOUR;
    await look([saw('a', [healthy], { version: 'v1' })]);
    scenario.clock.at += 5 * HOUR;
    await scenario.recorder.assessDue(new AbortController().signal);
    expect(await scenario.news()).toEqual(['first stale']);
    for (let times = 0; times < 3; times++) {
      await look([{ location: 'a', version: 'v1', unchanged: true, items: [], problems: [] }]);
    }
    expect(await scenario.news()).toEqual(['resolved stale']);
  });

  test('an aborted signal ends it', async () => {
    await look([saw('a', [endingIn(31)])]);
    scenario.clock.at = START + 12 * DAY;
    expect(await scenario.recorder.assessDue(AbortSignal.abort())).toBe(0);
    await scenario.recorder.assessAll(AbortSignal.abort());
    expect(await scenario.news()).toEqual([]);
  });
});

test('a source that is withdrawn takes everything along', async () => {
  await look([saw('a', [ending])]);
  await scenario.recorder.withdrawSource(source.name);

  expect(await scenario.locations()).toEqual([]);
  expect(await scenario.store.inventory.targets(source.name)).toEqual([]);
  expect(await scenario.news()).toEqual(['first expiring', 'withdrawn expiring']);
});

describe('a successor that pins do not allow', () => {
  const NAME = 'pinned.example';
  const [present, next] = [endingIn(60, NAME), endingIn(80, NAME)];
  const facts = {
    address: '10.0.0.7',
    port: 443,
    handshake: 'hello',
    chain: [present.fingerprint],
    acceptableIssuers: [],
    verdicts: [],
  } as const;

  test('is told within the hour after it was seen elsewhere, and no longer once it is gone', async () => {
    scenario.policy = {
      ...DEFAULT_POLICY,
      sources: new Map([[source.name, { pins: { fingerprints: [present.fingerprint] } }]]),
    };
    const rulesOf = async (): Promise<readonly string[]> =>
      (await scenario.store.alerts.alerts()).flatMap(({ places }) =>
        places.flatMap(({ state, findings }) => (state === 'open' ? findings.map(({ rule }) => rule) : [])),
      );
    await wanted('/new');
    await look([saw(TARGET, [present], { endpoint: facts })]);
    expect(await rulesOf()).toEqual([]);
    await look([saw('/new/next.pem', [next])], '/new');
    scenario.clock.at += HOUR;
    await scenario.recorder.assessDue(new AbortController().signal);
    expect(await rulesOf()).toEqual(['pin-mismatch']);
    await look([], '/new');
    for (let times = 0; times < 3; times++) await look([saw(TARGET, [present], { endpoint: facts })]);
    expect(await rulesOf()).toEqual([]);
  });
});
