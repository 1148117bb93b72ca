import { beforeEach, describe, expect, it } from 'vitest';

import { googleIam } from '../../../collectors/google-iam/index.ts';
import type { Known, Collector } from '../../../src/plugin/collector.ts';
import type { Observation } from '../../../src/plugin/observation.ts';
import { NOTHING_KNOWN } from '../../contract/collector.ts';
import { base64, describeRestList, googleDenied, itemsOf, knownOf, lookAt } from '../../contract/rest-collector.ts';
import { googleList, json, useFakeRest, useMachineIdentity } from '../../helpers/fake-rest.ts';
import { createAuthority } from '../../helpers/pki.ts';

const collector = googleIam as unknown as Collector;
useMachineIdentity();

const authority = createAuthority({ name: 'Own' });
const uploaded = authority.issue({ commonName: 'robot', names: [], extendedKeyUsage: ['clientAuth'] });
const PROJECT = 'my-project-1';
const PATH = `/v1/projects/${PROJECT}/serviceAccounts`;
const EMAIL = `robot@${PROJECT}.iam.gserviceaccount.com`;
const ACCOUNT = `projects/${PROJECT}/serviceAccounts/${EMAIL}`;

describeRestList(
  collector,
  { projects: [PROJECT] },
  {
    target: PROJECT,
    path: PATH,
    pageParameter: 'pageToken',
    denied: googleDenied('iam.serviceAccounts.list'),
    remedy: 'Grant iam.serviceAccounts.list',
    fill: (fake) => {
      const accounts = ['one', 'two', 'three'].map((name) => ({ name: `${ACCOUNT}-${name}`, email: name }));
      fake.routes.set(PATH, googleList(fake, 'accounts', accounts));
      for (const { name } of accounts) {
        const key = { name: `${name}/keys/1`, validBeforeTime: '2027-06-01T00:00:00Z' };
        fake.routes.set(`/v1/${name}/keys`, () => ({ keys: [key] }));
      }
      return [`${ACCOUNT}-one`];
    },
  },
);

describe('what it sees', () => {
  const fake = useFakeRest();
  beforeEach(() => {
    fake.routes.set(PATH, googleList(fake, 'accounts', [{ name: ACCOUNT, email: EMAIL }]));
    fake.routes.set(`/v1/${ACCOUNT}/keys`, () => ({ keys }));
    fake.routes.set(`/v1/${ACCOUNT}/keys/up`, () => ({
      publicKeyData: Buffer.from(uploaded.pem).toString('base64'),
    }));
  });
  const keys = [
    { name: `${ACCOUNT}/keys/made`, keyOrigin: 'GOOGLE_PROVIDED', validBeforeTime: '2026-12-24T00:00:00Z' },
    {
      name: `${ACCOUNT}/keys/ever`,
      keyOrigin: 'AN_ORIGIN_OF_TOMORROW',
      validBeforeTime: '9999-12-31T23:59:59Z',
      disabled: true,
    },
    { name: `${ACCOUNT}/keys/up`, keyOrigin: 'USER_PROVIDED', validBeforeTime: '2027-01-01T00:00:00Z' },
  ];
  const look = (known: Known = NOTHING_KNOWN): Promise<Observation[]> =>
    lookAt(collector, { projects: [PROJECT], endpoint: fake.url }, { key: PROJECT }, known);

  it('gives an account its keys: those that end, those that never do, and the certificates that were uploaded', async () => {
    const observations = await look();

    const common = { role: 'client', renewal: { mode: 'manual' }, usedBy: [{ type: 'app', id: EMAIL }] };
    expect(itemsOf(observations)).toEqual({
      [ACCOUNT]: [
        {
          kind: 'credential',
          id: `${ACCOUNT}/keys/made`,
          name: `key made of ${EMAIL}`,
          notAfter: new Date('2026-12-24T00:00:00Z'),
          place: { key: 'key/made' },
          ...common,
        },
        {
          kind: 'credential',
          id: `${ACCOUNT}/keys/ever`,
          name: `key ever of ${EMAIL}`,
          notAfter: new Date('9999-12-31T23:59:59Z'),
          place: { key: 'key/ever' },
          labels: { enabled: 'false' },
          ...common,
        },
        { kind: 'certificate', der: base64(uploaded), place: { key: 'key/up/certificate' }, ...common },
      ],
    });
    expect(fake.requests.find(({ path }) => path.endsWith('/keys'))?.query.get('keyTypes')).toBe('USER_MANAGED');

    fake.requests.splice(0);
    expect(await look(knownOf(observations))).toMatchObject([{ unchanged: true }]);
    expect(fake.requests).toHaveLength(2);
  });

  it('knows an uploaded certificate by its dates where it may not be read', async () => {
    fake.intercept = ({ path }) => (path.endsWith('/keys/up') ? googleDenied('iam.serviceAccountKeys.get') : undefined);

    const [seen] = await look();

    expect(seen?.items[2]).toMatchObject({ kind: 'credential', id: `${ACCOUNT}/keys/up` });
    expect(seen?.problems).toMatchObject([{ reason: 'permission_denied' }]);
    expect(seen?.version).toBeUndefined();
  });

  it('asks for no more keys once it is throttled, and says so', async () => {
    fake.routes.set(
      PATH,
      googleList(
        fake,
        'accounts',
        ['a', 'b', 'c'].map((name) => ({ name: `${ACCOUNT}-${name}` })),
      ),
    );
    fake.intercept = ({ path }) => (path.endsWith('/keys') ? json({}, 429) : undefined);

    const observations = await look();

    expect(fake.requests.filter(({ path }) => path.endsWith('/keys'))).toHaveLength(1);
    expect(observations.at(-1)).toMatchObject({
      location: `google-iam:${PROJECT}`,
      problems: [{ reason: 'throttled' }],
    });
  });
});
