import { afterEach, beforeEach, expect, test } from 'vitest';

import { aia } from '../../src/enrich/aia.ts';
import { ask, enrichContext, startOutside, wanted, type Outside } from '../helpers/enrich.ts';
import { createAuthority, selfSigned } from '../helpers/pki.ts';

const root = createAuthority({ name: 'Root' });
const authority = createAuthority({ name: 'Issuing CA', parent: root });
const impostor = createAuthority({ name: 'Issuing CA' });

let outside: Outside;
beforeEach(async () => {
  outside = await startOutside();
});
afterEach(() => outside[Symbol.asyncDispose]());

test.each([
  ['DER', authority.certificate.der],
  ['PEM', authority.certificate.pem],
  ['a bundle', root.certificate.pem + authority.certificate.pem],
])('the issuer is found in %s', async (_, body) => {
  const leaf = authority.issue({ issuerUrls: ['ldap://x/', `${outside.base}/ca.crt`] });
  outside.reply = () => ({ body });
  const [answer] = await ask(aia, [wanted(leaf)], enrichContext(outside));
  expect(answer?.learned).toMatchObject({ kind: 'issuer', url: `${outside.base}/ca.crt` });
  expect(Buffer.from(answer?.learned?.kind === 'issuer' ? answer.learned.der : [])).toEqual(
    Buffer.from(authority.certificate.der),
  );
});

test.each([
  ['another authority of that name', impostor.certificate.der],
  ['the certificate itself', undefined],
  ['a page', '<html>'],
  ['nothing', ''],
])('%s is not taken for it', async (_, body) => {
  const leaf = authority.issue({ issuerUrls: [`${outside.base}/ca.crt`] });
  outside.reply = () => ({ body: body ?? leaf.der });
  const [answer] = await ask(aia, [wanted(leaf)], enrichContext(outside));
  expect(answer).toMatchObject({ problem: expect.stringMatching(/not the certificate that issued/) as string });
  expect(answer).not.toHaveProperty('learned');
});

test('only issuers that nobody knows are looked for', () => {
  const { certificate, issuer } = wanted(authority.issue({ issuerUrls: ['http://x/'] }), authority);
  expect([
    aia.applies(certificate, undefined),
    aia.applies(certificate, issuer),
    aia.applies(wanted(authority.issue()).certificate, undefined),
    aia.applies(wanted(selfSigned({ issuerUrls: ['http://x/'] })).certificate, undefined),
  ]).toEqual([true, false, false, false]);
});
