import type { z } from 'zod';

import { SEVERITIES } from '../plugin/notification.ts';
import type { Forecast, Outlook } from '../policy/forecast.ts';
import { pageOf, type Key, type Paging } from './api/cursor.ts';
import { iso, isoAt } from './api/item-json.ts';
import type { forecast, forecastPage } from './api/schemas.ts';

/** Orders what does not change behind what does. */
const NO_CHANGE = Number.MAX_SAFE_INTEGER;
const KEY = ['number', 'number', 'string'] as const;
const MAX_INCOMPLETE = 100;

type ForecastJson = z.input<typeof forecast>;

/** A forecast as other programs read it, here and from the command line: its shape is a promise. */
export function forecastJson({ fromAt, untilAt, outlooks, cut }: Forecast): ForecastJson {
  return {
    from: isoAt(fromAt),
    until: isoAt(untilAt),
    outlooks: outlooks.map((outlook) => outlookJson(outlook)),
    incomplete_locations: [...cut],
  };
}

/** A page of it. Throws Refusal. */
export function forecastPageJson(whole: Forecast, paging: Paging): z.input<typeof forecastPage> {
  const { rows, next } = pageOf(whole.outlooks, paging, KEY, keyOf);
  const { incomplete_locations: incomplete, ...page } = forecastJson({ ...whole, outlooks: rows });
  return {
    ...page,
    count: whole.outlooks.length,
    incomplete_locations: incomplete.slice(0, MAX_INCOMPLETE),
    next,
  };
}

/** In the order in which a forecast has them. */
function keyOf({ changes, endsAt, severity, family, cause }: Outlook): Key {
  const [first] = changes;
  const at = first === undefined ? NO_CHANGE : (endsAt ?? first.at);
  return [at, -SEVERITIES.indexOf(severity), `${family} ${cause}`];
}

function outlookJson(outlook: Outlook): ForecastJson['outlooks'][number] {
  return {
    rule: outlook.rule,
    family: outlook.family,
    severity: outlook.severity,
    severity_at_start: outlook.standing ?? null,
    cause: outlook.cause,
    title: outlook.title,
    summary: outlook.summary,
    ends_at: iso(outlook.endsAt),
    changes: outlook.changes.map(({ at, severity, rule }) => ({ at: isoAt(at), severity, rule })),
    owners: [...outlook.owners],
    services: [...outlook.services],
    locations: [...outlook.locations],
  };
}
