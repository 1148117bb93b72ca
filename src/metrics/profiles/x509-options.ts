/** The fields of a distinguished name that may be labels, in the order in which x509-certificate-exporter has them. */
export const NAME_FIELDS = ['C', 'ST', 'L', 'O', 'OU', 'CN'] as const;

export type NameField = (typeof NAME_FIELDS)[number];

/** What the flags and the config of x509-certificate-exporter say of its metrics, as far as it can be said here. */
export interface X509Options {
  /** Its major version: 3 has other labels, and its own metric of errors. */
  readonly version: 3 | 4;
  /** `x509_cert_expires_in_seconds` and the like. */
  readonly relative: boolean;
  /** `x509_cert_error`. */
  readonly perCertError: boolean;
  readonly subjectFields: readonly NameField[];
  readonly issuerFields: readonly NameField[];
  /** So many folders are cut off the front of paths. */
  readonly trimPathComponents: number;
  /** When `discriminator` is filled: for what agrees in all other labels, everywhere, or not at all. Version 4 alone has it. */
  readonly collisionDiscriminator: 'auto' | 'always' | 'never';
}

export const X509_DEFAULTS: X509Options = {
  version: 4,
  relative: false,
  perCertError: false,
  subjectFields: NAME_FIELDS,
  issuerFields: NAME_FIELDS,
  trimPathComponents: 0,
  collisionDiscriminator: 'auto',
};
