import { hash } from 'node:crypto';

import { parseCertificate } from './certificate.ts';
import { DerError, DerReader, Tag } from './der.ts';
import { hasStrangeCritical } from './extensions.ts';
import { IssuerCheck } from './issuer.ts';
import { CertificateError, type Certificate } from './model.ts';
import { lookUpOid, oidTable } from './oids.ts';
import { publicKeyBits } from './public-key.ts';
import { instantOf, revocationReason, serialKey } from './revocation.ts';
import { publicKeyOf, readSigned, verifySigned, type Signed } from './signature.ts';
import { readTime, type CertificateTime } from './time.ts';

/** What an OCSP response (RFC 6960) says of one certificate. Times are milliseconds since the epoch. */
export interface OcspStatement {
  /**
   * `unknown`: the responder says that it does not know the certificate. `invalid`: it could not be read, is about
   * another certificate, or nobody entitled to has signed it. A statement past its `nextUpdateAt` keeps its status.
   */
  readonly status: 'good' | 'revoked' | 'unknown' | 'invalid';
  readonly thisUpdateAt?: number;
  readonly nextUpdateAt?: number;
  readonly revokedAt?: number;
  /** Why it was revoked, by RFC 5280's names. */
  readonly reason?: string;
  /** Why it is invalid. */
  readonly problem?: string;
}

/** Longer ones are not read: a response for one certificate with a chain behind it stays far below. */
export const MAX_OCSP_BYTES = 128 * 1024;
/** Certificates that a response may speak of, and that may come with it. */
const MAX_STATEMENTS = 256;
const MAX_CERTIFICATES = 8;
/** Clocks differ; a statement from further ahead than this is not yet to be relied on. */
const SKEW_MS = 5 * 60_000;

/** OCSPResponseStatus, RFC 6960 4.2.1. */
const ANSWERS: Readonly<Record<number, string>> = {
  1: 'malformedRequest',
  2: 'internalError',
  3: 'tryLater',
  5: 'sigRequired',
  6: 'unauthorized',
};

const RESPONSE_TYPES = oidTable({ '1.3.6.1.5.5.7.48.1.1': 'basic' });
/** Nonce, archive cutoff, CRL references, service locator, preferred algorithms, extended revoke: none changes what a status means. */
const UNDERSTOOD = oidTable<true>(
  Object.fromEntries([2, 3, 6, 7, 8, 9].map((last) => [`1.3.6.1.5.5.7.48.1.${last}`, true])),
);
export const CERT_ID_HASHES = oidTable<'sha1' | 'sha256' | 'sha384' | 'sha512'>({
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
});

/** The response as read, nothing verified. */
interface Basic {
  readonly signed: Signed;
  /** `name`: DER of the responder's name. `key`: SHA-1 of its public key. */
  readonly responder: { readonly kind: 'name' | 'key'; readonly octets: Uint8Array };
  readonly statements: DerReader;
  readonly certificates: readonly Certificate[];
}

/** The response cannot be used; the message says why. */
class OcspFault extends Error {}

/**
 * What the response says of `certificate`, which `issuer` has issued: about exactly this certificate, and signed by the
 * issuer's key or by a responder to which the issuer gave a certificate for OCSP signing (RFC 6960 4.2.2.2). Whether a
 * responder's own certificate was revoked is not asked. Never throws; `now` is milliseconds since the epoch.
 */
export function judgeOcsp(
  response: Uint8Array,
  certificate: Certificate,
  issuer: Certificate,
  now: number,
): OcspStatement {
  try {
    if (response.length > MAX_OCSP_BYTES) throw new OcspFault(`it is longer than ${MAX_OCSP_BYTES} bytes`);
    const basic = readResponse(response);
    const statement = findStatement(basic.statements, certificate, issuer);
    if (statement === undefined) throw new OcspFault('it is about another certificate');
    checkSigner(basic, issuer, now);
    if (statement.thisUpdateAt === undefined) throw new OcspFault('its thisUpdate cannot be read');
    if (statement.thisUpdateAt > now + SKEW_MS) throw new OcspFault('it is from the future; compare the clocks');
    return statement;
  } catch (error) {
    if (error instanceof DerError) return { status: 'invalid', problem: `not an OCSP response: ${error.message}` };
    if (error instanceof OcspFault) return { status: 'invalid', problem: error.message };
    throw error;
  }
}

function readResponse(response: Uint8Array): Basic {
  const outer = DerReader.over(response).expect(Tag.sequence, 'the OCSP response').enter();
  const answer = outer.expect(Tag.enumerated, 'the response status').octet(0);
  if (answer !== 0) throw new OcspFault(`the responder answered ${ANSWERS[answer] ?? `status ${answer}`}`);
  const bytes = outer.expect(0xa0, 'the response').enter().expect(Tag.sequence, 'the response').enter();
  if (lookUpOid(RESPONSE_TYPES, bytes.expect(Tag.oid, 'the response type')) === undefined) {
    throw new OcspFault('it is of a type other than basic');
  }
  const parts = bytes
    .expect(Tag.octetString, 'the response')
    .enter()
    .expect(Tag.sequence, 'the basic response')
    .enter();
  const data = readData(parts);
  const certificates = parts.done ? [] : readCertificates(parts.expect(0xa0, 'the certificates'));
  return { ...data, certificates };
}

/** ResponseData, the part that is signed. */
function readData(parts: DerReader): Omit<Basic, 'certificates'> {
  const signed = readSigned(parts, 'the OCSP response');
  const data = DerReader.over(signed.content).expect(Tag.sequence, 'the response data').enter();
  if (data.peek() === 0xa0) data.next();
  const tag = data.peek();
  if (tag !== 0xa1 && tag !== 0xa2) throw new DerError('the responder is missing', data.end);
  data.next();
  const id = data.enter();
  const responder =
    tag === 0xa1
      ? ({ kind: 'name', octets: id.expect(Tag.sequence, "the responder's name").element() } as const)
      : ({ kind: 'key', octets: id.expect(Tag.octetString, "the responder's key").content() } as const);
  data.expect(Tag.generalizedTime, 'producedAt');
  const statements = data.expect(Tag.sequence, 'the list of statements').enter();
  if (data.peek() === 0xa1) {
    data.next();
    refuseStrange(data.enter());
  }
  return { signed, responder, statements };
}

function refuseStrange(extensions: DerReader): void {
  if (hasStrangeCritical(extensions, UNDERSTOOD)) {
    throw new OcspFault('it holds a critical extension that is not known here');
  }
}

/** What comes with a response is only a help: one that cannot be read is left out. */
function readCertificates(parts: DerReader): readonly Certificate[] {
  const list = parts.enter().expect(Tag.sequence, 'the certificates').enter();
  const certificates: Certificate[] = [];
  for (let count = 0; !list.done && count < MAX_CERTIFICATES; count++) {
    list.next();
    try {
      certificates.push(parseCertificate(list.element()));
    } catch (error) {
      if (!(error instanceof CertificateError)) throw error;
    }
  }
  return certificates;
}

/** The statement about the certificate; of several the newest. */
function findStatement(list: DerReader, certificate: Certificate, issuer: Certificate): OcspStatement | undefined {
  const serial = serialKey(certificate.serial);
  const isIssuer = issuerHashes(certificate, issuer);
  let found: OcspStatement | undefined;
  for (let count = 0; !list.done; count++) {
    if (count >= MAX_STATEMENTS) throw new OcspFault(`it speaks of more than ${MAX_STATEMENTS} certificates`);
    const single = list.expect(Tag.sequence, 'a statement').enter();
    const id = single.expect(Tag.sequence, 'the id of a certificate').enter();
    const algorithm = id.expect(Tag.sequence, 'the hash of an id').enter();
    const digest = lookUpOid(CERT_ID_HASHES, algorithm.expect(Tag.oid, 'the hash of an id'));
    const name = id.expect(Tag.octetString, 'the hash of the name of an issuer').content();
    const key = id.expect(Tag.octetString, 'the hash of the key of an issuer').content();
    id.expect(Tag.integer, 'the serial number of an id');
    if (digest === undefined || serialKey(id.text('hex')) !== serial || !isIssuer(digest, name, key)) continue;
    const statement = readStatement(single);
    if (found === undefined || (statement.thisUpdateAt ?? 0) > (found.thisUpdateAt ?? 0)) found = statement;
  }
  return found;
}

type Digest = 'sha1' | 'sha256' | 'sha384' | 'sha512';

function issuerHashes(
  certificate: Certificate,
  issuer: Certificate,
): (digest: Digest, name: Uint8Array, key: Uint8Array) => boolean {
  const bits = publicKeyBits(issuer);
  return (digest, name, key) =>
    bits !== undefined &&
    Buffer.compare(hash(digest, bits, 'buffer'), key) === 0 &&
    // The name as the certificate has it; some responders take the issuer's own form, which may be encoded otherwise.
    [certificate.issuer.der, issuer.subject.der].some((der) => Buffer.compare(hash(digest, der, 'buffer'), name) === 0);
}

/** The rest of a SingleResponse, behind its id. */
function readStatement(single: DerReader): OcspStatement {
  if (single.done) throw new DerError('the status of a certificate is missing', single.end);
  const tag = single.next();
  const status = tag === 0x80 ? 'good' : tag === 0xa1 ? 'revoked' : 'unknown';
  const revocation = tag === 0xa1 ? readRevocation(single.enter()) : {};
  const thisUpdateAt = instantOf(readInstant(single, 'thisUpdate'));
  let nextUpdateAt: number | undefined;
  if (single.peek() === 0xa0) {
    single.next();
    nextUpdateAt = instantOf(readInstant(single.enter(), 'nextUpdate'));
    // Without nextUpdate newer news are always to be had; one that cannot be read must not look like that.
    if (nextUpdateAt === undefined) throw new OcspFault('its nextUpdate cannot be read');
  }
  if (single.peek() === 0xa1) {
    single.next();
    refuseStrange(single.enter());
  }
  return {
    status,
    ...(thisUpdateAt === undefined ? {} : { thisUpdateAt }),
    ...(nextUpdateAt === undefined ? {} : { nextUpdateAt }),
    ...revocation,
  };
}

function readRevocation(info: DerReader): Pick<OcspStatement, 'revokedAt' | 'reason'> {
  const revokedAt = instantOf(readInstant(info, 'the time of a revocation'));
  let reason: string | undefined;
  if (info.peek() === 0xa0) {
    info.next();
    reason = revocationReason(info.enter().expect(Tag.enumerated, 'the reason of a revocation').octet(0));
  }
  return { ...(revokedAt === undefined ? {} : { revokedAt }), ...(reason === undefined ? {} : { reason }) };
}

function readInstant(reader: DerReader, what: string): CertificateTime {
  reader.expect(Tag.generalizedTime, what);
  return readTime(reader.tag, reader.content());
}

/** Throws unless the issuer, or a responder that the issuer entitled, has signed. */
function checkSigner({ signed, responder, certificates }: Basic, issuer: Certificate, now: number): void {
  const isNamed = (candidate: Certificate): boolean => isResponder(candidate, responder);
  if (isNamed(issuer)) {
    const verdict = verifySigned(signed, publicKeyOf(issuer));
    if (verdict === 'valid') return;
    // A delegated responder may bear the issuer's name, so the search goes on.
    if (verdict === 'unverifiable') throw new OcspFault('its signature is of a kind that cannot be verified here');
  }
  const delegates = certificates.filter(
    (candidate) => candidate.fingerprint !== issuer.fingerprint && isNamed(candidate),
  );
  if (delegates.length === 0) {
    throw new OcspFault(
      isNamed(issuer)
        ? 'its signature is wrong'
        : 'it is signed by somebody else than the issuer, whose certificate does not come with it',
    );
  }
  const check = new IssuerCheck(MAX_CERTIFICATES);
  let problem = '';
  for (const delegate of delegates) {
    problem = delegateProblem(delegate, issuer, check, now) ?? signatureProblem(signed, delegate) ?? '';
    if (problem === '') return;
  }
  throw new OcspFault(problem);
}

function isResponder(candidate: Certificate, responder: Basic['responder']): boolean {
  if (responder.kind === 'name') return Buffer.compare(candidate.subject.der, responder.octets) === 0;
  const bits = publicKeyBits(candidate);
  return bits !== undefined && Buffer.compare(hash('sha1', bits, 'buffer'), responder.octets) === 0;
}

function delegateProblem(
  delegate: Certificate,
  issuer: Certificate,
  check: IssuerCheck,
  now: number,
): string | undefined {
  if (check.relation(delegate, issuer) !== 'issued') return 'the issuer did not issue the certificate of its signer';
  if (delegate.extendedKeyUsage?.includes('OCSPSigning') !== true) {
    return 'the certificate of its signer is not for OCSP signing';
  }
  const from = instantOf(delegate.notBefore) ?? Infinity;
  const until = delegate.notAfter.status === 'never' ? Infinity : (instantOf(delegate.notAfter) ?? 0);
  if (now + SKEW_MS < from || now >= until) return 'the certificate of its signer is not valid now';
  return undefined;
}

function signatureProblem(signed: Signed, delegate: Certificate): string | undefined {
  switch (verifySigned(signed, publicKeyOf(delegate))) {
    case 'valid':
      return undefined;
    case 'invalid':
      return 'its signature is wrong';
    case 'unverifiable':
      return 'its signature is of a kind that cannot be verified here';
  }
}
