import type { Context } from '../../src/plugin/context.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Item, Role } from '../../src/plugin/item.ts';
import type { Problem } from '../../src/plugin/observation.ts';
import type { Api } from './api.ts';
import { contentOf, type Attributes, type Content, type ContentReader, type Value } from './content.ts';
import type { Facts } from './facts.ts';
import { bytesIn, type KubeObject } from './object.ts';
import type { Options } from './options.ts';
import { usersOf, type Use } from './use.ts';

/** What an object holds; undefined for one that holds nothing of ours. */
export type Reading = Content | undefined;

/** What readers of objects are given besides. */
export interface ReadingParts {
  readonly given: Options;
  readonly context: Pick<Context, 'clock' | 'secret'>;
  readonly api: Api;
  readonly facts: Facts;
  readonly contents: ContentReader;
  /** What errors call the object: its location. */
  readonly where: string;
  readonly signal: AbortSignal;
}

/** How one kind of object is read. */
export interface Reader {
  /** What a look depends on besides the object itself: another text, another look. */
  depends(object: KubeObject, parts: Pick<ReadingParts, 'facts' | 'context' | 'given'>): unknown;
  read(object: KubeObject, parts: ReadingParts): Promise<Reading>;
}

/** Keys by which a value says that whoever reads it trusts what is in it. */
const TRUSTED_KEY =
  /^(?:.*[-_.])?(?:ca|cacert|ca-?certs?|ca-?bundle|cabundle|root-?ca|root-cert|trust|trust-?bundle|trust-?store|bundle)(?:\.[a-z0-9.]+)?$/i;

export function isTrustedKey(key: string): boolean {
  return TRUSTED_KEY.test(key);
}

/** References, renewal and labels for what lies in a Secret or ConfigMap. */
export function attributesOf(use: Use | undefined, renewal: Item['renewal'], labels?: Item['labels']): Attributes {
  return (role: Role) => {
    const usedBy = usersOf(use, role);
    // An anchor is somebody else's certificate: it is brought here, and renewed elsewhere.
    const isOwn = role !== 'trust-anchor' && role !== 'intermediate';
    return {
      ...(usedBy.length === 0 ? {} : { usedBy }),
      ...(renewal === undefined || !isOwn ? {} : { renewal }),
      ...(labels === undefined || !isOwn ? {} : { labels }),
    };
  };
}

/** What several values hold together; undefined when that is nothing at all. */
export async function readValues(
  values: readonly Value[],
  reader: ContentReader,
  attributes: Attributes,
): Promise<Reading> {
  const items: Item[] = [];
  const problems: Problem[] = [];
  let isVolatile = false;
  for (const value of values) {
    const content = await contentOf(value, reader, attributes);
    items.push(...content.items);
    problems.push(...content.problems);
    isVolatile ||= content.isVolatile;
  }
  return items.length === 0 && problems.length === 0 ? undefined : { items, problems, isVolatile };
}

/** The values of base64 text; what is none is a problem at its place. */
export function decodeValues(
  given: readonly (readonly [place: string, base64: unknown])[],
  where: string,
): {
  readonly values: readonly { readonly place: string; readonly bytes: Buffer }[];
  readonly problems: readonly Problem[];
} {
  const values: { place: string; bytes: Buffer }[] = [];
  const problems: Problem[] = [];
  for (const [place, base64] of given) {
    try {
      values.push({ place, bytes: bytesIn(base64) });
    } catch (error) {
      if (!(error instanceof CollectError)) throw error;
      problems.push({ reason: error.reason, place, detail: `${where} ${place}: ${error.message}` });
    }
  }
  return { values, problems };
}
