/**
 * A source that is looked at from several places is one source for each in the store, `disk@node-1`: a name in the config
 * never holds the sign.
 */
const AT = '@';

export function placedName(source: string, vantage: string): string {
  return `${source}${AT}${vantage}`;
}

/** The name that it has in the config. */
export function baseName(source: string): string {
  const at = source.indexOf(AT);
  return at === -1 ? source : source.slice(0, at);
}
