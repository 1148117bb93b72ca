/** What a line of a log may tell, whatever the log calls it. */
export const FIELDS = [
  'time',
  'verify',
  'sha256',
  'sha1',
  'serial',
  'issuer',
  'subject',
  'not_before',
  'not_after',
  'validity',
  'certificate',
  'xfcc',
  'host',
  'port',
  'path',
  'request',
] as const;
export type Field = (typeof FIELDS)[number];

/** Where each field of the current line is, by the number of the field; -1 where the line has none. */
export interface Row {
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

export function createRow(): Row {
  return { starts: new Int32Array(FIELDS.length), ends: new Int32Array(FIELDS.length) };
}

export function indexOf(field: Field): number {
  return FIELDS.indexOf(field);
}

/**
 * Finds the fields of the line at `[start, end)` and notes them in the row. False when the line is not of the format.
 * Makes nothing: a log has millions of lines.
 */
export type ReadLine = (bytes: Uint8Array, start: number, end: number, row: Row) => boolean;

/** How a field of this format is written: what has to be undone before it can be read. */
export type Escaping = 'backslash' | 'json' | 'none';

export interface Format {
  readonly readLine: ReadLine;
  readonly escaping: Escaping;
}
