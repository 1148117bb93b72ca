import { hash } from 'node:crypto';

import type { Certificate } from '../../src/certificate/certificate.ts';
import type { Container } from '../../src/certificate/container.ts';
import { keyIdOf } from '../../src/certificate/key-id.ts';
import type { ContainerPart, ContainerProblem, KeystoreUse } from '../../src/certificate/part.ts';
import { roleOf } from '../../src/cloud/role.ts';
import type { Context } from '../../src/plugin/context.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Item, Role } from '../../src/plugin/item.ts';
import type { Problem } from '../../src/plugin/observation.ts';

/** Octets of contents that are remembered: one CA bundle lies in every namespace, and is parsed twice at most. */
const MAX_REMEMBERED_BYTES = 2 * 1024 * 1024;
/** Contents of which it is remembered that they were met. */
const MAX_MET = 100_000;
const MAX_REMEMBERED_EACH = 512 * 1024;
/** Problems of one value that are told apart. */
const MAX_PROBLEMS = 20;

/** Reads values. What is met a second time, and holds no private key, is remembered: most contents are nowhere else. */
export class ContentReader {
  private readonly known = new Map<string, { readonly container: Container; readonly size: number }>();
  private readonly met = new Set<number>();
  private size = 0;
  private readonly context: Pick<Context, 'parse'>;

  constructor(context: Pick<Context, 'parse'>) {
    this.context = context;
  }

  async read(bytes: Buffer, passwords: readonly string[]): Promise<Container> {
    const key =
      passwords.length === 0 && bytes.length <= MAX_REMEMBERED_EACH ? hash('sha256', bytes, 'hex') : undefined;
    const before = key === undefined ? undefined : this.known.get(key);
    if (before !== undefined) return before.container;
    const container = await this.context.parse(bytes, { passwords });
    const isPlain = container.parts.every(({ kind }) => kind === 'certificate' || kind === 'crl');
    if (key !== undefined && isPlain && this.isMetAgain(key)) this.remember(key, { container, size: bytes.length });
    return container;
  }

  /** Private keys, to be compared and dropped. That one cannot be read is no gap: it would only have been compared. */
  async readKey(bytes: Buffer): Promise<readonly ContainerPart[]> {
    try {
      return (await this.context.parse(bytes, {})).parts.filter(({ kind }) => kind === 'private-key');
    } catch (error) {
      if (error instanceof CollectError) return [];
      throw error;
    }
  }

  private isMetAgain(key: string): boolean {
    const sketch = Number.parseInt(key.slice(0, 12), 16);
    if (this.met.has(sketch)) return true;
    if (this.met.size >= MAX_MET) this.met.clear();
    this.met.add(sketch);
    return false;
  }

  private remember(key: string, entry: { readonly container: Container; readonly size: number }): void {
    // It may have been read several times at once.
    this.size += entry.size - (this.known.get(key)?.size ?? 0);
    this.known.set(key, entry);
    for (const [oldest, { size }] of this.known) {
      if (this.size <= MAX_REMEMBERED_BYTES) break;
      this.known.delete(oldest);
      this.size -= size;
    }
  }
}

/** One value as it lies in an object. */
export interface Value {
  /** The key, which is the place. */
  readonly place: string;
  /** What errors call it: `secret/shop/web tls.crt`. */
  readonly where: string;
  readonly bytes: Buffer;
  /** Whoever reads the value trusts what is in it. */
  readonly isTrusted: boolean;
  /** What a leaf in it does, where that is known from its users. */
  readonly leafRole?: Role;
  readonly passwords: readonly string[];
  /** Private keys that are said to belong to it, and where they lie. */
  readonly keys?: { readonly at: string; readonly parts: readonly ContainerPart[] };
}

/** What is said of the items, besides what they are. */
export type Attributes = (role: Role) => Pick<Item, 'usedBy' | 'renewal' | 'labels'>;

export interface Content {
  readonly items: readonly Item[];
  readonly problems: readonly Problem[];
  /** What is in it depends on more than the object: it is read again at each look. */
  readonly isVolatile: boolean;
}

/** What a value holds. Something that is nothing of ours is a problem: its key promised a certificate. */
export async function contentOf(value: Value, reader: ContentReader, attributes: Attributes): Promise<Content> {
  const { place, where, bytes } = value;
  if (bytes.length === 0) return failed(place, 'empty', `${where} is empty`);
  let container: Container;
  try {
    container = await reader.read(bytes, value.passwords);
  } catch (error) {
    if (!(error instanceof CollectError)) throw error;
    return failed(place, error.reason, `${where}: ${error.message}`);
  }
  const items: Item[] = [];
  const problems: Problem[] = [];
  const keyOf = keyFinder(container, value);
  for (const part of container.parts) {
    switch (part.kind) {
      case 'certificate': {
        const key = keyOf(part);
        const { certificate, use } = part;
        const role = roleAt(certificate, value, use, key !== undefined && key.match !== 'no');
        items.push({
          kind: 'certificate',
          der: certificate.der,
          parsed: certificate,
          place: { key: part.alias === undefined ? place : `${place}/${part.alias}`, index: part.index },
          role,
          ...attributes(role),
          ...(key === undefined ? {} : { key }),
          ...(part.mended === undefined
            ? {}
            : { remarks: [`OpenSSL does not read it as it is written there (${part.mended})`] }),
        });
        break;
      }
      case 'crl':
        items.push({ kind: 'crl', der: part.crl.der, place: { key: place, index: part.index }, role: 'issuer' });
        break;
      case 'problem':
        problems.push({
          reason: part.problem,
          place: part.alias === undefined ? place : `${place}/${part.alias}`,
          detail: `${where}: ${part.detail}${ADVICE[part.problem]}`,
        });
        break;
      case 'private-key':
        break;
    }
  }
  if (items.length === 0 && problems.length === 0 && !container.parts.some(({ kind }) => kind === 'private-key')) {
    return failed(place, 'malformed', `${where} is neither a certificate nor a keystore of a known format`);
  }
  return {
    items,
    problems: problems.slice(0, MAX_PROBLEMS),
    isVolatile: problems.some(({ reason }) => reason === 'wrong_password' || reason === 'too_costly'),
  };
}

const ADVICE: Readonly<Record<ContainerProblem, string>> = {
  malformed: '; it may be cut off or damaged',
  empty: '',
  unsupported: ' is not supported; put the certificates beside it as PEM',
  wrong_password: '; give its password by other_secrets (password_secret, password_file)',
  too_costly: '',
  too_large: '',
};

function failed(place: string, reason: Problem['reason'], detail: string): Content {
  return { items: [], problems: [{ reason, place, detail }], isVolatile: reason === 'too_costly' };
}

function roleAt(certificate: Certificate, value: Value, use: KeystoreUse | undefined, hasKey: boolean): Role {
  if (use === 'trusted') return 'trust-anchor';
  if (value.isTrusted && use === undefined) return 'trust-anchor';
  if (certificate.isCa) {
    if (hasKey) return 'issuer';
    return Buffer.compare(certificate.subject.der, certificate.issuer.der) === 0 ? 'trust-anchor' : 'intermediate';
  }
  return value.leafRole ?? roleOf(certificate.extendedKeyUsage);
}

/** Tells which key belongs to a certificate: that of its keystore, of its value, or of the value beside it. */
function keyFinder({ parts }: Container, { where, keys }: Value): (part: ContainerPart) => Item['key'] {
  const own = parts.filter((part) => part.kind === 'private-key');
  const beside = (keys?.parts ?? []).filter((part) => part.kind === 'private-key');
  const found = own.length > 0 ? own : beside;
  const at = own.length > 0 ? where : (keys?.at ?? where);
  const certificates = parts.filter((part) => part.kind === 'certificate');
  const [first] = certificates;
  const ids = new Set(found.flatMap(({ keyId }) => keyId ?? []));
  const fits = (part: ContainerPart): boolean =>
    part.kind === 'certificate' && ids.has(keyIdOf(part.certificate) ?? '');
  return (part) => {
    if (part.kind !== 'certificate') return undefined;
    if (part.keyMatch !== undefined) return { at: where, match: part.keyMatch };
    if (found.length === 0) return undefined;
    if (fits(part)) return { at, match: 'yes' };
    // A key belongs to the first certificate, as every server reads such pairs.
    if (part !== first || certificates.some(fits)) return undefined;
    if (found.some(({ encrypted }) => encrypted)) return { at, match: 'encrypted' };
    return ids.size > 0 && keyIdOf(part.certificate) !== undefined ? { at, match: 'no' } : undefined;
  };
}
