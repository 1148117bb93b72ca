import type { Certificate } from '../certificate/certificate.ts';
import type { EnricherName, Fact, Inquiry, IssuerFact } from '../inventory/fact.ts';
import type { BinaryResponse } from '../network/http.ts';
import type { Address, HttpRequest } from '../network/network.ts';
import type { Clock } from '../plugin/context.ts';

/** A certificate that is asked about. */
export interface WantedCertificate {
  /** Its fingerprint. */
  readonly subject: string;
  readonly certificate: Certificate;
  /** The certificate that issued it, signature verified; absent when none is known. */
  readonly issuer?: Certificate;
  /** What was known of it before. */
  readonly previous?: Inquiry;
}

/** A name of certificates that is asked about. */
export interface WantedName {
  readonly subject: string;
  readonly name: string;
  readonly previous?: Inquiry;
}

/** What was learned. Text is as it came: hostile. An issuer comes as its DER. */
export type Learned =
  Exclude<Fact, { kind: 'issuer' }> | { at: number; kind: 'issuer'; der: Uint8Array; url: IssuerFact['url'] };

/** The outcome of asking about one subject. */
export interface Answer {
  readonly subject: string;
  /** Absent when nothing could be learned: what was known before stays, for rules judge facts by their own dates. */
  readonly learned?: Learned;
  /** Milliseconds since the epoch. */
  readonly askAgainAt: number;
  /** Why nothing could be learned. May hold hostile text. */
  readonly problem?: string;
}

/** What the host gives to every enricher. */
export interface EnrichContext {
  readonly clock: Clock;
  /** One request under the egress policy, politely for its host. Throws NetworkError. */
  fetch(url: string, request: HttpRequest, signal: AbortSignal): Promise<BinaryResponse>;
  /** As `Network.resolve`. */
  resolve(host: string, signal: AbortSignal): Promise<readonly Address[]>;
}

/**
 * Learns facts that no place holds. It answers each subject at most once, in any order; one that it does not answer is
 * asked again in the next round. Whatever the other side does is an answer with a problem, never an exception; only the
 * signal's reason is thrown. Recording, schedules and prunes are the host's work.
 */
export interface CertificateEnricher {
  readonly name: Exclude<EnricherName, 'names' | 'clock'>;
  /** Whether there is something to ask about a certificate. Pure, cheap. */
  applies(certificate: Certificate, issuer: Certificate | undefined): boolean;
  enrich(wanted: readonly WantedCertificate[], context: EnrichContext, signal: AbortSignal): AsyncIterable<Answer>;
}

export interface NameEnricher {
  readonly name: 'names';
  enrich(wanted: readonly WantedName[], context: EnrichContext, signal: AbortSignal): AsyncIterable<Answer>;
}
