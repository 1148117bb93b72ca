import type { KnownItem, Location, Sighting } from '../inventory/model.ts';
import type { SightingTable } from './schema.ts';

/** What items are listed and filtered by, at each of their places: so that one index serves a page. */
export type ListedColumns = Pick<SightingTable, 'source' | 'owner' | 'kind' | 'end_at' | 'title_key'>;

export const LISTED_COLUMNS = [
  'source',
  'owner',
  'kind',
  'end_at',
  'title_key',
] as const satisfies readonly (keyof ListedColumns)[];

/** Behind every end that is known. */
const NO_END = 8.64e15;
/** Titles are told apart by their beginnings. */
const MAX_TITLE = 120;
/** Names are searched up to here: a certificate may have thousands. */
const MAX_TEXT = 4_000;

export function listedColumns(
  location: Pick<Location, 'source' | 'labels'>,
  { item, labels }: Pick<Sighting, 'item' | 'labels'>,
): ListedColumns {
  return {
    source: location.source,
    owner: labels?.['owner'] ?? location.labels['owner'] ?? null,
    kind: item.kind,
    end_at: endKey(item),
    title_key: titleOf(item).toLowerCase().slice(0, MAX_TITLE),
  };
}

/** What a search looks in, in lower case. */
export function searchText(item: KnownItem): string {
  return textParts(item).join('\n').toLowerCase().slice(0, MAX_TEXT);
}

function textParts(item: KnownItem): readonly string[] {
  switch (item.kind) {
    case 'certificate':
      return [item.title, item.id, item.serial, item.subject, item.issuer, ...item.names];
    case 'described':
      return [item.title, item.id, item.sha1 ?? '', item.serial ?? '', item.issuer ?? '', ...item.names];
    case 'crl':
      return [titleOf(item), item.id];
    case 'credential':
      return [item.name, item.id];
  }
}

function titleOf(item: KnownItem): string {
  switch (item.kind) {
    case 'certificate':
    case 'described':
      return item.title;
    case 'crl':
      return item.issuer;
    case 'credential':
      return item.name;
  }
}

function endKey(item: KnownItem): number {
  const end = item.kind === 'crl' ? item.nextUpdate : item.notAfter;
  if (end?.status === 'known') return end.at;
  return end?.status === 'unreadable' ? 0 : NO_END;
}
