/**
 * A distinguished name in the notation of RFC 4514. Servers also write the old one of OpenSSL, `/C=DE/O=Example/CN=api`,
 * which begins at the other end; a slash in a value cannot be told there from the beginning of the next part unless what
 * follows it is no `type=`.
 */
export function readName(text: string): string {
  if (!text.startsWith('/')) return text.replaceAll(/,\s+(?=[A-Za-z][A-Za-z0-9.-]*=|\d+(?:\.\d+)+=)/g, ',');
  return text
    .slice(1)
    .split(/\/(?=(?:[A-Za-z][A-Za-z0-9.-]*|\d+(?:\.\d+)+)=)/)
    .map((part) => {
      const [, type = '', value = ''] = /^([^=]*)=(.*)$/s.exec(part) ?? [];
      return `${type}=${value.replaceAll(/["+,;<>\\]/g, String.raw`\$&`)}`;
    })
    .toReversed()
    .join(',');
}

/** What people call it: the common name, else the whole. */
export function shortName(name: string): string {
  const value = /(?:^|,)CN=((?:\\.|[^,\\+])+)/i.exec(name)?.[1];
  return value === undefined ? name : value.replaceAll(/\\(.)/g, '$1');
}
