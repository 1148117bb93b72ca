import { z } from 'zod';

import { ITEM_ORDERS, type ItemQuery, type LocationQuery } from '../../inventory/catalogue.ts';
import { PeriodError, parsePeriod } from '../../policy/period.ts';
import { safeText } from '../../text/safe-text.ts';
import type { WebParts } from '../parts.ts';
import { decodeCursor } from './cursor.ts';
import { endpoint, Refusal, type Endpoint } from './endpoint.ts';
import { iso, isoAt, itemJson, itemPageJson, locationPageJson } from './item-json.ts';
import { csvAnswer, format, paging } from './lists.ts';
import { itemRows, locationRows, type ItemSelection } from './rows.ts';
import { itemDetails, itemPage, KINDS, locationPage, ROLES } from './schemas.ts';

/** Places, endpoints and predecessors of one item that are listed. */
const MAX_LISTED = 100;

const text = z.string().max(500);

/** What items are asked for by, by the API and by the page alike. */
export const itemFilter = {
  q: text
    .optional()
    .describe('Words that the name, another name, the subject, issuer, serial or fingerprint holds; all of them.'),
  kind: z.enum(KINDS).optional(),
  source: text.optional(),
  role: z.enum(ROLES).optional(),
  owner: text.optional().describe('The label `owner`.'),
  from: text.optional().describe('Ends then or later: a date, or a time from now such as 7d.'),
  until: text.optional().describe('Ends before: a date, or a time from now such as 90d.'),
  order: z.enum(ITEM_ORDERS).default('ends'),
};

type ItemFilter = z.output<z.ZodObject<typeof itemFilter>>;

/** Throws Refusal. */
export function itemQuery(filter: ItemFilter, now: number): ItemSelection {
  const { q, kind, source, role, owner, from, until, order } = filter;
  const endsFrom = instantOf('from', from, now);
  const endsBefore = instantOf('until', until, now);
  return {
    order,
    ...(q === undefined || q === '' ? {} : { text: q }),
    ...(kind === undefined ? {} : { kind }),
    ...(source === undefined || source === '' ? {} : { source }),
    ...(role === undefined ? {} : { role }),
    ...(owner === undefined || owner === '' ? {} : { owner }),
    ...(endsFrom === undefined ? {} : { endsFrom }),
    ...(endsBefore === undefined ? {} : { endsBefore }),
  };
}

function instantOf(name: string, asked: string | undefined, now: number): number | undefined {
  if (asked === undefined || asked === '') return undefined;
  try {
    return parsePeriod({ at: asked }, now).fromAt;
  } catch (error) {
    if (error instanceof PeriodError) throw new Refusal(400, `${name}: ${error.message}`);
    throw error;
  }
}

export function afterItem(cursor: string | undefined): Pick<ItemQuery, 'after'> {
  if (cursor === undefined || cursor === '') return {};
  const [key = '', id] = decodeCursor(cursor, ['either', 'number']);
  return { after: { key, id: Number(id) } };
}

export function inventoryEndpoints({ catalogue, desk, now }: InventoryApiParts): readonly Endpoint[] {
  return [
    endpoint({
      method: 'get',
      path: '/api/v1/certificates',
      name: 'listCertificates',
      summary: 'Everything that ends and is somewhere now, once each',
      query: { ...itemFilter, ...paging, format },
      answer: itemPage,
      status: 200,
      hasCsv: true,
      async handle({ query: { limit: count, after: cursor, format: form, ...filter } }) {
        const query = itemQuery(filter, now());
        if (form === 'csv') return csvAnswer('certificates', itemRows(catalogue, query, now()));
        return itemPageJson(await catalogue.items({ ...query, ...afterItem(cursor), limit: count }), now());
      },
    }),
    endpoint({
      method: 'get',
      path: '/api/v1/certificates/{id}',
      name: 'getCertificate',
      summary: 'All about one of them: its places, what fails when it ends, its predecessors and successors',
      params: { id: text },
      answer: itemDetails,
      status: 200,
      problems: [404],
      async handle({ params: { id } }) {
        const item = await catalogue.item(id);
        if (item === undefined) {
          throw new Refusal(
            404,
            `there is no certificate ${safeText(id, { max: 80 })}; GET /api/v1/certificates lists them`,
          );
        }
        const [{ homes, count }, limits, stays, alerts] = await Promise.all([
          catalogue.homes(id, MAX_LISTED),
          catalogue.limitedBy(id, MAX_LISTED),
          catalogue.history(id, MAX_LISTED),
          desk.about(id),
        ]);
        return {
          ...itemJson(item, now()),
          place_count: count,
          places: homes.map(({ location, sighting }) => ({
            source: location.source,
            location: location.location,
            place: sighting.place,
            role: sighting.role,
            labels: { ...location.labels, ...sighting.labels },
            private_key: sighting.key?.at ?? null,
            first_seen: isoAt(sighting.firstSeenAt),
            last_seen: isoAt(sighting.lastSeenAt),
          })),
          limits_count: limits.count,
          limits: limits.locations.map(({ source, location }) => ({ source, location })),
          alerts: alerts.filter(({ alert }) => alert.state === 'open').map(({ alert }) => alert.id),
          history: stays.map((stay) => ({
            id: stay.item.id,
            title: itemJson(stay.item, now()).title,
            source: stay.location.source,
            location: stay.location.location,
            place: stay.place,
            not_after: itemJson(stay.item, now()).not_after,
            first_seen: isoAt(stay.firstSeenAt),
            ended: iso(stay.endedAt),
          })),
        };
      },
    }),
    endpoint({
      method: 'get',
      path: '/api/v1/locations',
      name: 'listLocations',
      summary: 'Where things live, and how the last look there went',
      query: {
        q: text.optional().describe('Words that the location holds.'),
        source: text.optional(),
        item: text.optional().describe('Id of what is there: all places of a certificate.'),
        limited_by: text.optional().describe('Id of what sets their end: all endpoints that fail when it ends.'),
        failing: z.enum(['true', 'false']).optional().describe('`true`: only what could not be read as a whole.'),
        ...paging,
        format,
      },
      answer: locationPage,
      status: 200,
      hasCsv: true,
      async handle({
        query: { q, source, item, limited_by: limitedBy, failing, limit: count, after: cursor, format: form },
      }) {
        const query = {
          ...(q === undefined ? {} : { text: q }),
          ...(source === undefined ? {} : { source }),
          ...(item === undefined ? {} : { item }),
          ...(limitedBy === undefined ? {} : { limitedBy }),
          failing: failing === 'true',
        };
        if (form === 'csv') return csvAnswer('locations', locationRows(catalogue, query));
        return locationPageJson(await catalogue.locations({ ...query, ...afterLocation(cursor), limit: count }));
      },
    }),
  ];
}

type InventoryApiParts = Pick<WebParts, 'catalogue' | 'desk' | 'now'>;

function afterLocation(cursor: string | undefined): Pick<LocationQuery, 'after'> {
  if (cursor === undefined) return {};
  const [source, location] = decodeCursor(cursor, ['string', 'string']);
  return { after: { source: String(source), location: String(location) } };
}
