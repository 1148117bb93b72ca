import { type Fields, dateAt, isTrueAt, listAt, textAt } from '../../src/cloud/answer.ts';
import type { Item, Role } from '../../src/plugin/item.ts';

/** A certificate or secret by which an application logs in, or signs, as Microsoft Graph lists it. */
export interface Credential {
  readonly kind: 'certificate' | 'secret';
  /** Stable over time, unique in its application. */
  readonly place: string;
  readonly keyId: string;
  readonly name: string | undefined;
  readonly role: Role;
  readonly start: Date | undefined;
  readonly end: Date | undefined;
  /** SHA-1 of the certificate, lower-case hex. */
  readonly thumbprint?: string | undefined;
  /** The one of several signing certificates that is in use; absent where there is no such choice. */
  readonly isActive?: boolean;
}

const X509 = 'AsymmetricX509Cert';

/** What an application or service principal can log in and sign with. */
export function credentialsOf(entity: Fields): readonly Credential[] {
  const keys = listAt(entity, 'keyCredentials');
  const signing = new Set(keys.filter((key) => textAt(key, 'usage') === 'Sign').map((key) => identifierOf(key)));
  const preferred = textAt(entity, 'preferredTokenSigningKeyThumbprint')?.toLowerCase();
  const seen = new Set<string>();
  const found: Credential[] = [];

  for (const key of keys) {
    const keyId = textAt(key, 'keyId');
    if (keyId === undefined) continue;
    const identifier = identifierOf(key);
    const thumbprint = thumbprintOf(identifier);
    const isSigning = signing.has(identifier);
    // A signing certificate is listed twice: to sign by and to verify by.
    const place = isSigning && thumbprint !== undefined ? `signing/${thumbprint}` : `certificate/${keyId}`;
    if (seen.has(place)) continue;
    seen.add(place);
    const isCertificate = textAt(key, 'type') === X509 || thumbprint !== undefined;
    found.push({
      kind: isCertificate ? 'certificate' : 'secret',
      place,
      keyId,
      name: textAt(key, 'displayName'),
      role: isSigning ? 'signer' : roleOf(textAt(key, 'usage')),
      start: dateAt(key, 'startDateTime'),
      end: dateAt(key, 'endDateTime'),
      thumbprint,
      ...(isSigning && preferred !== undefined && thumbprint !== undefined
        ? { isActive: preferred === thumbprint }
        : {}),
    });
  }
  for (const secret of listAt(entity, 'passwordCredentials')) {
    const keyId = textAt(secret, 'keyId');
    // The password of a signing key is no login: it ends with its certificate.
    if (keyId === undefined || (signing.size > 0 && signing.has(identifierOf(secret)))) continue;
    found.push({
      kind: 'secret',
      place: `secret/${keyId}`,
      keyId,
      name: textAt(secret, 'displayName'),
      role: 'client',
      start: dateAt(secret, 'startDateTime'),
      end: dateAt(secret, 'endDateTime'),
    });
  }
  return found;
}

function roleOf(usage: string | undefined): Role {
  return usage === 'Verify' ? 'client' : 'unknown';
}

function identifierOf(key: Fields): string {
  return textAt(key, 'customKeyIdentifier') ?? `key ${textAt(key, 'keyId') ?? ''}`;
}

const HEX = /^[0-9a-f]{40}$/i;

/** The thumbprint in a customKeyIdentifier: in hex, in base64, or in base64 of hex, by whoever has set it. */
function thumbprintOf(identifier: string): string | undefined {
  if (HEX.test(identifier)) return identifier.toLowerCase();
  const bytes = Buffer.from(identifier, 'base64');
  if (bytes.length === 20) return bytes.toString('hex');
  const text = bytes.toString('latin1');
  return HEX.test(text) ? text.toLowerCase() : undefined;
}

/** The place of another that works now, is for the same, and outlives it the longest; undefined where there is none. */
export function successorOf(one: Credential, all: readonly Credential[], now: number): string | undefined {
  const end = one.end?.getTime();
  if (end === undefined) return undefined;
  // What the directory signs by now is in use, whatever lies beside it.
  if (one.isActive === true) return undefined;
  const [heir] = all
    .filter(
      (other) =>
        other !== one &&
        other.kind === one.kind &&
        other.role === one.role &&
        other.isActive !== false &&
        (other.start?.getTime() ?? 0) <= now &&
        (other.end?.getTime() ?? 0) > Math.max(end, now),
    )
    .toSorted((a, b) => (b.end?.getTime() ?? 0) - (a.end?.getTime() ?? 0));
  return heir?.place;
}

/** The certificates themselves, by their keyId; they are given for a single entity alone. */
export function contentsOf(entity: Fields): ReadonlyMap<string, Uint8Array> {
  const contents = new Map<string, Uint8Array>();
  for (const key of listAt(entity, 'keyCredentials')) {
    const keyId = textAt(key, 'keyId');
    const content = textAt(key, 'key');
    if (keyId !== undefined && content !== undefined) contents.set(keyId, Buffer.from(content, 'base64'));
  }
  return contents;
}

export type Details = Pick<Item, 'usedBy' | 'supersededBy' | 'renewal'>;

/** The credential as an item; undefined for one without an end that could be told. */
export function itemOf(credential: Credential, entityName: string, details: Details): Item | undefined {
  const { kind, place, keyId, name, role, start, end, thumbprint } = credential;
  const common = { place: { key: place }, role, ...details };
  if (kind === 'secret') {
    if (end === undefined) return undefined;
    return {
      kind: 'credential',
      id: keyId,
      name: `client secret ${name ?? keyId} of ${entityName}`,
      notAfter: end,
      ...common,
    };
  }
  return {
    kind: 'described',
    ...(thumbprint === undefined ? {} : { sha1: thumbprint }),
    names: [name ?? entityName],
    ...(start === undefined ? {} : { notBefore: start }),
    notAfter: end ?? 'unknown',
    ...common,
  };
}

/** Whether nobody can log in to or by it any more. */
export function isDisabled(entity: Fields): boolean {
  return (
    textAt(entity, 'disabledByMicrosoftStatus') !== undefined ||
    (Object.hasOwn(entity, 'accountEnabled') && !isTrueAt(entity, 'accountEnabled'))
  );
}
