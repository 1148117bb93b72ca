import { describe, expect, test } from 'vitest';

import type { KnownCertificate, Location } from '../../src/inventory/model.ts';
import type { Verdict } from '../../src/plugin/observation.ts';
import { samplesOf } from '../helpers/exposition.ts';
import { knownMetrics, textOf } from '../helpers/known-metrics.ts';
import { authority, DAY, endpointLocation, fileLocation, leaf, NOW, showing, sighting } from '../policy/places.ts';

const ISSUING = 'CN=Example Issuing CA,O=Example';

function endpoint(location = 'a', acceptableIssuers: readonly string[] = []): Location {
  const made = endpointLocation([leaf()], { location });
  return { ...made, endpoint: { ...made.endpoint, acceptableIssuers } };
}

/** `location client = value` of one metric. */
async function series(name: string, locations: readonly Location[]): Promise<readonly string[]> {
  return samplesOf(await knownMetrics(locations, () => NOW).samples(), name).map(
    ({ labels, value }) => `${labels['source']}/${labels['location']} ${labels['client']} = ${value}`,
  );
}

const rehearsals = (locations: readonly Location[]): Promise<readonly string[]> =>
  series('notafter_rehearsal_accepted', locations);
const outages = (locations: readonly Location[]): Promise<readonly string[]> =>
  series('notafter_client_outage_timestamp_seconds', locations);
const seconds = (left: number): number => (NOW + left) / 1000;

describe('the verdict', () => {
  test.each<[Verdict['status'], readonly string[]]>([
    ['accepted', ['partners/a billing = 1']],
    ['rejected', ['partners/a billing = 0']],
    ['unknown', []],
  ])('%s gives %j', async (status, expected) => {
    expect(await rehearsals([showing(endpoint(), 'billing', [leaf('billing')], { status })])).toEqual(expected);
  });

  test('has a series for every name and for nobody, and none without a rehearsal', async () => {
    const two = showing(
      showing(endpoint(), 'billing', [leaf('billing')], { status: 'accepted' }),
      'old',
      [leaf('old')],
      { status: 'rejected' },
    );
    const nobody: Verdict = {
      client: null,
      name: null,
      status: 'rejected',
      reason: 'certificate_required',
      evidence: '',
    };
    const all = { ...two, endpoint: { ...two.endpoint, verdicts: [...two.endpoint.verdicts, nobody] } };
    expect(await rehearsals([all, showing(endpoint('b'), 'billing', [leaf('billing')])])).toEqual([
      'partners/a none = 0',
      'partners/a billing = 1',
      'partners/a old = 0',
    ]);
  });

  test('on a client that is called none outranks the one on nobody', async () => {
    const shown = showing(endpoint(), 'none', [leaf('none')], { status: 'accepted' });
    const nobody: Verdict = {
      client: null,
      name: null,
      status: 'rejected',
      reason: 'certificate_required',
      evidence: '',
    };
    expect(
      await rehearsals([{ ...shown, endpoint: { ...shown.endpoint, verdicts: [...shown.endpoint.verdicts, nobody] } }]),
    ).toEqual(['partners/a none = 1']);
  });
});

describe('the outage', () => {
  test.each<[string, readonly KnownCertificate[], readonly string[]]>([
    ['the leaf', [leaf('billing', { left: 20 * DAY })], [`partners/a billing = ${seconds(20 * DAY)}`]],
    [
      'what is above it',
      [leaf('billing'), authority('Example Issuing CA', { left: DAY })],
      [`partners/a billing = ${seconds(DAY)}`],
    ],
    ['nothing', [leaf('billing', { notAfter: { status: 'never' } })], []],
  ])('is the end of %s', async (_, presented, expected) => {
    expect(await outages([showing(endpoint(), 'billing', presented)])).toEqual(expected);
  });

  test('of a certificate that was found bears its fingerprint, and not when it ended long ago', async () => {
    const found = (title: string, left: number): Location =>
      fileLocation([sighting(leaf(title, { left }), { role: 'client' })], { location: `/${title}.pem` });
    expect(
      await outages([
        endpoint('a', [ISSUING]),
        found('cron', 5 * DAY),
        found('late', -20 * DAY),
        found('old', -40 * DAY),
      ]),
    ).toEqual([
      `partners/a ${leaf('late').id} = ${seconds(-20 * DAY)}`,
      `partners/a ${leaf('cron').id} = ${seconds(5 * DAY)}`,
    ]);
  });

  test('of found certificates is said up to a number of pairs, the first that end first', async () => {
    const files = Array.from({ length: 60 }, (_, index) =>
      fileLocation([sighting(leaf(`c${index}`, { left: (60 - index) * DAY }), { role: 'client' })], {
        location: `/${index}.pem`,
      }),
    );
    const endpoints = Array.from({ length: 50 }, (_, index) => endpoint(`e${index}`, [ISSUING]));
    const told = await outages([...files, ...endpoints]);
    expect(told).toHaveLength(2_000);
    expect(new Set(told.map((line) => line.split(' ')[1]))).toEqual(
      new Set(Array.from({ length: 40 }, (_, index) => leaf(`c${59 - index}`).id)),
    );
  });
});

test('two scrapes at one time both say when clients fail', async () => {
  const { metrics } = knownMetrics([showing(endpoint(), 'billing', [leaf('billing')])], () => NOW);
  const answers = await Promise.all([metrics.exposition(), metrics.exposition()]);
  for (const answer of answers) expect(textOf(answer)).toContain('notafter_client_outage_timestamp_seconds{');
});

test('what refers to an endpoint follows it when somebody begins to look at it, and when nobody does any more', async () => {
  const client = sighting(leaf('cron'), { role: 'client', usedBy: [{ type: 'endpoint', id: 'api.example.com:8443' }] });
  const known = knownMetrics([fileLocation([client], { location: '/kubeconfig' })], () => NOW);
  const at = async (): Promise<readonly (string | undefined)[]> =>
    samplesOf(await known.samples(), 'notafter_client_outage_timestamp_seconds').map(
      ({ labels }) => labels['location'],
    );

  expect(await at()).toEqual(['api.example.com:8443']);
  const watched = known.note(endpoint('api.example.com:8443@10.0.0.7'));
  expect(await at()).toEqual(['api.example.com:8443@10.0.0.7']);
  known.forget(watched);
  expect(await at()).toEqual(['api.example.com:8443']);
});
