import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { certId, createAri } from '../../src/enrich/ari.ts';
import { ask, enrichContext, startOutside, wanted, type Outside, type Reply } from '../helpers/enrich.ts';
import { createAuthority } from '../helpers/pki.ts';

const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 10, 23, 12);
const authority = createAuthority({ name: 'R11', organization: "Let's Encrypt" });
const leaf = authority.issue();
const start = new Date(NOW + 24 * HOUR).toISOString();
const end = new Date(NOW + 48 * HOUR).toISOString();

let outside: Outside;
beforeEach(async () => {
  outside = await startOutside();
});
afterEach(() => outside[Symbol.asyncDispose]());

function serve(reply: Reply, directory: Reply = { body: JSON.stringify({ renewalInfo: `${outside.base}/renewal/` }) }) {
  outside.reply = ({ url }) => (url === '/directory' ? directory : reply);
  const ari = createAri(new Map([["Let's Encrypt", `${outside.base}/directory`]]));
  return { ari, context: enrichContext(outside, { now: () => NOW }) };
}

test('the id of a certificate is that of RFC 9773', () => {
  const example = authority.issue({
    authorityKeyId: Buffer.from('69885B6B87464041E1B37B847BA0AE2CDE01C8D4', 'hex'),
    serial: Buffer.from('0087654321', 'hex'),
  });
  expect(certId(wanted(example).certificate)).toBe('aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE');
  expect(certId(wanted(authority.issue({ authorityKeyId: null })).certificate)).toBeUndefined();
});

test('the window of a certificate is asked for at the directory of its issuer, which is read once', async () => {
  const body = JSON.stringify({ suggestedWindow: { start, end }, explanationURL: 'https://ca.example/why' });
  const { ari, context } = serve({ body, headers: { 'retry-after': '21600' } });
  const [answer] = await ask(ari, [wanted(leaf)], context);
  await ask(ari, [wanted(leaf)], context);
  expect(answer).toEqual({
    subject: leaf.fingerprint,
    learned: {
      kind: 'renewal',
      at: NOW,
      startAt: NOW + 24 * HOUR,
      endAt: NOW + 48 * HOUR,
      explanationUrl: 'https://ca.example/why',
    },
    askAgainAt: NOW + 6 * HOUR,
  });
  const path = `/renewal/${certId(wanted(leaf).certificate)}`;
  expect(outside.asked.map(({ url }) => url)).toEqual(['/directory', path, path]);
});

describe('when to ask again', () => {
  const body = JSON.stringify({ suggestedWindow: { start, end } });
  test.each([
    ['1', 60_000],
    ['99999999', 24 * HOUR],
    ['3600', HOUR],
    [new Date(NOW + 2 * HOUR).toUTCString(), 2 * HOUR],
    ['soon', 6 * HOUR],
    ['-5', 6 * HOUR],
  ])('Retry-After %s', async (header, expected) => {
    const { ari, context } = serve({ body, headers: { 'retry-after': header } });
    const [answer] = await ask(ari, [wanted(leaf)], context);
    expect(answer?.askAgainAt).toBe(NOW + expected);
  });

  test.each<[string, Reply, number]>([
    ['an overloaded CA: soon', { status: 503 }, 300_000],
    ['an overloaded CA that names a time', { status: 503, headers: { 'retry-after': '900' } }, 900_000],
    ['one that knows nothing of it: after six hours', { status: 404 }, 6 * HOUR],
    ['no JSON: after six hours', { body: '<html>' }, 6 * HOUR],
    ['no window', { body: '{"suggestedWindow":null}' }, 6 * HOUR],
    [
      'a window that ends before it begins',
      { body: JSON.stringify({ suggestedWindow: { start: end, end: start } }) },
      6 * HOUR,
    ],
    ['a window of no length', { body: JSON.stringify({ suggestedWindow: { start, end: start } }) }, 6 * HOUR],
    ['a window of numbers', { body: '{"suggestedWindow":{"start":1,"end":2}}' }, 6 * HOUR],
  ])('%s', async (_, reply, expected) => {
    const { ari, context } = serve(reply);
    const [answer] = await ask(ari, [wanted(leaf)], context);
    expect(answer).toEqual({
      subject: leaf.fingerprint,
      problem: expect.any(String) as string,
      askAgainAt: NOW + expected,
    });
  });

  test('a directory without renewalInfo: tomorrow', async () => {
    const { ari, context } = serve({}, { body: '{"newNonce":"x"}' });
    const [answer] = await ask(ari, [wanted(leaf)], context);
    expect(answer).toMatchObject({
      problem: expect.stringMatching(/no renewalInfo/) as string,
      askAgainAt: NOW + 24 * HOUR,
    });
  });
});

test('an explanation that is no web address is left out', async () => {
  const body = JSON.stringify({ suggestedWindow: { start, end }, explanationURL: 'javascript:alert(1)' });
  const { ari, context } = serve({ body });
  const [answer] = await ask(ari, [wanted(leaf)], context);
  expect(answer?.learned).not.toHaveProperty('explanationUrl');
});

describe('who is asked about', () => {
  const url = 'http://acme.example/directory';
  const { certificate } = wanted(leaf);
  const keyId = certificate.authorityKeyId ?? '';
  const comma = createAuthority({ name: 'CA', organization: 'Example, Inc.' }).issue();
  test.each([
    ['an issuer by its organization', new Map([["let's encrypt", url]]), certificate, true],
    ['an issuer by its key id', new Map([[keyId, url]]), certificate, true],
    ['an organization with a comma', new Map([['Example, Inc.', url]]), wanted(comma).certificate, true],
    ['a part of an organization', new Map([["Let's", url]]), certificate, false],
    ['another organization: a private CA', new Map([['Other', url]]), certificate, false],
    ['nobody', new Map<string, string>(), certificate, false],
    [
      'a CA',
      new Map([["Let's Encrypt", url]]),
      wanted(createAuthority({ parent: authority }).certificate).certificate,
      false,
    ],
    [
      'one without an authority key identifier',
      new Map([["Let's Encrypt", url]]),
      wanted(authority.issue({ authorityKeyId: null })).certificate,
      false,
    ],
  ])('%s', (_, directories, asked, expected) => {
    expect(createAri(directories).applies(asked, undefined)).toBe(expected);
  });
});
