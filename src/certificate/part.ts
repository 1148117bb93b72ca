import { CertificateError, parseCertificate, type Certificate, type RevocationList } from './certificate.ts';
import { parseRevocationList } from './revocation-list.ts';

/**
 * Why something in a file could not be read.
 *
 * `wrong_password`: none of the passwords opens it, or it is damaged; the two cannot be told apart.
 * `too_costly`: opening it takes longer than was allowed, or than is ever allowed.
 * `too_large`: there is more of it than is ever read.
 */
export type ContainerProblem = 'malformed' | 'empty' | 'unsupported' | 'wrong_password' | 'too_costly' | 'too_large';

/** Whether a private key belongs to a certificate; `encrypted` when no password opens it. */
export type KeyMatch = 'yes' | 'no' | 'encrypted';

/**
 * What a keystore says that a certificate is for.
 *
 * `identity`: it belongs to a private key of the store. `chain`: it stands behind such a one, to be sent along.
 * `trusted`: whoever uses the store trusts it.
 */
export type KeystoreUse = 'identity' | 'chain' | 'trusted';

/** A private key lies here. It is not kept. */
export interface PrivateKeyPart {
  readonly kind: 'private-key';
  /** It is encrypted, and nothing that was given opens it. */
  readonly encrypted: boolean;
  /** The identity of the key pair, to be compared with `keyIdOf` of a certificate; absent when it cannot be told. */
  readonly keyId?: string;
  /** Opening it was not tried for want of time: the `maxCostMs` that one attempt takes. */
  readonly costMs?: number;
}

/** One thing found in a file. */
export type ContainerPart = {
  /** Its rank among everything that the file holds. */
  readonly index: number;
  /** The alias or friendly name that a keystore has for it. Raw: it is hostile until it has passed through `text`. */
  readonly alias?: string;
} & (
  | {
      readonly kind: 'certificate';
      readonly certificate: Certificate;
      /** A fault around the certificate that was mended, though OpenSSL refuses the file for it. */
      readonly mended?: string;
      /** Absent where the format does not tell. */
      readonly use?: KeystoreUse;
      /** Of the private key that a keystore holds for this certificate. */
      readonly keyMatch?: KeyMatch;
    }
  | { readonly kind: 'crl'; readonly crl: RevocationList; readonly mended?: string }
  | PrivateKeyPart
  | {
      readonly kind: 'problem';
      readonly problem: ContainerProblem;
      readonly detail: string;
      /** With `too_costly`: the `maxCostMs` that one attempt takes; absent when it takes more than is ever allowed. */
      readonly costMs?: number;
    }
);

/** A part before it has its rank. */
export type Part = ContainerPart extends infer Each
  ? Each extends ContainerPart
    ? Omit<Each, 'index'>
    : never
  : never;

/** The parts of one kind, before they have their ranks. */
export type PartOf<Kind extends Part['kind']> = Extract<Part, { readonly kind: Kind }>;

/** A file with more parts is read up to here. */
export const MAX_PARTS = 10_000;

/** What is known of a certificate or a list besides its octets; what is `undefined` is left out. */
export interface PartAttributes {
  readonly alias?: string | undefined;
  readonly mended?: string | undefined;
  readonly use?: KeystoreUse | undefined;
  readonly keyMatch?: KeyMatch | undefined;
}

/** The certificate in `der`, or the problem with it; `where` says in which part of the file it is. */
export function certificatePart(
  der: Uint8Array,
  attributes: PartAttributes = {},
  where?: string,
): PartOf<'certificate' | 'problem'> {
  try {
    return { kind: 'certificate', certificate: parseCertificate(der), ...given(attributes) };
  } catch (error) {
    return malformedPart(error, where);
  }
}

/** The revocation list in `der`, or the problem with it. */
export function crlPart(
  der: Uint8Array,
  attributes: Pick<PartAttributes, 'alias' | 'mended'> = {},
  where?: string,
): PartOf<'crl' | 'problem'> {
  try {
    return { kind: 'crl', crl: parseRevocationList(der), ...given(attributes) };
  } catch (error) {
    return malformedPart(error, where);
  }
}

export function problemPart(problem: ContainerProblem, detail: string): PartOf<'problem'> {
  return { kind: 'problem', problem, detail };
}

/** That there is more than `MAX_PARTS` of `what`. */
export function tooManyParts(what: string): PartOf<'problem'> {
  return problemPart('too_large', `there are more than ${MAX_PARTS} ${what}; the rest was not read`);
}

function malformedPart(error: unknown, where: string | undefined): PartOf<'problem'> {
  if (!(error instanceof CertificateError)) throw error;
  return problemPart('malformed', where === undefined ? error.message : `${where}: ${error.message}`);
}

/** The attributes that are there: an optional property is absent, not `undefined`. */
function given<T extends object>(attributes: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  const there: Partial<T> = {};
  for (const name in attributes) if (attributes[name] !== undefined) there[name] = attributes[name];
  return there as { [Key in keyof T]: Exclude<T[Key], undefined> };
}
