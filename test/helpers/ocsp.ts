import { createHash, createPublicKey, sign } from 'node:crypto';

import { TAG, bitString, encode, explicit, implicit, integerOctets, oid, sequence } from './der.ts';
import type { Authority, TestCertificate } from './pki.ts';
import { parseCertificate } from '../../src/certificate/certificate.ts';

const HASHES = { sha1: '1.3.14.3.2.26', sha256: '2.16.840.1.101.3.4.2.1' } as const;
const HOUR_MS = 3_600_000;

export interface OcspOptions {
  readonly status?: 'good' | 'revoked' | 'unknown';
  /** Default: an hour ago. */
  readonly thisUpdate?: Date;
  /** Default: in a day; `null` leaves it out. */
  readonly nextUpdate?: Date | null;
  readonly revokedAt?: Date;
  /** CRLReason. */
  readonly reason?: number;
  readonly hash?: keyof typeof HASHES;
  /** Who signs; default the authority itself. */
  readonly signer?: Pick<TestCertificate, 'der' | 'key'>;
  /** Sent along; default the signer where it is not the authority. */
  readonly certificates?: readonly TestCertificate[];
  /** Whose key the id of the certificate is made of; default the authority's. */
  readonly idIssuer?: Authority;
  /** Statements before the one that is asked for, about these certificates. */
  readonly others?: readonly TestCertificate[];
  readonly responder?: 'key' | 'name';
  /** OCSPResponseStatus in place of a response. */
  readonly failure?: number;
  /** Extensions of the statement and of the whole response, encoded. */
  readonly singleExtensions?: readonly Uint8Array[];
  readonly responseExtensions?: readonly Uint8Array[];
}

/** An OCSP response of `authority` about `certificate`. */
export function createOcspResponse(
  authority: Authority,
  certificate: TestCertificate,
  options: OcspOptions = {},
): Uint8Array {
  if (options.failure !== undefined) return sequence(encode(TAG.enumerated, Buffer.from([options.failure])));
  const signer = options.signer ?? authority.certificate;
  const delegate = options.signer === undefined ? [] : [options.signer];
  const certificates = options.certificates ?? delegate;
  const responder =
    options.responder === 'name'
      ? explicit(1, parseCertificate(signer.der).subject.der)
      : explicit(2, encode(TAG.octetString, createHash('sha1').update(keyBits(signer.key)).digest()));
  const statements = [
    ...(options.others ?? []).map((other) => statementOf(authority, other, { status: 'good' })),
    statementOf(authority, certificate, options),
  ];
  const extensions = options.responseExtensions ?? [];
  const data = sequence(
    responder,
    generalized(new Date()),
    sequence(...statements),
    ...(extensions.length === 0 ? [] : [explicit(1, sequence(...extensions))]),
  );
  const isEc = signer.key.asymmetricKeyType === 'ec';
  const algorithm = isEc
    ? sequence(oid('1.2.840.10045.4.3.2'))
    : sequence(oid('1.2.840.113549.1.1.11'), encode(TAG.null));
  const basic = sequence(
    data,
    algorithm,
    bitString(sign('sha256', data, signer.key)),
    ...(certificates.length === 0 ? [] : [explicit(0, sequence(...certificates.map(({ der }) => der)))]),
  );
  return new Uint8Array(
    sequence(
      encode(TAG.enumerated, Buffer.from([0])),
      explicit(0, sequence(oid('1.3.6.1.5.5.7.48.1.1'), encode(TAG.octetString, basic))),
    ),
  );
}

function statementOf(authority: Authority, certificate: TestCertificate, options: OcspOptions): Buffer {
  const digest = options.hash ?? 'sha1';
  const issuer = options.idIssuer ?? authority;
  const hashOf = (bytes: Uint8Array): Buffer => createHash(digest).update(bytes).digest();
  const id = sequence(
    sequence(oid(HASHES[digest]), encode(TAG.null)),
    encode(TAG.octetString, hashOf(issuer.subject)),
    encode(TAG.octetString, hashOf(keyBits(issuer.key))),
    integerOctets(Buffer.from(parseCertificate(certificate.der).serial, 'hex')),
  );
  const thisUpdate = options.thisUpdate ?? new Date(Date.now() - HOUR_MS);
  const nextUpdate = options.nextUpdate === undefined ? new Date(Date.now() + 24 * HOUR_MS) : options.nextUpdate;
  const extensions = options.singleExtensions ?? [];
  return sequence(
    id,
    certStatus(options),
    generalized(thisUpdate),
    ...(nextUpdate === null ? [] : [explicit(0, generalized(nextUpdate))]),
    ...(extensions.length === 0 ? [] : [explicit(1, sequence(...extensions))]),
  );
}

function certStatus(options: OcspOptions): Buffer {
  switch (options.status ?? 'good') {
    case 'good':
      return implicit(0, '');
    case 'revoked':
      return explicit(
        1,
        generalized(options.revokedAt ?? new Date(Date.now() - HOUR_MS)),
        ...(options.reason === undefined ? [] : [explicit(0, encode(TAG.enumerated, Buffer.from([options.reason])))]),
      );
    case 'unknown':
      return implicit(2, '');
  }
}

function generalized(date: Date): Buffer {
  return encode(
    TAG.generalizedTime,
    date
      .toISOString()
      .replace(/\.\d+Z$/, 'Z')
      .replace(/[-:T]/g, ''),
  );
}

/** What an EC or RSA key is in the BIT STRING of its SubjectPublicKeyInfo: the point, or RSAPublicKey. */
function keyBits(key: TestCertificate['key']): Buffer {
  const publicKey = createPublicKey(key);
  if (key.asymmetricKeyType === 'rsa') return publicKey.export({ type: 'pkcs1', format: 'der' });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  return Buffer.concat([Buffer.from([4]), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
}
