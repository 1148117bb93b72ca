import { hash } from 'node:crypto';
import { toDefiniteLengths } from './ber.ts';
import { DerError, DerReader, Tag } from './der.ts';
import { noExtensions, readExtensions, type Extensions } from './extensions.ts';
import { expectName, readName } from './name.ts';
import { SIGNATURE_ALGORITHMS, dottedOid, lookUpOid } from './oids.ts';
import { Problems } from './problems.ts';
import { readPublicKey } from './public-key.ts';
import { readTime, type CertificateTime } from './time.ts';
import { CertificateError, type Certificate } from './model.ts';

export { CertificateError, MAX_NAMES } from './model.ts';
export type { Certificate, KeyUsage, RevocationList } from './model.ts';

/**
 * Reads one X.509 certificate (RFC 5280 4.1). Tolerant: what breaks a rule but can be read is read and named in
 * `problems`, also BER where DER should be, a date that is none, and a broken extension (which then counts as absent).
 *
 * Throws `CertificateError` when the bytes are no certificate at all. Signatures are not checked. The views in the result
 * share the memory of `der`.
 */
export function parseCertificate(der: Uint8Array): Certificate {
  const problems = new Problems();
  try {
    return readCertificate(der, der, problems);
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    return readAsBer(der, error);
  }
}

/** The same for bytes that may well be something else. */
export function certificateIn(der: Uint8Array): Certificate | undefined {
  try {
    return parseCertificate(der);
  } catch (error) {
    if (error instanceof CertificateError) return undefined;
    throw error;
  }
}

/** The second try, for indefinite lengths: OpenSSL reads and serves such certificates. */
function readAsBer(der: Uint8Array, firstError: DerError): Certificate {
  const problems = new Problems();
  problems.add('the encoding is BER with indefinite lengths, not DER');
  try {
    return readCertificate(der, toDefiniteLengths(der), problems);
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    throw new CertificateError(`not a certificate: ${firstError.message}`, { cause: firstError });
  }
}

/** Reads `der`, given to us as `original`. */
function readCertificate(original: Uint8Array, der: Uint8Array, problems: Problems): Certificate {
  const outer = DerReader.over(der);
  const parts = outer.expect(Tag.sequence, 'the certificate').enter();
  const tbs = parts.expect(Tag.sequence, 'the signed part').enter();

  let version = 1;
  if (tbs.peek() === 0xa0) {
    tbs.next();
    version = readVersion(tbs, problems);
  }
  const serial = readSerial(tbs, problems);
  tbs.expect(Tag.sequence, 'the signature algorithm');
  const algorithm = tbs.enter().expect(Tag.oid, 'the signature algorithm');
  const signatureAlgorithm = lookUpOid(SIGNATURE_ALGORITHMS, algorithm) ?? dottedOid(algorithm);
  parts.expect(Tag.sequence, 'the outer signature algorithm');
  if (!parts.sameElement(tbs)) problems.add('the inner and the outer signature algorithm differ');
  parts.expect(Tag.bitString, 'the signature');

  const issuer = readName(expectName(tbs, 'issuer', problems), 'issuer', problems);
  const validity = tbs.expect(Tag.sequence, 'the validity').enter();
  const notBefore = readDate(validity, 'notBefore', problems);
  const notAfter = readDate(validity, 'notAfter', problems);
  const subject = readName(expectName(tbs, 'subject', problems), 'subject', problems);
  const publicKey = readPublicKey(tbs.expect(Tag.sequence, 'the public key'), problems);

  let extensions: Extensions = noExtensions();
  while (!tbs.done) {
    // [1] and [2] are unique identifiers, which nobody uses.
    if (tbs.next() !== 0xa3) continue;
    if (version < 3) problems.add(`extensions in a certificate of version ${version}`);
    extensions = readExtensions(tbs.enter(), problems);
  }
  if (outer.remaining > 0) problems.add(`${outer.remaining} bytes follow the certificate`);
  if (outer.nonMinimalLength) problems.add('a length is not minimal');

  return {
    fingerprint: hash('sha256', original, 'hex'),
    der: original,
    version,
    serial,
    subject,
    issuer,
    notBefore,
    notAfter,
    ...extensions,
    publicKey,
    signatureAlgorithm,
    problems: problems.all(),
  };
}

function readVersion(explicit: DerReader, problems: Problems): number {
  try {
    const version = explicit.enter().expect(Tag.integer, 'the version').smallInteger() + 1;
    if (version > 3) problems.add(`there is no version ${version}`);
    return version;
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    problems.add('the version cannot be read');
    return 0;
  }
}

/** RFC 5280 4.1.2.2: positive, at most 20 octets. */
function readSerial(tbs: DerReader, problems: Problems): string {
  tbs.expect(Tag.integer, 'the serial number');
  const { length } = tbs;
  const first = tbs.octet(0);
  const second = tbs.octet(1);
  if (length === 0) problems.add('the serial number is empty');
  else if (length === 1 && first === 0) problems.add('the serial number is zero');
  else if (first >= 0x80) problems.add('the serial number is negative');
  if (length > 20) problems.add('the serial number is longer than 20 bytes');
  if (length > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))) {
    problems.add('the serial number is not minimal');
  }
  return tbs.text('hex').toUpperCase();
}

function readDate(validity: DerReader, what: 'notBefore' | 'notAfter', problems: Problems): CertificateTime {
  if (validity.done) throw new DerError(`${what} is missing`, validity.end);
  const time = readTime(validity.next(), validity.content());
  if (time.status === 'unreadable') problems.add(`${what} cannot be read: ${time.problem}`);
  else if (time.status === 'known' && time.problem !== undefined) problems.add(`${what} breaks DER: ${time.problem}`);
  return time;
}
