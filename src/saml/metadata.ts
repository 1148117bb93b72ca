import type { Context, Limits } from '../plugin/context.ts';

/** A certificate in SAML metadata; hostile text. */
export interface SamlCertificate {
  /** Of the entity that uses it; empty for the one that signs the file itself. */
  readonly entityId: string;
  /** `both` where the metadata does not tell. */
  readonly use: 'signing' | 'encryption' | 'both';
  /** Base64, white space and all. */
  readonly base64: string;
}

export interface SamlMetadata {
  readonly kind: 'metadata';
  readonly certificates: readonly SamlCertificate[];
  /** Each once, in the order in which they came. */
  readonly entityIds: readonly string[];
  /**
   * Entities and keys in places where nobody looks for them (in extensions, in a signature, one entity twice): what is
   * there is left out. Programs that look for them anywhere would believe them, which is how signatures are wrapped.
   */
  readonly misplaced: number;
  readonly isCut: boolean;
}

/** What became of a text that looks like SAML metadata. */
export type SamlResult =
  | SamlMetadata
  /** Some other XML. */
  | { readonly kind: 'other' }
  | { readonly kind: 'malformed'; readonly detail: string };

const LIMITS: Limits = { timeMs: 2_000, memoryMb: 128 };

/** Whether a text may be SAML metadata: it is parsed only then. */
export function looksLikeSaml(text: string): boolean {
  return text.includes('X509Certificate') && (text.includes('EntityDescriptor') || text.includes('EntitiesDescriptor'));
}

/** Parses SAML metadata within bounds. Throws CollectError `too_costly` where it takes more than that. */
export async function readSaml(text: string, isolate: Context['isolate'], limits = LIMITS): Promise<SamlResult> {
  return isolate(new URL('./metadata-xml.ts', import.meta.url), text, limits);
}
