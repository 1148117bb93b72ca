import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { googleCas } from '../../../collectors/google-cas/index.ts';
import type { Collector } from '../../../src/plugin/collector.ts';
import type { Observation } from '../../../src/plugin/observation.ts';
import { base64, describeRestList, googleDenied, itemsOf, lookAt } from '../../contract/rest-collector.ts';
import { type FakeRest, googleList, startFakeRest, useMachineIdentity } from '../../helpers/fake-rest.ts';
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
  let fake: FakeRest;
  beforeEach(async () => {
    fake = await startFakeRest();
  });
  afterEach(async () => {
    await fake[Symbol.asyncDispose]();
  });
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
