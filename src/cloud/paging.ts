import { CollectError } from '../plugin/error.ts';

/**
 * A part of a listing. `cut` is the last value of a listing that could not be read to its end: what came before it is
 * good, what would have come after it is not known.
 */
export type Listed<T> =
  { readonly kind: 'page'; readonly items: readonly T[] } | { readonly kind: 'cut'; readonly error: CollectError };

/**
 * Reads a listing page by page. `next` gives the items of the next page, or undefined after the last one. When the first
 * page fails nothing was seen and its CollectError is thrown; when a later one fails, or there are more than `maxPages`,
 * the listing ends with `cut`. Errors that are not a CollectError are thrown.
 */
export async function* readPages<T>(
  what: string,
  maxPages: number,
  next: () => Promise<readonly T[] | undefined>,
): AsyncGenerator<Listed<T>, void, undefined> {
  for (let page = 0; ; page++) {
    let items: readonly T[] | undefined;
    try {
      items = await next();
    } catch (error) {
      if (page === 0 || !(error instanceof CollectError)) throw error;
      yield { kind: 'cut', error };
      return;
    }
    if (items === undefined) return;
    if (page === maxPages) {
      yield { kind: 'cut', error: new CollectError('partial', `${what}: only the first ${maxPages} pages were read`) };
      return;
    }
    yield { kind: 'page', items };
  }
}

/** One page of a listing that is read by tokens; the last one has no token, or an empty one. */
export interface TokenPage<T> {
  readonly items: readonly T[] | undefined;
  readonly next: string | undefined;
}

/**
 * Reads a listing whose pages each name the token of the next, as `readPages` does. A token that comes twice in a row would
 * go on for ever: the listing then fails with `service_error`.
 */
export function readTokens<T>(
  what: string,
  maxPages: number,
  ask: (token: string | undefined) => Promise<TokenPage<T>>,
): AsyncGenerator<Listed<T>, void, undefined> {
  let token: string | undefined;
  let ended = false;
  return readPages(what, maxPages, async () => {
    if (ended) return undefined;
    const page = await ask(token);
    if (page.next !== undefined && page.next !== '' && page.next === token) {
      throw new CollectError('service_error', `${what} gave the same page twice`);
    }
    token = page.next;
    ended = token === undefined || token === '';
    return page.items ?? [];
  });
}

/**
 * Everything that a listing gives. Where it fails, at the first page or at a later one, `onCut` is told why and what was
 * read until then is given: for lists beside the one that a look is about.
 */
export async function readAll<T>(
  listing: AsyncIterable<Listed<T>>,
  onCut: (error: CollectError) => void,
): Promise<readonly T[]> {
  const all: T[] = [];
  try {
    for await (const part of listing) {
      if (part.kind === 'cut') onCut(part.error);
      else all.push(...part.items);
    }
  } catch (error) {
    if (!(error instanceof CollectError)) throw error;
    onCut(error);
  }
  return all;
}
