import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { parseCertificate } from '../../src/certificate/certificate.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { FactIndex } from '../../src/inventory/fact-index.ts';
import { CLOCK_SUBJECT, nameSubject } from '../../src/plugin/fact-subject.ts';
import { createEnriching, type EnrichOptions, type Enriching } from '../../src/look/enriching.ts';
import { createEgress, parseAllowance } from '../../src/network/egress.ts';
import { NetworkError } from '../../src/network/network.ts';
import { deafContext } from '../contract/collector.ts';
import { startOutside, never, type Outside } from '../helpers/enrich.ts';
import {
  createLookScenario,
  DAY,
  HOUR,
  MINUTE,
  saw,
  scripted,
  sourceOf,
  START,
  type LookScenario,
} from '../helpers/look-scenario.ts';
import { createOcspResponse } from '../helpers/ocsp.ts';
import { createAuthority, createCrl, type Authority, type TestCertificate } from '../helpers/pki.ts';

const OFF: EnrichOptions = { aia: false, crl: false, ocsp: false, names: false, ari: new Map() };
const lives = { notBefore: new Date(START - 30 * DAY), notAfter: new Date(START + 60 * DAY) };

let scenario: LookScenario;
let outside: Outside;
let index: FactIndex;
let enriching: Enriching;
let scheduled: string[];
/** Names that are gone from DNS. */
let gone: Set<string>;
let root: Authority;
let authority: Authority;

beforeEach(async () => {
  scenario = await createLookScenario();
  outside = await startOutside();
  index = new FactIndex();
  scenario.facts = (subject) => index.facts(subject);
  scheduled = [];
  gone = new Set();
  root = createAuthority({ name: 'Root', days: 3650 });
  authority = createAuthority({ name: 'Issuing CA', parent: root, days: 3650 });
  open();
});
afterEach(async () => {
  await outside[Symbol.asyncDispose]();
  await scenario.store.close();
});

/** The host, as after a start: what it knows is in the store. */
function open(): void {
  const engine: Pick<Engine, 'every' | 'unschedule'> = {
    every: async (name) => void scheduled.push(name),
    unschedule: async () => {
      scheduled = [];
    },
  };
  const network = {
    resolve: (host: string) =>
      gone.has(host)
        ? Promise.reject(new NetworkError('dns', `${host} is not there`, { absent: true }))
        : Promise.resolve([{ address: '192.0.2.1', family: 4 as const }]),
  };
  enriching = createEnriching({
    engine: engine as Engine,
    store: scenario.store,
    context: {
      clock: scenario.clock,
      log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
      network: { ...deafContext().network, ...network },
      limit: () => ({ run: (work) => work() }),
    },
    egress: createEgress({ network, userAgent: 'test', allow: () => [parseAllowance(`127.0.0.1:${outside.port}`)] }),
    index,
    recorder: scenario.recorder,
    anchors: [parseCertificate(root.certificate.der)],
  });
}

/** A look that finds these at each place, and nothing anywhere else. */
async function see(places: Readonly<Record<string, readonly TestCertificate[]>>): Promise<void> {
  const source = sourceOf(scripted(['target']));
  const target = { key: 'target', data: null };
  await scenario.store.transaction((tx) =>
    tx.inventory.saveTarget({ source: source.name, key: target.key, labels: {}, data: null }, scenario.clock.at),
  );
  const recording = await scenario.recorder.begin(source, target, BigInt(scenario.clock.at));
  await recording.add(Object.entries(places).map(([name, certificates]) => saw(name, certificates)));
  await recording.finish();
  scenario.clock.at += MINUTE;
}

function withList(serial = 7): TestCertificate {
  return authority.issue({ ...lives, serial: Buffer.from([serial]), crlUrls: [`${outside.base}/ca.crl`] });
}

function list(...revoked: readonly number[]): Uint8Array {
  return createCrl(authority, {
    thisUpdate: new Date(scenario.clock.at - HOUR),
    nextUpdate: new Date(scenario.clock.at + 4 * DAY),
    revoked: revoked.map((serial) => Buffer.from([serial])),
  }).der;
}

const revocations = () =>
  [...index.inquiries()].map(({ fact }) => (fact?.kind === 'revocation' ? fact.status : undefined));

describe('the host of the enrichers', () => {
  test('does not wait for a time that comes again because the clock was set back', async () => {
    await see({ a: [authority.issue({ ...lives, names: ['api.example.com'] })] });
    await enriching.use({ ...OFF, names: true });
    scenario.clock.at += 20 * DAY;
    await enriching.round(never);
    scenario.clock.at -= 20 * DAY;
    await enriching.round(never);
    expect([...index.inquiries()].map(({ askedAt }) => askedAt)).toEqual([scenario.clock.at]);
  });

  test('asks nothing of anybody unless it is switched on', async () => {
    await see({ a: [withList(), authority.certificate] });
    await enriching.use(OFF);
    await enriching.round(never);
    expect([scheduled, outside.asked, [...index.inquiries()]]).toEqual([[], [], []]);
  });

  test('finds out that a certificate was revoked, tells of it, and keeps it over a restart', async () => {
    const leaf = withList();
    outside.reply = () => ({ body: list(7) });
    await see({ a: [leaf, authority.certificate], b: [withList(8)] });
    await enriching.use({ ...OFF, crl: true });
    expect(scheduled).toEqual(['enrich']);
    await enriching.round(never);

    expect(revocations()).toEqual(['revoked', 'good']);
    expect(await scenario.news()).toContain('first revoked');
    expect((await scenario.alert('revoked'))?.cause).toBe(leaf.fingerprint);
    expect(await scenario.store.facts.inquiries()).toEqual(
      [...index.inquiries()].toSorted((a, b) => (a.subject < b.subject ? -1 : 1)),
    );

    index = new FactIndex(await scenario.store.facts.inquiries());
    open();
    await enriching.use({ ...OFF, crl: true });
    await enriching.round(never);
    expect(outside.asked).toHaveLength(1);
  });

  test('asks again when it is time, and judges anew only what changed', async () => {
    outside.reply = () => ({ body: list() });
    await see({ a: [withList(), authority.certificate] });
    await enriching.use({ ...OFF, crl: true });
    await enriching.round(never);
    await enriching.round(never);
    expect([outside.asked.length, revocations()]).toEqual([1, ['good']]);

    scenario.clock.at += DAY;
    outside.reply = () => ({ body: list(7) });
    await enriching.round(never);
    expect([outside.asked.length, revocations(), await scenario.news()]).toEqual([2, ['revoked'], ['first revoked']]);
  });

  test('keeps what was learned while nobody answers', async () => {
    outside.reply = () => ({ body: list(7) });
    await see({ a: [withList(), authority.certificate] });
    await enriching.use({ ...OFF, crl: true });
    await enriching.round(never);
    outside.reply = () => ({ status: 500 });
    scenario.clock.at += DAY;
    await enriching.round(never);
    expect([...index.inquiries()]).toMatchObject([
      { fact: { status: 'revoked' }, failures: 1, problem: 'the URL of the list answers HTTP 500' },
    ]);
  });

  test('forgets certificates that have left, and everything that is switched off', async () => {
    const [old, next] = [withList(7), withList(8)];
    outside.reply = () => ({ body: list() });
    await see({ a: [old, authority.certificate] });
    await enriching.use({ ...OFF, crl: true });
    await enriching.round(never);
    await see({ a: [next, authority.certificate] });
    scenario.clock.at += HOUR;
    await enriching.round(never);
    expect([...index.inquiries()].map(({ subject }) => subject)).toEqual([next.fingerprint]);

    await enriching.use(OFF);
    expect([[...index.inquiries()], await scenario.store.facts.inquiries(), scheduled]).toEqual([[], [], []]);
  });

  test('does not ask about certificates that have ended', async () => {
    const ended = authority.issue({ ...lives, notAfter: new Date(START - DAY), crlUrls: [`${outside.base}/ca.crl`] });
    await see({ a: [ended, authority.certificate] });
    await enriching.use({ ...OFF, crl: true });
    await enriching.round(never);
    expect(outside.asked).toEqual([]);
  });

  test('asks the responder where there is no list', async () => {
    const leaf = authority.issue({ ...lives, ocspUrls: [`${outside.base}/ocsp`] });
    const thisUpdate = new Date(START - HOUR);
    outside.reply = () => ({
      body: createOcspResponse(authority, leaf, { status: 'revoked', thisUpdate, nextUpdate: new Date(START + DAY) }),
    });
    await see({ a: [leaf, authority.certificate] });
    await enriching.use({ ...OFF, ocsp: true });
    await enriching.round(never);
    expect([revocations(), await scenario.news()]).toEqual([['revoked'], ['first revoked']]);
  });

  test('names the issuer that nobody sent, and looks for none that is known', async () => {
    const leaf = authority.issue({ ...lives, issuerUrls: [`${outside.base}/ca.crt`] });
    outside.reply = () => ({ body: authority.certificate.der });
    await see({ a: [leaf] });
    await enriching.use({ ...OFF, aia: true });
    await enriching.round(never);
    expect(index.facts(leaf.fingerprint)).toMatchObject([
      { kind: 'issuer', issuer: { id: authority.certificate.fingerprint, title: 'Issuing CA' } },
    ]);

    await see({ a: [leaf, authority.certificate] });
    scenario.clock.at += HOUR;
    await enriching.round(never);
    expect(index.facts(leaf.fingerprint)).toEqual([]);
  });

  test('hears of it when the CA asks for a renewal', async () => {
    const ca = createAuthority({ name: 'R11', organization: 'Public CA', days: 3650 });
    const leaf = ca.issue(lives);
    const window = { start: new Date(START - HOUR).toISOString(), end: new Date(START - MINUTE).toISOString() };
    outside.reply = ({ url }) => ({
      body: JSON.stringify(url === '/dir' ? { renewalInfo: `${outside.base}/ri` } : { suggestedWindow: window }),
    });
    await see({ a: [leaf], b: [authority.issue(lives)] });
    await enriching.use({ ...OFF, ari: new Map([['Public CA', `${outside.base}/dir`]]) });
    await enriching.round(never);
    expect([outside.asked.length, await scenario.news()]).toEqual([2, ['first renewal-requested']]);
  });

  test('tells of a name that has left DNS, once it has been away for long', async () => {
    const leaf = authority.issue({
      ...lives,
      names: ['api.example.com', 'old.example.com', '*.example.com', '192.0.2.7'],
    });
    await see({ a: [leaf], b: [leaf] });
    await enriching.use({ ...OFF, names: true });
    await enriching.round(never);
    expect([...index.inquiries()].map(({ subject }) => subject)).toEqual(
      ['api.example.com', 'old.example.com'].map(nameSubject),
    );
    gone.add('old.example.com.');
    scenario.clock.at += DAY;
    await enriching.round(never);
    expect(await scenario.news()).toEqual([]);
    scenario.clock.at += 6 * HOUR;
    await enriching.round(never);
    await scenario.recorder.assessDue(never);
    expect(await scenario.news()).toEqual(['first name-dead']);
    expect((await scenario.alert('name-dead'))?.places).toHaveLength(2);
  });

  test('compares the clock, and tells of it at one place alone', async () => {
    outside.reply = () => ({ body: list(), headers: { date: new Date(START + 2 * HOUR).toUTCString() } });
    await see({ a: [withList(), authority.certificate], b: [withList(8)] });
    await enriching.use({ ...OFF, crl: true });
    await enriching.round(never);
    expect(index.facts(CLOCK_SUBJECT)).toMatchObject([{ kind: 'clock', hosts: 1 }]);
    expect((await scenario.alert('clock-suspect'))?.places).toHaveLength(1);
  });

  test('leaves a host alone that has failed twice in a round', async () => {
    const leaves = [1, 2, 3, 4, 5].map((number) =>
      authority.issue({ ...lives, crlUrls: [`http://127.0.0.2:${outside.port}/${number}.crl`] }),
    );
    await see({ a: [...leaves, authority.certificate] });
    await enriching.use({ ...OFF, crl: true });
    await enriching.round(never);
    const problems = [...index.inquiries()].map(({ problem }) => problem);
    expect(problems.filter((problem) => problem?.includes('is not fetched') === true)).toHaveLength(2);
    expect(problems.filter((problem) => problem?.includes('left alone') === true)).toHaveLength(3);
  });

  test('ends with its signal, and what was learned before stays', async () => {
    const stop = new AbortController();
    outside.reply = () => {
      stop.abort();
      return { body: list() };
    };
    await see({ a: [withList(), authority.certificate] });
    await enriching.use({ ...OFF, crl: true });
    await enriching.round(stop.signal);
    expect(outside.asked).toHaveLength(1);
  });
});
