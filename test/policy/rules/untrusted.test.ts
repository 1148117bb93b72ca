import { expect, test } from 'vitest';

import type { ChainFigures, KnownDistrust } from '../../../src/inventory/model.ts';
import { authority, judged, judgedChain, leaf, NOW, told, view } from '../places.ts';

function distrust(why: KnownDistrust['why'], more: Partial<KnownDistrust> = {}): Partial<ChainFigures> {
  return { distrust: { why, top: authority().id, issuer: 'CN=Example Root,O=Example', isPublic: false, ...more } };
}

const OWN = { hasOwnTrust: true } as const;
const breach = {
  rule: 'name-constraints',
  by: authority().id,
  title: 'Example Issuing CA',
  what: 'evil.example',
} as const;

test.each([
  ['a trusted one', {}, []],
  ['a self-signed one', distrust('self-signed'), ['untrusted info']],
  ['an unknown root', distrust('unknown-root'), ['untrusted info']],
  ['an unknown issuer', distrust('unknown-issuer'), ['untrusted info']],
  ['an unknown issuer of a public CA', distrust('unknown-issuer', { isPublic: true }), ['untrusted warning']],
  [
    'a self-signed one though the config says whom to trust',
    { ...distrust('self-signed'), ...OWN },
    ['untrusted critical'],
  ],
  ['an unknown root though the config says whom', { ...distrust('unknown-root'), ...OWN }, ['untrusted critical']],
  ['an unknown issuer though the config says whom', { ...distrust('unknown-issuer'), ...OWN }, ['untrusted critical']],
  ['a path that breaks a rule', distrust('breach', { breach }), ['untrusted critical']],
  ['a search that met its limits', distrust('exhausted'), ['untrusted info']],
  [
    'a search that met its limits where the config says whom',
    { ...distrust('exhausted'), ...OWN },
    ['untrusted warning'],
  ],
  ['a missing intermediate, told by another rule', distrust('incomplete'), ['chain-incomplete warning']],
] as const)('%s', (_, chain, expected) => {
  expect(told(judgedChain(chain, Object.keys(chain).length === 0 ? {} : { untrusted: true }))).toEqual(expected);
});

test.each([
  ['each self-signed certificate alone', distrust('self-signed'), leaf().id, 'it is self-signed'],
  [
    'all under one unknown root',
    distrust('unknown-root'),
    authority().id,
    'the root CN=Example Root,O=Example is not trusted',
  ],
  [
    'all under one unknown issuer, by its key',
    distrust('unknown-issuer', { issuerKeyId: 'abcd' }),
    'issuer:abcd',
    'CN=Example Root,O=Example is neither served nor trusted',
  ],
  [
    'all under one unknown issuer, by its name where it has no key identifier',
    distrust('unknown-issuer', { isPublic: true }),
    'issuer:CN=Example Root,O=Example',
    'CN=Example Root,O=Example is neither served nor trusted, though a public CA issued it',
  ],
  [
    'all under one CA whose limit is broken',
    distrust('breach', { breach }),
    authority().id,
    'Example Issuing CA is not allowed to issue for evil.example',
  ],
] as const)('%s is one alert', (_, chain, cause, why) => {
  expect(judged(judgedChain(chain, { untrusted: true })).findings).toMatchObject([
    {
      family: 'chain',
      cause,
      summary: `The chain of api.example.com (CN=api.example.com,O=Example) leads to no trusted root: ${why}, at api.example.com:8443@10.0.0.7`,
    },
  ]);
});

test.each([
  ['its own certificate alone', leaf().id, OWN, true],
  ['an intermediate too', authority().id, OWN, false],
  ['its own certificate alone, to clients of whom nothing is known', leaf().id, {}, false],
])('a server that sends %s is told to send the whole chain, or not', (_, top, own, isTold) => {
  const { findings } = judged(judgedChain({ ...distrust('unknown-issuer', { top }), ...own }, { untrusted: true }));
  expect(findings[0]?.actions.some((action) => action.includes('whole chain'))).toBe(isTold);
});

test('an issuer that was found where the certificate says is named', () => {
  const issuer = authority('Found CA');
  const url = 'http://pki.example/ca.der';
  const facts = (subject: string) => (subject === leaf().id ? [{ kind: 'issuer' as const, at: NOW, issuer, url }] : []);
  const options = { view: { ...view(), facts } };
  const { findings } = judged(
    judgedChain(distrust('unknown-issuer', { top: leaf().id }), { untrusted: true }),
    0,
    options,
  );
  expect(findings[0]?.facts).toContainEqual({
    name: 'To be had at',
    value: expect.stringContaining(`${url}: Found CA`) as string,
  });
});

test.each([
  ['not-yet-valid', 'CA is not valid yet'],
  ['critical-extension', 'CA holds the critical extension 1.2.3, which clients do not know'],
  ['no-authority', 'CA is no CA and must not issue'],
  ['key-usage', 'the key usage of CA does not allow it to sign certificates'],
  ['path-length', 'CA allows fewer CAs below itself'],
  ['extended-key-usage', 'the extended key usage of CA does not allow servers'],
] as const)('a breach of %s is said in words', (rule, words) => {
  const chain = distrust('breach', { breach: { rule, by: 'x', title: 'CA', what: '1.2.3' } });
  expect(judged(judgedChain(chain, { untrusted: true })).findings[0]?.summary).toContain(words);
});
