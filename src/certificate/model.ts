import type { CertificateTime } from './time.ts';

/** A distinguished name: the DER as sent, and RFC 4514 text (most specific first: `CN=api,O=Example`). The text is raw: it is hostile until it has passed through `text`. */
export interface DistinguishedName {
  readonly der: Uint8Array;
  readonly text: string;
  /** The most specific common name (the first in `text`), if there is one. */
  readonly commonName?: string;
}

export interface PublicKeyInfo {
  readonly algorithm: 'rsa' | 'ec' | 'ed25519' | 'ed448' | 'dsa' | 'ml-dsa' | 'unknown';
  /** The OID of the key algorithm, dotted. */
  readonly oid: string;
  /** Key size in bits, where the structure tells (RSA modulus, EC field). */
  readonly bits?: number;
  /** Named curve for EC keys (`P-256`), or its dotted OID. */
  readonly curve?: string;
  /** SHA-256 of the SubjectPublicKeyInfo, lower-case hex: the identity of the key pair. */
  readonly sha256: string;
}

export type KeyUsage =
  | 'digitalSignature'
  | 'nonRepudiation'
  | 'keyEncipherment'
  | 'dataEncipherment'
  | 'keyAgreement'
  | 'keyCertSign'
  | 'cRLSign'
  | 'encipherOnly'
  | 'decipherOnly';

/** Names of one form below a point of the tree of names. */
export type NameSubtree =
  | { readonly form: 'dns' | 'email' | 'uri'; readonly name: string }
  | { readonly form: 'address'; readonly network: Uint8Array; readonly mask: Uint8Array }
  /** RFC 4514 text. */
  | { readonly form: 'directory'; readonly name: string }
  /** A form of which no names are read. */
  | { readonly form: 'other' };

export interface NameConstraints {
  readonly permitted: readonly NameSubtree[];
  readonly excluded: readonly NameSubtree[];
}

/** One parsed X.509 certificate (RFC 5280). Its identity is `fingerprint`. All text is raw: escape it at the sink. */
export interface Certificate {
  /** SHA-256 of `der`, lower-case hex. */
  readonly fingerprint: string;
  /** The octets as they were given, with whatever broken encoding or trailing octets they have. */
  readonly der: Uint8Array;
  /** 1, 2 or 3; other numbers as encoded plus one; 0 when it cannot be read. */
  readonly version: number;
  /** The content octets of the serial INTEGER, upper-case hex, leading zero octet included. */
  readonly serial: string;
  readonly subject: DistinguishedName;
  readonly issuer: DistinguishedName;
  readonly notBefore: CertificateTime;
  readonly notAfter: CertificateTime;
  /** Subject alternative names: DNS names, addresses, e-mail, URIs, in the order of the certificate; at most `MAX_NAMES` are kept. */
  readonly names: readonly string[];
  /** The DNS names among `names`: only these may be compared with the name of a host. */
  readonly dnsNames: readonly string[];
  /** The addresses among `names`. */
  readonly addresses: readonly string[];
  /** How many names the certificate holds, kept or not. */
  readonly nameCount: number;
  /** Absent when the extension is absent (any usage). */
  readonly keyUsage?: readonly KeyUsage[];
  /** `serverAuth`, `clientAuth`, … or dotted OIDs; absent when the extension is absent (any usage). */
  readonly extendedKeyUsage?: readonly string[];
  readonly isCa: boolean;
  readonly pathLength?: number;
  /** What a CA may issue for (RFC 5280 section 4.2.1.10); absent when the extension is absent or cannot be read. */
  readonly nameConstraints?: NameConstraints;
  /**
   * Critical extensions that cannot be honoured: unknown ones, and name constraints that cannot be read. Dotted OIDs. A
   * path with such a certificate on it is not to be used (RFC 5280 section 4.2).
   */
  readonly unknownCritical: readonly string[];
  /** Lower-case hex. */
  readonly subjectKeyId?: string;
  /** Lower-case hex; the keyIdentifier alone. */
  readonly authorityKeyId?: string;
  readonly ocspUrls: readonly string[];
  readonly issuerUrls: readonly string[];
  readonly crlUrls: readonly string[];
  /** Number of embedded SCTs (RFC 6962). */
  readonly sctCount: number;
  /** RFC 7633 TLS feature `status_request`. */
  readonly mustStaple: boolean;
  readonly publicKey: PublicKeyInfo;
  /** Short name (`sha256WithRSAEncryption`, `ecdsa-with-SHA384`) or dotted OID. */
  readonly signatureAlgorithm: string;
  /** Rules that the encoding breaks, as short sentences; empty for a well-formed certificate. */
  readonly problems: readonly string[];
}

/** A certificate revocation list: what is kept of it. */
export interface RevocationList {
  /** SHA-256 of the DER, lower-case hex. */
  readonly fingerprint: string;
  readonly der: Uint8Array;
  readonly issuer: DistinguishedName;
  readonly thisUpdate: CertificateTime;
  /** Absent when the list names none. */
  readonly nextUpdate?: CertificateTime;
  /** cRLNumber, decimal. */
  readonly number?: string;
  /** Lower-case hex keyIdentifier of the issuer. */
  readonly authorityKeyId?: string;
}

/** At most this many names of one certificate are kept; `nameCount` tells the truth. */
export const MAX_NAMES = 2000;

/** The bytes are no certificate, or no revocation list: its skeleton cannot be read. */
export class CertificateError extends Error {
  override readonly name = 'CertificateError';
}
