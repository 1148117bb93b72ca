import type { Certificate } from '../certificate/certificate.ts';
import type { Labels } from '../label/labels.ts';

/** What an item does at its place. */
export const ROLES = ['server', 'client', 'intermediate', 'trust-anchor', 'issuer', 'signer', 'unknown'] as const;
export type Role = (typeof ROLES)[number];

/** A typed pointer to what uses an item, e.g. `{type: 'aws', id: 'arn:aws:elasticloadbalancing:…'}`. */
export interface Reference {
  readonly type: 'endpoint' | 'aws' | 'azure' | 'gcp' | 'k8s' | 'app';
  readonly id: string;
}

/** Where inside a location. `key` is stable over time (`chain`, a data key, an alias); `index` is only an attribute, never identity. */
export interface Place {
  readonly key: string;
  readonly index?: number;
}

interface ItemAttributes {
  readonly place: Place;
  readonly role: Role;
  /** Owner and the like, from tags, Kubernetes labels, service discovery. */
  readonly labels?: Labels;
  /**
   * What uses it. A client certificate with a reference to an endpoint logs in there; a `trust-anchor` with one is
   * in the trust store by which that endpoint judges its clients.
   */
  readonly usedBy?: readonly Reference[];
  /** A private key found beside it; never the key. */
  readonly key?: { readonly at: string; readonly match: 'yes' | 'no' | 'encrypted' };
  /**
   * Where its successor lies: it has ended, or is about to, and beside it is a valid certificate for the same names. Its
   * end is nobody's loss.
   */
  readonly supersededBy?: string;
  /** How it is written there, where that may trouble what uses it though it can be read: a clause each. May hold hostile text. */
  readonly remarks?: readonly string[];
  readonly renewal?: {
    readonly mode: 'automatic' | 'manual' | 'unknown';
    readonly due?: Date;
    readonly stuck?: string;
  };
  /** That it was used, where something says so: a client found in a log. */
  readonly seenInUse?: {
    readonly first: Date;
    readonly last: Date;
    /** How often, between the two. */
    readonly count: number;
    /** For what, the most frequent first. What is left out makes the sum less than `count`. */
    readonly by: readonly Use[];
  };
}

/** What an item was used for, and how often. */
export interface Use {
  readonly reference: Reference;
  readonly count: number;
}

/** Something with an end date, as a collector found it. */
export type Item = ItemAttributes &
  (
    | {
        readonly kind: 'certificate';
        readonly der: Uint8Array;
        /** What `der` is, where the collector has read it already: it need not be read again. */
        readonly parsed?: Certificate;
      }
    | {
        /** A certificate known only by description: its DER cannot be had. */
        readonly kind: 'described';
        readonly issuer?: string;
        readonly serial?: string;
        /** Lower-case hex of the DER's SHA-1. */
        readonly sha1?: string;
        /** Lower-case hex of the DER's SHA-256. */
        readonly sha256?: string;
        readonly names?: readonly string[];
        readonly notBefore?: Date;
        readonly notAfter: Date | 'unknown';
      }
    | { readonly kind: 'crl'; readonly der: Uint8Array }
    | { readonly kind: 'credential'; readonly id: string; readonly name: string; readonly notAfter: Date }
  );
