import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { createCrl } from '../../src/enrich/crl.ts';
import { ask, enrichContext, startOutside, wanted, type Outside } from '../helpers/enrich.ts';
import { createAuthority, createCrl as writeCrl, type CrlOptions } from '../helpers/pki.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Math.floor(Date.now() / 1000) * 1000;
const authority = createAuthority({ name: 'Issuing CA' });
const stranger = createAuthority({ name: 'Issuing CA' });

let outside: Outside;
beforeEach(async () => {
  outside = await startOutside();
});
afterEach(() => outside[Symbol.asyncDispose]());

function list(options: CrlOptions = {}, by = authority): Uint8Array {
  return writeCrl(by, { thisUpdate: new Date(NOW - HOUR), nextUpdate: new Date(NOW + 7 * DAY), ...options }).der;
}

function leaf(serial: number, path = '/ca.crl', more: readonly string[] = []) {
  return authority.issue({ serial: Buffer.from([serial]), crlUrls: [`${outside.base}${path}`, ...more] });
}

test('one download tells of all certificates that name the list', async () => {
  outside.reply = () => ({ body: list({ revoked: [Buffer.from([2])] }) });
  const answers = await ask(
    createCrl(),
    [wanted(leaf(1), authority), wanted(leaf(2), authority)],
    enrichContext(outside, { now: () => NOW }),
  );
  expect(answers).toMatchObject([
    {
      learned: { kind: 'revocation', by: 'crl', status: 'good', nextUpdateAt: NOW + 7 * DAY, at: NOW },
      askAgainAt: NOW + DAY,
    },
    { learned: { kind: 'revocation', by: 'crl', status: 'revoked', revokedAt: NOW - HOUR } },
  ]);
  expect(outside.asked.map(({ method, url }) => `${method} ${url}`)).toEqual(['GET /ca.crl']);
});

describe('a list that says nothing', () => {
  test.each<[string, () => Uint8Array, RegExp]>([
    ['is signed by a stranger of the same name', () => list({}, stranger), /signature is not that of the issuer/],
    ['is that of another issuer', () => list({}, createAuthority({ name: 'Other' })), /list of another issuer/],
    ['is from the future', () => list({ thisUpdate: new Date(NOW + DAY) }), /from the future/],
    ['is out of date', () => list({ nextUpdate: new Date(NOW - 1000) }), /out of date/],
  ])('%s: unknown', async (_, der, problem) => {
    outside.reply = () => ({ body: der() });
    const [answer] = await ask(createCrl(), [wanted(leaf(1), authority)], enrichContext(outside, { now: () => NOW }));
    expect(answer?.learned).toMatchObject({ status: 'unknown', problem: expect.stringMatching(problem) as string });
  });

  test('that a certificate was revoked does not pass with the date of the list', async () => {
    outside.reply = () => ({ body: list({ nextUpdate: new Date(NOW - 1000), revoked: [Buffer.from([1])] }) });
    const [answer] = await ask(createCrl(), [wanted(leaf(1), authority)], enrichContext(outside, { now: () => NOW }));
    expect(answer).toMatchObject({ learned: { status: 'revoked' }, askAgainAt: NOW + HOUR });
  });
});

describe('what is no list', () => {
  test.each<[string, Outside['reply'], RegExp]>([
    ['a page of HTML', () => ({ body: '<html>' }), /cannot be read/],
    ['nothing', () => ({ body: '' }), /cannot be read/],
    ['an error', () => ({ status: 500 }), /HTTP 500/],
    ['a redirect to the inside', () => ({ status: 302, headers: { location: 'http://169.254.169.254/' } }), /metadata/],
  ])('%s: nothing is learned, and it is tried again later and later', async (_, reply, problem) => {
    outside.reply = reply;
    const one = leaf(1);
    const context = enrichContext(outside, { now: () => NOW });
    const [first] = await ask(createCrl(), [wanted(one, authority)], context);
    const previous = { enricher: 'crl', subject: one.fingerprint, askedAt: 0, askAgainAt: 0, failures: 9 } as const;
    const [tenth] = await ask(createCrl(), [wanted(one, authority, previous)], context);
    expect(first).toEqual({
      subject: one.fingerprint,
      problem: expect.stringMatching(problem) as string,
      askAgainAt: NOW + 5 * 60_000,
    });
    expect(tenth?.askAgainAt).toBe(NOW + 6 * HOUR);
  });
});

test('a list as PEM is read as well', async () => {
  outside.reply = () => ({ body: writeCrl(authority).pem });
  const [answer] = await ask(createCrl(), [wanted(leaf(1), authority)], enrichContext(outside));
  expect(answer?.learned).toMatchObject({ status: 'good' });
});

test('the next distribution point is asked when the first says nothing', async () => {
  const one = leaf(1, '/down.crl', [`${outside.base}/up.crl`, 'ldap://example.com/x']);
  outside.reply = ({ url }) => (url === '/up.crl' ? { body: list() } : { status: 503 });
  const [answer] = await ask(createCrl(), [wanted(one, authority)], enrichContext(outside, { now: () => NOW }));
  expect(answer?.learned).toMatchObject({ status: 'good', url: `${outside.base}/up.crl` });
  expect(outside.asked).toHaveLength(2);
});

describe('the memory of lists', () => {
  test('a certificate that comes later needs no second download while the list is fresh', async () => {
    outside.reply = () => ({ body: list() });
    const crl = createCrl();
    const context = enrichContext(outside, { now: () => NOW });
    await ask(crl, [wanted(leaf(1), authority)], context);
    const [later] = await ask(crl, [wanted(leaf(2), authority)], context);
    expect([later?.learned, outside.asked.length]).toMatchObject([{ status: 'good' }, 1]);
  });

  test('a list that has not changed is not sent again', async () => {
    const at = { now: NOW };
    outside.reply = ({ headers }) =>
      headers['if-none-match'] === '"1"' ? { status: 304 } : { body: list(), headers: { etag: '"1"' } };
    const crl = createCrl();
    const context = enrichContext(outside, { now: () => at.now });
    await ask(crl, [wanted(leaf(1), authority)], context);
    at.now += DAY + 1;
    const [answer] = await ask(crl, [wanted(leaf(1), authority)], context);
    expect(answer).toMatchObject({ learned: { status: 'good', at: at.now }, askAgainAt: at.now + DAY });
    expect(outside.asked.map(({ headers }) => headers['if-none-match'])).toEqual([undefined, '"1"']);
  });

  test('another issuer of the same name is checked by itself', async () => {
    outside.reply = () => ({ body: list() });
    const crl = createCrl();
    const other = stranger.issue({ crlUrls: [`${outside.base}/ca.crl`] });
    const answers = await ask(
      crl,
      [wanted(leaf(1), authority), wanted(other, stranger)],
      enrichContext(outside, { now: () => NOW }),
    );
    expect(answers).toMatchObject([{ learned: { status: 'good' } }, { learned: { status: 'unknown' } }]);
    expect(outside.asked).toHaveLength(1);
  });
});

test('it is asked about certificates that name a list which can be fetched, and whose issuer is known', () => {
  const crl = createCrl();
  const { certificate, issuer } = wanted(leaf(1), authority);
  expect(crl.applies(certificate, issuer)).toBe(true);
  expect(crl.applies(certificate, undefined)).toBe(false);
  expect(crl.applies(wanted(authority.issue({ crlUrls: ['ldap://x/'] })).certificate, issuer)).toBe(false);
});
