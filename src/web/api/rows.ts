import type { Catalogue, ItemQuery, LocationQuery } from '../../inventory/catalogue.ts';
import { csvLine } from '../../text/csv.ts';
import { listedJson, locationJson } from './item-json.ts';

/** Rows of one export, and of one read of the store for it. */
const MAX_EXPORTED = 1_000_000;
const EXPORT_PAGE = 500;

export type ItemSelection = Omit<ItemQuery, 'limit' | 'after'>;
export type LocationSelection = Omit<LocationQuery, 'limit' | 'after'>;
type Rows = AsyncIterable<object> | Iterable<object>;

/** Items as the API writes them, a page of the store at a time. */
export async function* itemRows(
  catalogue: Catalogue,
  query: ItemSelection,
  now: number,
): AsyncGenerator<ReturnType<typeof listedJson>> {
  let page = await catalogue.items({ ...query, limit: EXPORT_PAGE });
  for (let rows = 0; rows < MAX_EXPORTED; rows += EXPORT_PAGE) {
    for (const one of page.items) yield listedJson(one, now);
    if (page.next === undefined) return;
    page = await catalogue.items({ ...query, limit: EXPORT_PAGE, after: page.next });
  }
}

export async function* locationRows(
  catalogue: Catalogue,
  query: LocationSelection,
): AsyncGenerator<ReturnType<typeof locationJson>> {
  let page = await catalogue.locations({ ...query, limit: EXPORT_PAGE });
  for (let rows = 0; rows < MAX_EXPORTED; rows += EXPORT_PAGE) {
    for (const one of page.locations) yield locationJson(one);
    if (page.next === undefined) return;
    page = await catalogue.locations({ ...query, limit: EXPORT_PAGE, after: page.next });
  }
}

/** Lines of CSV, line ends included; the names of the columns first, nothing at all without a row. */
export async function* csvLines(rows: Rows): AsyncGenerator<string> {
  let isFirst = true;
  for await (const row of rows) {
    if (isFirst) yield csvLine(Object.keys(row));
    isFirst = false;
    yield csvLine(Object.values(row).map(cellOf));
  }
}

/** What a cell can hold: lists with spaces between, the rest as JSON. */
function cellOf(cell: unknown): string | number | null {
  if (cell === null || cell === undefined) return null;
  if (typeof cell === 'string' || typeof cell === 'number') return cell;
  if (Array.isArray(cell) && cell.every((one) => typeof one === 'string')) return cell.join(' ');
  return JSON.stringify(cell);
}
