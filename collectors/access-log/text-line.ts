import { indexOf, type Field, type ReadLine } from './field.ts';

/** A part of a line: text that stands there, then something that changes. */
export interface Part {
  readonly literal: string;
  /** What comes behind it; `undefined` for something that is passed by, `null` for the end of the line. */
  readonly field: Field | undefined | null;
}

interface Step {
  readonly literal: Uint8Array;
  /** -1: passed by. */
  readonly field: number;
}

/**
 * A reader of lines that are made of these parts. What changes ends where the text behind it begins: the first time that
 * this text occurs. So a client that can write it into its own part would move the rest; what servers escape (tabs and
 * quotes) cannot be written by one. Text in front of the first part may have something of a syslog before it.
 */
export function textReader(parts: readonly Part[]): ReadLine {
  const [first, ...rest] = parts;
  const opening = Buffer.from(first?.literal ?? '', 'utf8');
  const steps: Step[] = [];
  let field = numberOf(first);
  for (const part of rest) {
    steps.push({ literal: Buffer.from(part.literal, 'utf8'), field });
    field = numberOf(part);
  }
  const last = field;

  return (bytes, start, end, row) => {
    row.starts.fill(-1);
    let at = start;
    if (opening.length > 0) {
      at = find(bytes, opening, start, end);
      if (at < 0) return false;
      at += opening.length;
    }
    for (const { literal, field: number } of steps) {
      const until = find(bytes, literal, at, end);
      if (until < 0) return false;
      if (number >= 0) {
        row.starts[number] = at;
        row.ends[number] = until;
      }
      at = until + literal.length;
    }
    if (last >= 0) {
      row.starts[last] = at;
      row.ends[last] = end;
    }
    return true;
  };
}

function numberOf(part: Part | undefined): number {
  return part?.field === undefined || part.field === null ? -1 : indexOf(part.field);
}

/** Where the text occurs first; -1 for nowhere. */
function find(bytes: Uint8Array, text: Uint8Array, from: number, end: number): number {
  const first = text[0];
  const last = end - text.length;
  for (let at = from; at <= last; at++) {
    if (bytes[at] !== first) continue;
    let matched = 1;
    while (matched < text.length && bytes[at + matched] === text[matched]) matched++;
    if (matched === text.length) return at;
  }
  return -1;
}
