import type { Context, Limits } from '../../src/plugin/context.ts';

/** A key of a set that comes with certificates; hostile text. */
export interface CertifiedKey {
  readonly id: string;
  readonly use: 'sig' | 'enc' | undefined;
  /** Base64, the certificate of the key first (RFC 7517 section 4.7). */
  readonly chain: readonly string[];
  /** What the key itself says of its certificate, in hex. */
  readonly sha1?: string;
  readonly sha256?: string;
  /** The key as it stands there, in DER, base64; absent where it is none that is known. */
  readonly publicKey?: string;
}

/** What became of a document that should be a set of keys. */
export type KeySet =
  | {
      readonly kind: 'keys';
      readonly keys: readonly CertifiedKey[];
      /** All keys, with certificates or without. */
      readonly count: number;
      readonly isCut: boolean;
    }
  | { readonly kind: 'malformed'; readonly detail: string };

/** What an OpenID provider says of itself, as far as it matters here. */
export type Discovery =
  | { readonly kind: 'discovery'; readonly issuer: string; readonly jwksUri: string }
  | { readonly kind: 'malformed'; readonly detail: string };

const LIMITS: Limits = { timeMs: 3_000, memoryMb: 192 };

/** Reads a JWKS within bounds. Throws CollectError `too_costly` where it takes more than that. */
export async function readKeySet(text: string, isolate: Context['isolate']): Promise<KeySet> {
  return isolate(new URL('./jwks-json.ts', import.meta.url), text, LIMITS);
}

/** Reads a discovery document (OpenID Connect Discovery 1.0, section 3). */
export async function readDiscovery(text: string, isolate: Context['isolate']): Promise<Discovery> {
  return isolate(new URL('./discovery-json.ts', import.meta.url), text, LIMITS);
}
