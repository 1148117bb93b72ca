type Column = Int32Array | Uint32Array | Float64Array | Uint8Array;

/** Rows that are made room for at least. */
const MIN_ROWS = 1_024;
const GROWTH = 1.5;

/** The column with room for a row of this number: the same, or a longer copy. Values that were never set are 0. */
export function withRow<Kind extends Column>(column: Kind, row: number): Kind {
  if (row < column.length) return column;
  const rows = Math.max(MIN_ROWS, row + 1, Math.ceil(column.length * GROWTH));
  const longer = new (column.constructor as new (length: number) => Kind)(rows);
  longer.set(column);
  return longer;
}
