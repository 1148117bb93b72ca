import { indexOf, type Field, type ReadLine } from './field.ts';

const SPACE = 0x20;
const QUOTE = 0x22;

/** A reader of lines with columns between single spaces, where a column may stand in quotes. More columns may follow. */
export function columnReader(columns: readonly (Field | undefined)[]): ReadLine {
  const fields = columns.map((column) => (column === undefined ? -1 : indexOf(column)));
  return (bytes, start, end, row) => {
    row.starts.fill(-1);
    let at = start;
    for (const [index, field] of fields.entries()) {
      if (index > 0) {
        if (bytes[at] !== SPACE) return false;
        at += 1;
      }
      const isQuoted = bytes[at] === QUOTE;
      const closing = isQuoted ? QUOTE : SPACE;
      const from = isQuoted ? at + 1 : at;
      let until = from;
      while (until < end && bytes[until] !== closing) until++;
      if (until === end && (isQuoted || index < fields.length - 1)) return false;
      if (field >= 0) {
        row.starts[field] = from;
        row.ends[field] = until;
      }
      at = isQuoted ? until + 1 : until;
    }
    return true;
  };
}
