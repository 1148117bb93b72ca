import { describe, expect, test } from 'vitest';

import { parseCertificate } from '../../src/certificate/certificate.ts';
import { judgeOcsp, MAX_OCSP_BYTES } from '../../src/certificate/ocsp.ts';
import { createOcspResponse, type OcspOptions } from '../helpers/ocsp.ts';
import { createAuthority, createCrl, extension, selfSigned, type TestCertificate } from '../helpers/pki.ts';

const HOUR = 3_600_000;
const NOW = Math.floor(Date.now() / 1000) * 1000;
const authority = createAuthority({ name: 'Issuing CA' });
const stranger = createAuthority({ name: 'Issuing CA' });
const leaf = authority.issue({ names: ['api.example.com'] });
const other = authority.issue({ names: ['other.example.com'] });
const responder = authority.issue({ names: [], commonName: 'Responder', extendedKeyUsage: ['1.3.6.1.5.5.7.3.9'] });
const noResponder = authority.issue({ names: [], commonName: 'Responder' });
const foreignResponder = stranger.issue({
  names: [],
  commonName: 'Responder',
  extendedKeyUsage: ['1.3.6.1.5.5.7.3.9'],
});
const formerResponder = authority.issue({
  names: [],
  commonName: 'Responder',
  extendedKeyUsage: ['1.3.6.1.5.5.7.3.9'],
  notBefore: new Date(NOW - 48 * HOUR),
  notAfter: new Date(NOW - HOUR),
});

function judge(response: Uint8Array, about: TestCertificate = leaf, now = NOW) {
  return judgeOcsp(response, parseCertificate(about.der), parseCertificate(authority.certificate.der), now);
}

function said(options: OcspOptions = {}) {
  return judge(createOcspResponse(authority, leaf, options));
}

const strange = extension('1.2.3.4', Buffer.from([5, 0]), true);
const harmless = extension('1.2.3.4', Buffer.from([5, 0]));

describe('a response that the issuer answers for', () => {
  test.each<[string, OcspOptions, object]>([
    ['says good', {}, { status: 'good' }],
    ['says good with an id of SHA-256', { hash: 'sha256' }, { status: 'good' }],
    ['names its responder by name', { responder: 'name' }, { status: 'good' }],
    ['says unknown', { status: 'unknown' }, { status: 'unknown' }],
    [
      'says revoked, when and why',
      { status: 'revoked', revokedAt: new Date(NOW - 5 * HOUR), reason: 1 },
      { status: 'revoked', revokedAt: NOW - 5 * HOUR, reason: 'keyCompromise' },
    ],
    ['is signed by a responder of the issuer', { signer: responder }, { status: 'good' }],
    ['is signed by a responder that is named by name', { signer: responder, responder: 'name' }, { status: 'good' }],
    ['sends the issuer along', { certificates: [authority.certificate] }, { status: 'good' }],
    ['speaks of others as well', { others: [other, other], status: 'revoked' }, { status: 'revoked' }],
    [
      'keeps its status past its nextUpdate',
      { nextUpdate: new Date(NOW - HOUR) },
      { status: 'good', nextUpdateAt: NOW - HOUR },
    ],
    ['is good a little ahead of our clock', { thisUpdate: new Date(NOW + 60_000) }, { status: 'good' }],
    [
      'holds extensions that do not matter',
      { singleExtensions: [harmless], responseExtensions: [harmless] },
      { status: 'good' },
    ],
  ])('%s', (_, options, expected) => {
    expect(said(options)).toMatchObject(expected);
    expect(said(options)).not.toHaveProperty('problem');
  });

  test('has no nextUpdate where it names none', () => {
    expect(said({ nextUpdate: null })).not.toHaveProperty('nextUpdateAt');
  });

  test('says until when it holds', () => {
    const times = { thisUpdate: new Date(NOW - HOUR), nextUpdate: new Date(NOW + 24 * HOUR) };
    expect(said(times)).toEqual({ status: 'good', thisUpdateAt: NOW - HOUR, nextUpdateAt: NOW + 24 * HOUR });
  });

  test('may be signed with RSA', () => {
    const rsa = createAuthority({ keyType: 'rsa' });
    const below = rsa.issue();
    const response = createOcspResponse(rsa, below);
    expect(judgeOcsp(response, parseCertificate(below.der), parseCertificate(rsa.certificate.der), NOW).status).toBe(
      'good',
    );
  });
});

describe('a response is invalid', () => {
  test.each<[string, OcspOptions, RegExp]>([
    [
      'when a stranger signed it',
      { signer: stranger.certificate },
      /did not issue|another certificate|signature is wrong/,
    ],
    [
      'when a stranger signed in the name of the issuer',
      { signer: stranger.certificate, certificates: [], responder: 'name' },
      /signature is wrong/,
    ],
    ['when its signer has no certificate for it', { signer: noResponder }, /not for OCSP signing/],
    ['when its signer has its certificate from another', { signer: foreignResponder }, /did not issue/],
    ['when the certificate of its signer has ended', { signer: formerResponder }, /not valid now/],
    ['when its signer does not come with it', { signer: responder, certificates: [] }, /does not come with it/],
    ['when the served certificate itself signed it', { signer: leaf }, /not for OCSP signing/],
    ['when it is of another issuer of the same name', { idIssuer: stranger }, /another certificate/],
    ['when it is from the future', { thisUpdate: new Date(NOW + HOUR) }, /from the future/],
    ['when the responder could not answer', { failure: 3 }, /tryLater/],
    ['when the responder answered something new', { failure: 9 }, /status 9/],
    ['with a strange critical extension of the statement', { singleExtensions: [strange] }, /critical extension/],
    ['with a strange critical extension of the response', { responseExtensions: [strange] }, /critical extension/],
  ])('%s', (_, options, problem) => {
    expect(said(options)).toEqual({ status: 'invalid', problem: expect.stringMatching(problem) });
  });

  test('when it is about another certificate', () => {
    expect(judge(createOcspResponse(authority, other))).toEqual({
      status: 'invalid',
      problem: 'it is about another certificate',
    });
  });

  test.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array()],
    ['a certificate', leaf.der],
    ['a CRL', createCrl(authority).der],
    ['half of one', createOcspResponse(authority, leaf).subarray(0, 200)],
    ['too much', new Uint8Array(MAX_OCSP_BYTES + 1)],
    ['a stranger', selfSigned().der],
  ])('when it is %s', (_, bytes) => {
    expect(judge(bytes)).toEqual({ status: 'invalid', problem: expect.any(String) });
  });
});

test('of 20 000 mutations none crashes the reader or makes a revoked certificate good', () => {
  const response = createOcspResponse(authority, leaf, { status: 'revoked' });
  const delegated = createOcspResponse(authority, leaf, { status: 'revoked', signer: responder });
  const certificate = parseCertificate(leaf.der);
  const issuer = parseCertificate(authority.certificate.der);
  let seed = 1;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % below;
  };
  const told = new Map<string, number>();
  for (let round = 0; round < 20_000; round++) {
    const changed = Uint8Array.from(round % 20 === 0 ? delegated : response);
    for (let left = 1 + random(3); left > 0; left--) changed[random(changed.length)] = random(256);
    const cut = random(20) === 0 ? changed.subarray(0, random(changed.length)) : changed;
    const { status } = judgeOcsp(cut, certificate, issuer, NOW);
    told.set(status, (told.get(status) ?? 0) + 1);
  }
  expect([...told.keys()].filter((status) => status !== 'invalid' && status !== 'revoked')).toEqual([]);
});
