/** A JSON object of a remote answer, of which nothing is known for sure. */
export type Fields = Readonly<Record<string, unknown>>;

/** What lies at a path of field names; undefined where the answer has another shape. */
function valueAt(answer: unknown, path: readonly string[]): unknown {
  let value = answer;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Fields)[name];
  }
  return value;
}

/** The object at a path; an empty one where there is none. */
export function fieldsAt(answer: unknown, ...path: readonly string[]): Fields {
  const value = valueAt(answer, path);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

/** The text at a path; undefined where there is none, or an empty one. */
export function textAt(answer: unknown, ...path: readonly string[]): string | undefined {
  const value = valueAt(answer, path);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Whether a field is `true`. */
export function isTrueAt(answer: unknown, ...path: readonly string[]): boolean {
  return valueAt(answer, path) === true;
}

/** The objects of the list at a path; what is no object is left out. */
export function listAt(answer: unknown, ...path: readonly string[]): readonly Fields[] {
  const value = valueAt(answer, path);
  if (!Array.isArray(value)) return [];
  return value.filter((one): one is Fields => typeof one === 'object' && one !== null && !Array.isArray(one));
}

/** The texts of the list at a path. */
export function textsAt(answer: unknown, ...path: readonly string[]): readonly string[] {
  const value = valueAt(answer, path);
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string' && one !== '') : [];
}

/** The instant at a path, written in ISO 8601; undefined where there is none that can be read. */
export function dateAt(answer: unknown, ...path: readonly string[]): Date | undefined {
  const text = textAt(answer, ...path);
  const date = text === undefined ? undefined : new Date(text);
  return date === undefined || Number.isNaN(date.getTime()) ? undefined : date;
}

/** The entries of the object at a path whose values are texts: tags, labels. */
export function tagsAt(answer: unknown, ...path: readonly string[]): readonly { Key: string; Value: string }[] {
  return Object.entries(fieldsAt(answer, ...path)).flatMap(([Key, Value]) =>
    typeof Value === 'string' ? [{ Key, Value }] : [],
  );
}
