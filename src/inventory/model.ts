import type { KeyUsage } from '../certificate/certificate.ts';
import type { Distrust } from '../certificate/chain.ts';
import type { HostMatch } from '../certificate/hostname.ts';
import type { Breach } from '../certificate/path-rules.ts';
import type { ServedList } from '../certificate/served-list.ts';
import type { CertificateTime } from '../certificate/time.ts';
import type { Labels } from '../label/labels.ts';
import type { Reference, Role, Use } from '../plugin/item.ts';
import type { Json } from '../plugin/json.ts';
import type { EndpointFacts, Problem } from '../plugin/observation.ts';
import type { Reason } from '../plugin/reason.ts';

/** When something ends. `unknown`: the place does not tell (a certificate seen in a log). */
export type End = CertificateTime | { readonly status: 'unknown' };

/** What is kept of a certificate whose DER was seen; `id` is its fingerprint. All text has passed through `text`. */
export interface KnownCertificate {
  readonly kind: 'certificate';
  readonly id: string;
  readonly subject: string;
  readonly issuer: string;
  /** Upper-case hex. */
  readonly serial: string;
  /** What a person calls it: the common name, else the first name, else the subject, else the fingerprint. */
  readonly title: string;
  readonly names: readonly string[];
  readonly nameCount: number;
  readonly notBefore: CertificateTime;
  readonly notAfter: CertificateTime;
  readonly isCa: boolean;
  /** Subject and issuer are the same name. */
  readonly selfIssued: boolean;
  readonly keyUsage?: readonly KeyUsage[];
  readonly extendedKeyUsage?: readonly string[];
  readonly subjectKeyId?: string;
  readonly authorityKeyId?: string;
  /** SHA-256 of the SubjectPublicKeyInfo. */
  readonly publicKey: string;
  /** The certificate demands that an OCSP response comes with it (RFC 7633). */
  readonly mustStaple?: true;
  readonly keyAlgorithm: string;
  readonly signatureAlgorithm: string;
  readonly problems: readonly string[];
}

/** A certificate known by description alone. `id` is its SHA-256 where that is known, else made of issuer, serial and names. */
export interface DescribedCertificate {
  readonly kind: 'described';
  readonly id: string;
  readonly title: string;
  readonly issuer?: string;
  readonly serial?: string;
  readonly sha1?: string;
  readonly sha256?: string;
  readonly names: readonly string[];
  readonly notBefore?: CertificateTime;
  readonly notAfter: End;
}

/** `id` is the SHA-256 of the DER. */
export interface KnownRevocationList {
  readonly kind: 'crl';
  readonly id: string;
  readonly issuer: string;
  readonly thisUpdate: CertificateTime;
  /** Absent when the list names none: it never ends. */
  readonly nextUpdate?: CertificateTime;
  readonly number?: string;
}

/** A credential that is not X.509. `id` is the store's. */
export interface KnownCredential {
  readonly kind: 'credential';
  readonly id: string;
  readonly name: string;
  readonly notAfter: End;
}

export type KnownItem = KnownCertificate | DescribedCertificate | KnownRevocationList | KnownCredential;

/** One item at one place of one location. Its identity is location, place key and item. */
export interface Sighting {
  readonly item: KnownItem;
  readonly place: string;
  readonly index: number;
  readonly role: Role;
  readonly firstSeenAt: number;
  readonly lastSeenAt: number;
  readonly labels?: Labels;
  readonly usedBy?: readonly Reference[];
  readonly key?: { readonly at: string; readonly match: 'yes' | 'no' | 'encrypted' };
  /** Where its successor lies, when it has one and is at its own end. */
  readonly supersededBy?: string;
  /** How it is written there, where that may trouble what uses it: a clause each. */
  readonly remarks?: readonly string[];
  /** `dueAt` in milliseconds since the epoch. */
  readonly renewal?: {
    readonly mode: 'automatic' | 'manual' | 'unknown';
    readonly dueAt?: number;
    readonly stuck?: string;
  };
  /** That it was used, by evidence of the place. Times in milliseconds since the epoch. */
  readonly use?: {
    readonly firstAt: number;
    readonly lastAt: number;
    readonly count: number;
    readonly by: readonly Use[];
  };
}

/** An end and the item that sets it. */
export interface Limit {
  /** Milliseconds since the epoch; `null` is never. */
  readonly at: number | null;
  /** Id of the item. */
  readonly by: string;
}

/** A certificate of the best path that the server did not send, as far as it is needed to name it. */
export interface UnservedCertificate {
  readonly id: string;
  readonly title: string;
  readonly notAfter: CertificateTime;
  /** `anchor`: a trust store has it, so it need not be sent. `elsewhere`: clients that do not happen to have it fail. */
  readonly from: 'anchor' | 'elsewhere';
}

/** Why no trust path was found: see `Distrust` of the certificate room. */
export type KnownDistrust = Omit<Distrust, 'breach'> & {
  /** What a path to an anchor breaks. `title` is what the certificate that sets the limit is called. */
  readonly breach?: Omit<Breach, 'by'> & { readonly by: string; readonly title: string };
};

/** The name by which clients are taken to call a server, and whether its certificate is for that name. */
export interface HostFact {
  readonly name: string;
  /** `address`: the target itself is one. Its clients may well use a name. */
  readonly form: 'name' | 'address';
  readonly match: HostMatch;
}

/**
 * When clients of a chain begin to fail. `bestPath` is the best trust path that a client can build within the caps (the
 * one whose earliest end is latest, anchor included), absent when there is none. `effective` is `bestPath`, else the
 * earliest end on the path that was served from the leaf on. What is optional below was not judged when it is absent.
 */
export interface ChainFigures {
  readonly leaf: Limit;
  readonly servedMin: Limit;
  readonly bestPath?: Limit;
  /** Fingerprints on the best path, leaf first. */
  readonly bestPathItems?: readonly string[];
  /** Where there is no best path: fingerprints on the path that was served, leaf first. */
  readonly servedPathItems?: readonly string[];
  readonly effective: Limit;
  /** The limiting certificate where it was not itself served (an anchor or an intermediate known from elsewhere). */
  readonly limitedBy?: KnownCertificate;
  /** What of the best path was not sent, from the leaf on. */
  readonly unserved?: readonly UnservedCertificate[];
  /** The list as it was sent. */
  readonly list?: ServedList;
  /** Present where there is no best path. */
  readonly distrust?: KnownDistrust;
  /** The search met a cap: a better path may have been missed. */
  readonly isExhausted?: true;
  /** The config says whom the clients of this source trust. */
  readonly hasOwnTrust?: true;
  readonly host?: HostFact;
}

/** What the wire showed, less the lines for people: they are kept apart. */
export type KnownEndpoint = Omit<EndpointFacts, 'transcript'> & {
  /** Changes exactly when the transcript does. */
  readonly transcriptDigest?: string;
};

/** Everything current that is known of one location. */
export interface Location {
  /** The store's key; 0 before it is stored. */
  readonly id: number;
  readonly source: string;
  /** The collector's type. */
  readonly type: string;
  /** Key of the target it belongs to. */
  readonly target: string;
  readonly location: string;
  readonly labels: Labels;
  readonly version?: string;
  readonly firstSeenAt: number;
  readonly lastLookAt: number;
  /** Absent when no look has succeeded yet. */
  readonly lastSuccessAt?: number;
  /** Why the last look failed as a whole; absent when it succeeded. */
  readonly failure?: { readonly reason: Reason; readonly detail: string };
  /** Failed looks in a row. */
  readonly failures: number;
  /** Parts that could not be read at the last look that reached it. */
  readonly problems: readonly Problem[];
  readonly sightings: readonly Sighting[];
  /** When it was withdrawn by its own evidence, alone or with its whole target; only of what has just been. */
  readonly gone?: { readonly at: number; readonly with: 'location' | 'target' };
  readonly endpoint?: KnownEndpoint;
  readonly chain?: ChainFigures;
}

/** What the store keeps of one source. */
export interface SourceState {
  readonly name: string;
  readonly type: string;
  /** Expected time between looks, milliseconds. */
  readonly intervalMs: number;
  /** A digest of everything the config says of it: what was seen under another one is looked at anew in full. */
  readonly definition?: string;
  /** When its first complete round ended; absent while it is new. */
  readonly baselineAt?: number;
  readonly firstSeenAt: number;
}

/** What the store keeps of one target. */
export interface TargetState {
  readonly source: string;
  readonly key: string;
  readonly labels: Labels;
  readonly data: Json;
  readonly checkpoint?: Json;
  readonly firstSeenAt: number;
  readonly lastLookAt?: number;
}
