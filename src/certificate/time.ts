/**
 * A date of an X.509 structure. `known` times are milliseconds since the epoch, UTC.
 *
 * `never` is RFC 5280's `99991231235959Z` (section 4.1.2.5: no well-defined expiration date).
 * `unreadable` is a TIME that names no instant; `problem` says which rule it breaks.
 * A `known` time with a `problem` is readable though it breaks DER (a fraction, an offset, missing seconds).
 */
export type CertificateTime =
  | { readonly status: 'known'; readonly at: number; readonly problem?: string }
  | { readonly status: 'never' }
  | { readonly status: 'unreadable'; readonly text: string; readonly problem: string };
