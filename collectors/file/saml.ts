import type { Context, Limits } from '../../src/plugin/context.ts';

/** A certificate in SAML metadata; hostile text. */
export interface SamlCertificate {
  /** Of the entity that uses it; empty for the one that signs the file itself. */
  readonly entityId: string;
  /** `both` where the metadata does not tell. */
  readonly use: 'signing' | 'encryption' | 'both';
  /** Base64, white space and all. */
  readonly base64: string;
}

/** What became of a text that looks like SAML metadata. */
export type SamlResult =
  | { readonly kind: 'metadata'; readonly certificates: readonly SamlCertificate[]; readonly isCut: boolean }
  /** Some other XML. */
  | { readonly kind: 'other' }
  | { readonly kind: 'malformed'; readonly detail: string };

const LIMITS: Limits = { timeMs: 2_000, memoryMb: 128 };

/** Whether a text may be SAML metadata: it is parsed only then. */
export function looksLikeSaml(text: string): boolean {
  return text.includes('X509Certificate') && (text.includes('EntityDescriptor') || text.includes('EntitiesDescriptor'));
}

/** Parses SAML metadata within bounds. Throws CollectError `too_costly` where it takes more than that. */
export async function readSaml(text: string, isolate: Context['isolate']): Promise<SamlResult> {
  return isolate(new URL('./saml-xml.ts', import.meta.url), text, LIMITS);
}
