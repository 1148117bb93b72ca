/**
 * XML the way the query protocol has it: an object becomes elements by its keys, a list an element for each of its things
 * (`member`, or as `item` says), a date ISO 8601. What is undefined is left out. Of a key, what stands behind a blank only
 * tells it from others that become the same element.
 */
export function xmlOf(value: unknown, item = 'member'): string {
  if (value === undefined) return '';
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map((one) => `<${item}>${xmlOf(one, item)}</${item}>`).join('');
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value)
      .filter(([, one]) => one !== undefined)
      .map(([key, one]) => [key.split(' ', 1)[0] ?? '', xmlOf(one, item)] as const)
      .map(([element, content]) => `<${element}>${content}</${element}>`)
      .join('');
  }
  return `${value as string | number | boolean}`
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}
