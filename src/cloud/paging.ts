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
