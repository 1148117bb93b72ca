import { hash } from 'node:crypto';
import { toDefiniteLengths } from './ber.ts';
import { CertificateError, type RevocationList } from './model.ts';
import { DerError, DerReader, Tag } from './der.ts';
import { forEachExtension, readAuthorityKeyId } from './extensions.ts';
import { readName } from './name.ts';
import { oidTable } from './oids.ts';
import { Problems } from './problems.ts';
import { readTime, type CertificateTime } from './time.ts';

const EXTENSIONS = oidTable<'number' | 'authorityKeyId'>({ '2.5.29.20': 'number', '2.5.29.35': 'authorityKeyId' });

/** What is not DER is gone through octet by octet: whoever serves a list could hold everybody up with a large one. */
const MAX_BER_OCTETS = 1024 * 1024;

/** RFC 5280 5.2.3 allows 20; longer numbers are left out. */
const MAX_NUMBER_OCTETS = 32;

/**
 * Reads one X.509 CRL (RFC 5280 5.1), without its entries: the time it takes does not grow with them. The signature is
 * not checked. Throws `CertificateError` when the bytes are no revocation list.
 */
export function parseRevocationList(der: Uint8Array): RevocationList {
  try {
    return readRevocationList(der, der);
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    return readAsBer(der, error);
  }
}

function readAsBer(der: Uint8Array, firstError: DerError): RevocationList {
  if (der.length > MAX_BER_OCTETS) {
    throw new CertificateError(`not a revocation list: ${firstError.message}`, { cause: firstError });
  }
  try {
    return readRevocationList(der, toDefiniteLengths(der));
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    throw new CertificateError(`not a revocation list: ${firstError.message}`, { cause: firstError });
  }
}

/** Reads `der`, given to us as `original`. */
function readRevocationList(original: Uint8Array, der: Uint8Array): RevocationList {
  const problems = new Problems();
  const parts = DerReader.over(der).expect(Tag.sequence, 'the revocation list').enter();
  const tbs = parts.expect(Tag.sequence, 'the signed part').enter();
  if (tbs.peek() === Tag.integer) tbs.next();
  tbs.expect(Tag.sequence, 'the signature algorithm');
  const issuer = readName(tbs.expect(Tag.sequence, 'the issuer'), 'issuer', problems);
  if (!isTime(tbs.peek())) throw new DerError('thisUpdate is missing', tbs.end);
  const thisUpdate = readTime(tbs.next(), tbs.content());
  let nextUpdate: CertificateTime | undefined;
  if (isTime(tbs.peek())) nextUpdate = readTime(tbs.next(), tbs.content());

  const extensions: { number?: string; authorityKeyId?: string } = {};
  while (!tbs.done) {
    if (tbs.next() === 0xa0) readExtensions(tbs.enter(), extensions, problems);
  }
  return {
    fingerprint: hash('sha256', original, 'hex'),
    der: original,
    issuer,
    thisUpdate,
    ...(nextUpdate === undefined ? {} : { nextUpdate }),
    ...extensions,
  };
}

function isTime(tag: number): boolean {
  return tag === Tag.utcTime || tag === Tag.generalizedTime;
}

function readExtensions(
  reader: DerReader,
  into: { number?: string; authorityKeyId?: string },
  problems: Problems,
): void {
  forEachExtension(reader, EXTENSIONS, problems, (known, value) => {
    switch (known) {
      case 'number': {
        value.expect(Tag.integer, 'the CRL number');
        if (value.length === 0 || value.length > MAX_NUMBER_OCTETS) return;
        into.number ??= BigInt.asIntN(value.length * 8, BigInt(`0x${value.text('hex')}`)).toString();
        return;
      }
      case 'authorityKeyId': {
        const keyId = readAuthorityKeyId(value);
        if (keyId !== undefined) into.authorityKeyId ??= keyId;
        return;
      }
    }
  });
}
