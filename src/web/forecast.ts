import type { z } from 'zod';

import type { Forecast, Outlook } from '../policy/forecast.ts';
import { iso, isoAt } from './api/item-json.ts';
import type { forecast } from './api/schemas.ts';

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
