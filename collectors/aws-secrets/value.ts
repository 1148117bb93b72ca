import type { Container } from '../../src/certificate/container.ts';
import { keyIdOf } from '../../src/certificate/key-id.ts';
import { roleOf } from '../../src/cloud/role.ts';
import { type Held, isSelfIssued } from '../../src/cloud/held.ts';
import type { Context } from '../../src/plugin/context.ts';
import type { Item } from '../../src/plugin/item.ts';
import type { Problem } from '../../src/plugin/observation.ts';

type Part = Container['parts'][number];
type CertificatePart = Extract<Part, { kind: 'certificate' }>;

/** Fields of a JSON secret that may be a password of what stands in another. */
const PASSWORD = /pass(?:word|phrase)|(?:^|[_-])pw$|pin$/i;

/** Fields that are looked at; a secret is 64 KiB at most. */
const MAX_FIELDS = 100;

/** What Secrets Manager gives. */
interface SecretValue {
  readonly SecretString?: string | undefined;
  readonly SecretBinary?: Uint8Array | undefined;
}

/**
 * What a secret holds, by its content: PEM, a keystore, base64 of one, or JSON with these in its fields; a password in
 * another field is tried. A place is the field, empty where the secret is not JSON. Of private keys it is told alone
 * whether they belong to a certificate beside them; they are not kept.
 */
export async function readSecretValue(context: Context, location: string, value: SecretValue): Promise<Held> {
  const { SecretString: text, SecretBinary: binary } = value;
  if (binary !== undefined) return readFields(context, location, [['', binary]], []);
  const fields = text === undefined ? undefined : fieldsOf(text);
  if (fields === undefined) return readFields(context, location, [['', Buffer.from(text ?? '')]], []);
  const passwords = fields.flatMap(([name, field]) => (PASSWORD.test(name) ? [field] : []));
  const others = fields.filter(([name]) => !PASSWORD.test(name));
  return readFields(
    context,
    location,
    others.map(([name, field]): readonly [string, Uint8Array] => [name, Buffer.from(field)]),
    passwords,
  );
}

/** The text fields of a JSON object; undefined for anything else. */
function fieldsOf(text: string): readonly (readonly [string, string])[] | undefined {
  if (!text.trimStart().startsWith('{')) return undefined;
  try {
    const entries = Object.entries(JSON.parse(text) as Readonly<Record<string, unknown>>).slice(0, MAX_FIELDS);
    return entries.flatMap(([name, field]): readonly (readonly [string, string])[] =>
      typeof field === 'string' ? [[name, field]] : [],
    );
  } catch {
    return undefined;
  }
}

async function readFields(
  context: Context,
  location: string,
  fields: readonly (readonly [string, Uint8Array])[],
  passwords: readonly string[],
): Promise<Held> {
  const read = await Promise.all(
    fields.map(async ([place, bytes]) => ({ place, ...(await context.parse(bytes, { passwords })) })),
  );
  const keys = new Set(
    read.flatMap(({ parts }) =>
      parts.flatMap((part) => (part.kind === 'private-key' && part.keyId !== undefined ? [part.keyId] : [])),
    ),
  );
  const items: Item[] = [];
  const problems: Problem[] = [];
  for (const { place, format, parts } of read) {
    // A field with something else in it, a user name for example, is none of ours.
    if (format === undefined && fields.length > 1) continue;
    const certificates = parts.filter((part): part is CertificatePart => part.kind === 'certificate');
    items.push(...certificates.map((part) => toItem(part, place, location, keys)));
    for (const part of parts) {
      if (part.kind === 'crl') {
        items.push({ kind: 'crl', der: part.crl.der, place: { key: place, index: part.index }, role: 'unknown' });
      } else if (part.kind === 'problem') {
        problems.push({ reason: part.problem, place, detail: `the secret cannot be read: ${part.detail}` });
      }
    }
  }
  if (items.length === 0 && problems.length === 0) {
    problems.push({ reason: 'empty', place: '', detail: 'there is no certificate in the secret' });
  }
  return { items, problems };
}

/** What a certificate does: the one with the key is the leaf; a CA without one is sent along, or trusted. */
function toItem(part: CertificatePart, place: string, location: string, keys: ReadonlySet<string>): Item {
  const { certificate, index, keyMatch } = part;
  const match = keyMatch ?? (keys.has(keyIdOf(certificate) ?? '') ? 'yes' : undefined);
  const authority = isSelfIssued(certificate) ? 'trust-anchor' : 'intermediate';
  return {
    kind: 'certificate',
    der: certificate.der,
    place: { key: place, index },
    role: certificate.isCa && match === undefined ? authority : roleOf(certificate.extendedKeyUsage),
    renewal: { mode: 'manual' },
    ...(match === undefined ? {} : { key: { at: location, match } }),
  };
}
