import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { Source } from '../../src/look/ports.ts';
import type { Observation } from '../../src/plugin/observation.ts';
import {
  createLookScenario,
  DAY,
  HOUR,
  saw,
  scripted,
  sourceOf,
  START,
  type LookScenario,
} from '../helpers/look-scenario.ts';
import { createAuthority, type TestCertificate } from '../helpers/pki.ts';

const NAME = 'api.example.com';
const ca = createAuthority({ name: 'Example CA' });
const { before, after } = renewal();
const disk = sourceOf(scripted([]), { name: 'disk' });
const web = sourceOf(scripted([]), { name: 'web' });

let scenario: LookScenario;
let fence = 0n;

beforeEach(async () => {
  scenario = await createLookScenario();
  scenario.intervalMs = () => 4 * HOUR;
});

afterEach(async () => {
  await scenario.store.close();
});

function renewal(): { readonly before: TestCertificate; readonly after: TestCertificate } {
  const issue = (startDays: number): TestCertificate =>
    ca.issue({
      commonName: NAME,
      names: [NAME],
      notBefore: new Date(START + startDays * DAY),
      notAfter: new Date(START + (startDays + 365) * DAY),
    });
  return { before: issue(-200), after: issue(-1) };
}

async function look(source: Source, target: string, observations: readonly Observation[]): Promise<void> {
  await scenario.store.transaction((tx) =>
    tx.inventory.saveTarget({ source: source.name, key: target, labels: {}, data: null }, scenario.clock.at),
  );
  const recording = await scenario.recorder.begin(source, { key: target, data: null }, ++fence);
  await recording.add(observations);
  await recording.finish();
}

function serves(certificate: TestCertificate, address = '10.0.0.7'): Observation {
  return saw(`${NAME}:443@${address}`, [certificate], {
    endpoint: {
      address,
      port: 443,
      serverName: NAME,
      handshake: 'hello',
      chain: [certificate.fingerprint],
      acceptableIssuers: [],
      verdicts: [],
    },
  });
}

async function pass(ms: number): Promise<void> {
  scenario.clock.at += ms;
  await scenario.recorder.assessDue(new AbortController().signal);
}

async function states(rule: string): Promise<readonly string[]> {
  return (await scenario.alert(rule))?.places.map(({ location, state }) => `${location} ${state}`) ?? [];
}

describe('a renewal that lies in a file', () => {
  test('is told of at the endpoint that does not get it, though nothing changes there, and ends when it does', async () => {
    await look(web, NAME, [serves(before)]);
    await look(disk, '/etc/ssl', [saw('/etc/ssl/api.pem', [after])]);
    await pass(10 * HOUR);
    expect(await states('not-deployed')).toEqual([]);
    await pass(5 * 60_000);
    expect(await states('not-deployed')).toEqual([`${NAME}:443@10.0.0.7 open`]);
    expect(await scenario.news()).toEqual(['first not-deployed']);

    for (let count = 0; count < 3; count++) await look(web, NAME, [serves(after)]);
    expect(await scenario.news()).toEqual(['resolved not-deployed']);
  });

  test('is none where the look at the file could not be committed', async () => {
    await look(web, NAME, [serves(before)]);
    scenario.beforeTelling = () => {
      throw new Error('the disk is full');
    };
    await expect(look(disk, '/etc/ssl', [saw('/etc/ssl/api.pem', [after])])).rejects.toThrow('the disk is full');
    scenario.beforeTelling = () => {};
    await scenario.recorder.assessAll(new AbortController().signal);
    await pass(2 * DAY);
    expect(await states('not-deployed')).toEqual([]);
  });

  test('is none any more once the file is gone', async () => {
    await look(web, NAME, [serves(before)]);
    await look(disk, '/etc/ssl', [saw('/etc/ssl/api.pem', [after])]);
    await look(disk, '/etc/ssl', []);
    await pass(DAY);
    expect(await states('not-deployed')).toEqual([]);
  });
});

describe('a renewal that concerns 120 endpoints', () => {
  const addresses = Array.from({ length: 120 }, (_, position) => `10.0.1.${position}`);

  beforeEach(async () => {
    for (const address of addresses) await look(web, `${NAME}@${address}`, [serves(before, address)]);
    await look(disk, '/etc/ssl', [saw('/etc/ssl/api.pem', [after])]);
  });

  test('is judged at once at 50 of them, and soon at the rest', async () => {
    const due = await scenario.store.inventory.dueForAssessment(scenario.clock.at, 1_000);
    expect(due).toHaveLength(70);
    expect(await scenario.recorder.assessDue(new AbortController().signal)).toBe(70);
    expect(await scenario.store.inventory.dueForAssessment(scenario.clock.at, 1_000)).toEqual([]);
  });

  test('is judged at all of them also after a crash', async () => {
    const restarted = await createLookScenario(scenario.store);
    restarted.intervalMs = () => 4 * HOUR;
    restarted.clock.at = scenario.clock.at + 11 * HOUR;
    await restarted.recorder.assessDue(new AbortController().signal);
    const alert = await restarted.alert('not-deployed');
    expect(alert?.cause).toBe(after.fingerprint);
    expect(alert?.places).toHaveLength(120);
    expect(await restarted.news()).toEqual(['first not-deployed']);
  });
});

test('nodes that disagree are told of at the one that is behind, as one alert with what is not deployed there', async () => {
  await look(web, NAME, [serves(before, '10.0.0.1'), serves(before, '10.0.0.2')]);
  await look(web, NAME, [serves(after, '10.0.0.1'), serves(before, '10.0.0.2')]);
  await pass(11 * HOUR);
  expect(await states('nodes-disagree')).toEqual([`${NAME}:443@10.0.0.2 open`]);
  expect((await scenario.alert('nodes-disagree'))?.cause).toBe(after.fingerprint);
});

describe('a target that is no longer listed', () => {
  beforeEach(async () => {
    await look(web, NAME, [serves(before)]);
    await scenario.recorder.withdrawTargets('web', [NAME], 'gone');
  });

  test('is told of as a note for a week', async () => {
    expect(await scenario.news()).toEqual(['first gone']);
    await pass(7 * DAY - 1);
    expect(await states('gone')).toEqual([`${NAME}:443@10.0.0.7 open`]);
    await pass(1);
    expect((await scenario.alert('gone'))?.state).toBe('withdrawn');
  });

  test('is well when it is back', async () => {
    for (let count = 0; count < 3; count++) await look(web, NAME, [serves(before)]);
    expect((await scenario.alert('gone'))?.state).toBe('resolved');
    await pass(8 * DAY);
    expect(await scenario.locations()).toEqual([`${NAME}:443@10.0.0.7`]);
  });
});

test('the rhythm of a place is known again after a start', async () => {
  const year = (position: number): TestCertificate =>
    ca.issue({
      commonName: 'slow.example.com',
      names: ['slow.example.com'],
      notBefore: new Date(START + position * 300 * DAY),
      notAfter: new Date(START + (position * 300 + 365) * DAY),
    });
  const file = (certificate: TestCertificate): Observation => saw('/etc/slow.pem', [certificate]);
  for (const [position, certificate] of [year(0), year(1), year(2)].entries()) {
    scenario.clock.at = START + position * 300 * DAY;
    await look(disk, '/etc/slow.pem', [file(certificate)]);
  }
  const restarted = await createLookScenario(scenario.store);
  // 65 of 365 days are usually left; 7 are the grace.
  restarted.clock.at = START + (600 + 300 + 7) * DAY;
  await restarted.recorder.assessAll(new AbortController().signal);
  const place = (await restarted.alert('renewal-overdue'))?.places[0];
  expect(place?.findings.map(({ rule, severity }) => `${rule} ${severity}`)).toEqual(['renewal-overdue warning']);
  expect(place?.findings[0]?.summary).toContain('as the last 2 were renewed here, with 18% of their lives left');
});
