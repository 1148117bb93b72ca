import { indexOf, type Field, type ReadLine } from './field.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
/** Objects in objects are passed by, not followed. */
const MAX_DEPTH = 16;

/**
 * A reader of lines that are JSON objects: of those keys of the outermost object that are named, the value is noted
 * (of a text what is between the quotes). A key that comes twice counts the first time, so that nothing behind can
 * change it.
 */
export function jsonReader(fields: Readonly<Partial<Record<Field, string>>>): ReadLine {
  const keys = Object.entries(fields).map(([field, key]) => ({
    field: indexOf(field as Field),
    key: Buffer.from(JSON.stringify(key).slice(1, -1), 'utf8'),
  }));

  function fieldOf(bytes: Uint8Array, start: number, end: number): number {
    for (const { field, key } of keys) {
      if (key.length !== end - start) continue;
      let same = 0;
      while (same < key.length && bytes[start + same] === key[same]) same++;
      if (same === key.length) return field;
    }
    return -1;
  }

  return (bytes, start, end, row) => {
    row.starts.fill(-1);
    let at = start;
    while (at < end && bytes[at] !== OPEN_BRACE) at++;
    if (at === end) return false;
    at = skipSpace(bytes, at + 1, end);
    if (bytes[at] === CLOSE_BRACE) return true;
    for (;;) {
      if (at >= end || bytes[at] !== QUOTE) return false;
      const keyEnd = endOfText(bytes, at + 1, end);
      if (keyEnd < 0) return false;
      const field = fieldOf(bytes, at + 1, keyEnd);
      at = skipSpace(bytes, keyEnd + 1, end);
      if (bytes[at] !== COLON) return false;
      at = skipSpace(bytes, at + 1, end);
      const isText = bytes[at] === QUOTE;
      const valueStart = isText ? at + 1 : at;
      const valueEnd = isText ? endOfText(bytes, valueStart, end) : endOfValue(bytes, valueStart, end);
      if (valueEnd < 0) return false;
      if (field >= 0 && row.starts[field] === -1) {
        row.starts[field] = valueStart;
        row.ends[field] = valueEnd;
      }
      at = skipSpace(bytes, isText ? valueEnd + 1 : valueEnd, end);
      if (bytes[at] === CLOSE_BRACE) return true;
      if (at >= end || bytes[at] !== COMMA) return false;
      at = skipSpace(bytes, at + 1, end);
    }
  };
}

/** Where a text ends that begins here; -1 where it does not. */
function endOfText(bytes: Uint8Array, from: number, end: number): number {
  for (let at = from; at < end; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) at++;
  }
  return -1;
}

/** Where a number, a word, an object or a list ends that begins here; -1 where it does not. */
function endOfValue(bytes: Uint8Array, from: number, end: number): number {
  let depth = 0;
  for (let at = from; at < end; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      at = endOfText(bytes, at + 1, end);
      if (at < 0) return -1;
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      depth += 1;
      if (depth > MAX_DEPTH) return -1;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      if (depth === 0) return at;
      depth -= 1;
    } else if (byte === COMMA && depth === 0) {
      return at;
    }
  }
  return -1;
}

function skipSpace(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && (bytes[at] === 0x20 || bytes[at] === 0x09)) at++;
  return at;
}
