import type { KnownCertificate } from './model.ts';

/** The enrichers: who learns what no place holds. */
export const ENRICHERS = ['aia', 'ari', 'clock', 'crl', 'names', 'ocsp'] as const;
export type EnricherName = (typeof ENRICHERS)[number];

/** The window in which the CA of a certificate asks for its renewal (RFC 9773). */
export interface RenewalFact {
  readonly kind: 'renewal';
  readonly startAt: number;
  readonly endAt: number;
  /** A page of the CA that says why. */
  readonly explanationUrl?: string;
}

/** Whether the issuer has revoked a certificate, by its own signed word. */
export interface RevocationFact {
  readonly kind: 'revocation';
  /** `unknown`: whoever was asked does not know, or what it says is out of date or about something else. */
  readonly status: 'good' | 'revoked' | 'unknown';
  readonly by: 'crl' | 'ocsp';
  /** Whom it was asked of. */
  readonly url: string;
  readonly revokedAt?: number;
  /** Why, by RFC 5280's names: `keyCompromise`, … */
  readonly reason?: string;
  readonly thisUpdateAt?: number;
  readonly nextUpdateAt?: number;
  /** Why it is unknown. */
  readonly problem?: string;
}

/** The certificate that issued one whose issuer nobody sent, from where the certificate says that it is. */
export interface IssuerFact {
  readonly kind: 'issuer';
  readonly issuer: KnownCertificate;
  readonly url: string;
}

/** Whether a name of a certificate still leads anywhere. */
export interface NameFact {
  readonly kind: 'name';
  readonly resolves: boolean;
  /** When it was last seen to resolve; absent when it never did. */
  readonly resolvedAt?: number;
  /** Since when the name servers say that there is no such name; absent while it resolves. */
  readonly deadSinceAt?: number;
}

/** How far the clock of this machine is from those of others. */
export interface ClockFact {
  readonly kind: 'clock';
  /** Positive: ours is behind. */
  readonly skewMs: number;
  /** Hosts whose clocks were compared. */
  readonly hosts: number;
  /** Id of the one location at which it is told: it concerns all of them, and is told once. */
  readonly location: number;
}

/** What an enricher learned of one subject. Times are milliseconds since the epoch; all text has passed through `text`. */
export type Fact = { readonly at: number } & (RenewalFact | RevocationFact | IssuerFact | NameFact | ClockFact);

/** What is known of one subject by one enricher, and when it is to be asked again. */
export interface Inquiry {
  readonly enricher: EnricherName;
  /** A fingerprint, `nameSubject()` or `CLOCK_SUBJECT`. */
  readonly subject: string;
  /** What was learned last; absent while nothing could be. */
  readonly fact?: Fact;
  readonly askedAt: number;
  readonly askAgainAt: number;
  /** Inquiries in a row that brought nothing. */
  readonly failures: number;
  /** Why the last one brought nothing. */
  readonly problem?: string;
}
