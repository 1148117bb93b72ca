/** A part of a list, and the token of the next; tokens are what the real ones look like: opaque. */
export function pageOf<T>(
  all: readonly T[],
  token: string | null | undefined,
  size: number,
): { readonly items: readonly T[]; readonly next: string | undefined } {
  const start = token === null || token === undefined ? 0 : Number(Buffer.from(token, 'base64url').toString());
  const end = start + size;
  return {
    items: all.slice(start, end),
    next: end < all.length ? Buffer.from(String(end)).toString('base64url') : undefined,
  };
}

export function epochSeconds(date: Date | undefined): number | undefined {
  return date === undefined ? undefined : date.getTime() / 1000;
}
