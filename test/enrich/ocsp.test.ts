import { afterEach, beforeEach, expect, test } from 'vitest';

import { ocsp } from '../../src/enrich/ocsp.ts';
import { ask, enrichContext, startOutside, wanted, type Outside } from '../helpers/enrich.ts';
import { createOcspResponse, type OcspOptions } from '../helpers/ocsp.ts';
import { createAuthority } from '../helpers/pki.ts';

const HOUR = 3_600_000;
const NOW = Math.floor(Date.now() / 1000) * 1000;
const authority = createAuthority({ name: 'Issuing CA' });
const stranger = createAuthority({ name: 'Issuing CA' });

let outside: Outside;
beforeEach(async () => {
  outside = await startOutside();
});
afterEach(() => outside[Symbol.asyncDispose]());

function leaf(path = '/ocsp') {
  return authority.issue({ ocspUrls: [`${outside.base}${path}`] });
}

test.each<[string, OcspOptions, object]>([
  ['good', {}, { learned: { kind: 'revocation', by: 'ocsp', status: 'good' }, askAgainAt: NOW + 11.5 * HOUR }],
  ['revoked', { status: 'revoked', reason: 1 }, { learned: { status: 'revoked', reason: 'keyCompromise' } }],
  ['unknown', { status: 'unknown' }, { learned: { status: 'unknown' } }],
  ['out of date', { nextUpdate: new Date(NOW - 1000) }, { learned: { status: 'unknown' }, askAgainAt: NOW + HOUR }],
  ['signed by a stranger', { signer: stranger.certificate }, { problem: expect.stringMatching(/cannot be used/) }],
  ['busy', { failure: 3 }, { problem: expect.stringMatching(/tryLater/), askAgainAt: NOW + 300_000 }],
])('an answer that is %s', async (_, options, expected) => {
  const one = leaf();
  const times = { thisUpdate: new Date(NOW - HOUR), nextUpdate: new Date(NOW + 24 * HOUR) };
  outside.reply = () => ({ body: createOcspResponse(authority, one, { ...times, ...options }) });
  const [answer] = await ask(ocsp, [wanted(one, authority)], enrichContext(outside, { now: () => NOW }));
  expect(answer).toMatchObject(expected);
});

test('the answer for another certificate is none', async () => {
  outside.reply = () => ({ body: createOcspResponse(authority, leaf()) });
  const [answer] = await ask(ocsp, [wanted(leaf(), authority)], enrichContext(outside));
  expect(answer).toMatchObject({ problem: expect.stringMatching(/another certificate/) });
  expect(answer).not.toHaveProperty('learned');
});

test('it is asked by GET, and by POST where that is refused', async () => {
  const one = leaf();
  outside.reply = ({ method }) => (method === 'GET' ? { status: 405 } : { body: createOcspResponse(authority, one) });
  const [answer] = await ask(ocsp, [wanted(one, authority)], enrichContext(outside));
  const [get, post] = outside.asked;
  expect(answer).toMatchObject({ learned: { status: 'good' } });
  expect(outside.asked.map(({ method }) => method)).toEqual(['GET', 'POST']);
  expect(decodeURIComponent(get?.url.replace('/ocsp/', '') ?? '')).toBe(post?.body.toString('base64'));
  expect(post?.headers['content-type']).toBe('application/ocsp-request');
});

test('who names a time is heeded', async () => {
  outside.reply = () => ({ status: 503, headers: { 'retry-after': '7200' } });
  const [answer] = await ask(ocsp, [wanted(leaf(), authority)], enrichContext(outside, { now: () => NOW }));
  expect([answer?.askAgainAt, outside.asked.length]).toEqual([NOW + 2 * HOUR, 1]);
});

test('it is asked about certificates without a revocation list', () => {
  const { certificate, issuer } = wanted(leaf(), authority);
  const withList = wanted(authority.issue({ ocspUrls: ['http://o/'], crlUrls: ['http://c/'] })).certificate;
  expect([
    ocsp.applies(certificate, issuer),
    ocsp.applies(certificate, undefined),
    ocsp.applies(withList, issuer),
  ]).toEqual([true, false, false]);
});
