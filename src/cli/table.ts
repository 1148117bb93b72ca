export interface Column<Row> {
  readonly title: string;
  /** Plain text: no escape sequences. */
  readonly text: (row: Row) => string;
  /** Colours a cell after it was padded. */
  readonly paint?: (cell: string, row: Row) => string;
  /** May be cut to make the table fit; the first such column gives way first. */
  readonly shrinks?: boolean;
}

const GAP = 2;
const NARROWEST = 12;

/** A table that fits `width` columns, as far as its shrinking columns allow. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[], width: number): string {
  const cells = rows.map((row) => columns.map((column) => column.text(row)));
  const widths = columns.map((column, index) => Math.max(column.title.length, ...cells.map((line) => line[index]?.length ?? 0)));
  let excess = widths.reduce((sum, one) => sum + one, 0) + GAP * (columns.length - 1) - width;
  for (const [index, column] of columns.entries()) {
    const now = widths[index] ?? 0;
    if (excess <= 0 || column.shrinks !== true || now <= NARROWEST) continue;
    const cut = Math.min(excess, now - NARROWEST);
    widths[index] = now - cut;
    excess -= cut;
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
  return [line(columns.map((column) => column.title)), ...rows.map((row, index) => line(cells[index] ?? [], row))].join('\n');
}

function fit(text: string, width: number, last: boolean): string {
  if (text.length > width) return `${text.slice(0, Math.max(0, width - 1))}…`;
  return last ? text : text.padEnd(width);
}

/** Columns of the terminal; a pipe gets lines of any length. */
export function terminalWidth(): number {
  return process.stdout.isTTY ? Math.max(60, process.stdout.columns) : Number.POSITIVE_INFINITY;
}
