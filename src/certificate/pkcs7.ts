import { toDefiniteLengths } from './ber.ts';
import { DerError, DerReader, Tag } from './der.ts';
import { certificatePart, crlPart, MAX_PARTS, problemPart, tooManyParts, type Part } from './part.ts';

/** 1.2.840.113549.1.7.2 */
const SIGNED_DATA = Uint8Array.of(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02);

/**
 * The certificates and revocation lists of a PKCS#7 bundle: a SignedData (RFC 5652 5.1), in DER or BER. What is signed and
 * by whom is not looked at. `where` says in which part of the file it is.
 */
export function readPkcs7(bytes: Uint8Array, where?: string): Part[] {
  const parts: Part[] = [];
  try {
    readSignedData(toDefiniteLengths(bytes), parts, where);
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    parts.push(problemPart('malformed', `${prefix(where)}the PKCS#7 bundle is cut off or damaged: ${error.message}`));
  }
  return parts;
}

function readSignedData(der: Uint8Array, parts: Part[], where: string | undefined): void {
  const content = DerReader.over(der).expect(Tag.sequence, 'the bundle').enter();
  if (!content.expect(Tag.oid, 'the type of the bundle').holds(SIGNED_DATA)) {
    parts.push(problemPart('unsupported', `${prefix(where)}PKCS#7 that is not a bundle of certificates`));
    return;
  }
  const signedData = content.expect(0xa0, 'the content').enter().expect(Tag.sequence, 'the signed data').enter();
  signedData.expect(Tag.integer, 'the version');
  signedData.expect(Tag.set, 'the digest algorithms');
  signedData.expect(Tag.sequence, 'what is signed');
  while (!signedData.done) {
    const tag = signedData.next();
    if (tag !== 0xa0 && tag !== 0xa1) continue;
    for (const choices = signedData.enter(); !choices.done;) {
      // Other kinds of certificates and of revocation information have tags of their own.
      if (choices.next() !== Tag.sequence) continue;
      if (parts.length >= MAX_PARTS) {
        parts.push(tooManyParts('certificates in the PKCS#7 bundle'));
        return;
      }
      parts.push(tag === 0xa0 ? certificatePart(choices.element(), {}, where) : crlPart(choices.element(), {}, where));
    }
  }
}

function prefix(where: string | undefined): string {
  return where === undefined ? '' : `${where}: `;
}
