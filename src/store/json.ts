/** JSON text of a value of this type, written by this store. */
export type JsonText<T> = string & { readonly of?: T };

export function toJson<T>(value: T): JsonText<T> {
  return JSON.stringify(value);
}

export function fromJson<T>(text: JsonText<T>): T {
  return JSON.parse(text) as T;
}
