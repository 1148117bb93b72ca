import { expect, test } from 'vitest';

import type { KnownDistrust, UnservedCertificate } from '../../../src/inventory/model.ts';
import { authority, fileLocation, judged, judgedChain, leaf, NOW, sighting, told, view } from '../places.ts';

const incomplete: KnownDistrust = {
  why: 'incomplete',
  top: leaf().id,
  issuer: 'CN=Example Issuing CA,O=Example',
  isPublic: true,
};
const known: UnservedCertificate = {
  id: 'ab'.repeat(32),
  title: 'Example Issuing CA',
  notAfter: { status: 'known', at: NOW + 1 },
  from: 'elsewhere',
};

test.each([
  ['no intermediate is missing', judgedChain({ unserved: [] }), []],
  ['the root is not sent', judgedChain({ unserved: [{ ...known, from: 'anchor' }] }), []],
  [
    'an intermediate is known, but not from the server',
    judgedChain({ unserved: [known] }),
    ['chain-incomplete warning'],
  ],
  [
    'likewise, and it is known whom the clients trust',
    judgedChain({ unserved: [known], hasOwnTrust: true }),
    ['chain-incomplete critical'],
  ],
  [
    'a public leaf comes alone',
    judgedChain({ distrust: incomplete }, { untrusted: true }),
    ['chain-incomplete warning'],
  ],
  ['nothing was judged', judgedChain(), []],
  ['it is a file', fileLocation([sighting(leaf())]), []],
] as const)('%s', (_, location, expected) => {
  expect(told(location)).toEqual(expected);
});

test('the finding names what is missing, and what to do', () => {
  const [finding] = judged(judgedChain({ unserved: [known] })).findings;
  expect(finding).toMatchObject({
    family: 'chain',
    cause: leaf().id,
    summary:
      'api.example.com (CN=api.example.com,O=Example) is served without the intermediate Example Issuing CA: clients that do not happen to have it fail, at api.example.com:8443@10.0.0.7',
  });
  expect(finding?.facts).toContainEqual({ name: 'Fingerprint of the missing', value: known.id });
  expect(finding?.actions.join(' ')).toContain('fullchain.pem');
});

test('where the missing one is to be had is told, when it was looked for', () => {
  const above = authority();
  const fact = { kind: 'issuer', at: NOW, issuer: above, url: 'http://ca.example/ca.crt' } as const;
  const location = judgedChain({ distrust: incomplete });
  const [finding] = judged(location, 0, { view: view({ facts: { [leaf().id]: [fact] } }) }).findings;
  expect(finding?.facts).toContainEqual({
    name: 'To be had at',
    value: `http://ca.example/ca.crt: ${above.title} (${above.subject}), ${above.id}`,
  });
});
