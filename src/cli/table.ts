export interface Column<Row> {
  readonly title: string;
  /** Plain text: no escape sequences. */
  readonly text: (row: Row) => string;
  /** Colours a cell after it was padded. */
  readonly paint?: (cell: string, row: Row) => string;
  /** May be cut to make the table fit; the widest such column gives way first. */
  readonly shrinks?: boolean;
}

const GAP = 2;
const NARROWEST = 12;

/** A table that fits `width` columns, as far as its shrinking columns allow. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[], width: number): string {
  const cells = rows.map((row) => columns.map((column) => column.text(row)));
  const widths = columns.map((column, index) =>
    Math.max(column.title.length, ...cells.map((line) => line[index]?.length ?? 0)),
  );
  for (let excess = sum(widths) + GAP * (columns.length - 1) - width; excess > 0; excess--) {
    const widest = widestOf(columns, widths);
    if (widest === undefined) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  const line = (texts: readonly string[], row?: Row): string =>
    columns
      .map((column, index) => {
        const last = index === columns.length - 1;
        const cell = fit(texts[index] ?? '', widths[index] ?? 0, last);
        return row !== undefined && column.paint !== undefined ? column.paint(cell, row) : cell;
      })
      .join(' '.repeat(GAP))
      .trimEnd();
  return [line(columns.map((column) => column.title)), ...rows.map((row, index) => line(cells[index] ?? [], row))].join(
    '\n',
  );
}

function sum(numbers: readonly number[]): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}

/** The column that can best do without a character; undefined when none can. */
function widestOf(columns: readonly Column<never>[], widths: readonly number[]): number | undefined {
  let widest: number | undefined;
  for (const [index, column] of columns.entries()) {
    const own = widths[index] ?? 0;
    if (
      column.shrinks === true &&
      own > Math.max(NARROWEST, column.title.length) &&
      own > (widths[widest ?? -1] ?? 0)
    ) {
      widest = index;
    }
  }
  return widest;
}

/** Cut in the middle: a path tells most by its end, a host by its beginning. */
function fit(text: string, width: number, isLast: boolean): string {
  if (text.length <= width) return isLast ? text : text.padEnd(width);
  const tail = Math.floor((width - 1) / 2);
  // A cut inside a surrogate pair leaves half of it; it is dropped.
  const start = text.slice(0, width - 1 - tail).replace(/[\ud800-\udbff]$/, '');
  const end = text.slice(text.length - tail).replace(/^[\udc00-\udfff]/, '');
  return isLast ? `${start}…${end}` : `${start}…${end}`.padEnd(width);
}

/** Columns of the terminal; a pipe gets lines of any length. */
export function terminalWidth(): number {
  return process.stdout.isTTY ? Math.max(60, process.stdout.columns) : Number.POSITIVE_INFINITY;
}
