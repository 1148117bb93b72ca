import type { Forecast, Outlook } from '../policy/forecast.ts';

/** A forecast as other programs read it, here and from the command line: its shape is a promise. */
export function forecastJson({ fromAt, untilAt, outlooks, cut }: Forecast): object {
  return {
    from: iso(fromAt),
    until: iso(untilAt),
    outlooks: outlooks.map((outlook) => outlookJson(outlook)),
    incomplete_locations: cut,
  };
}

function outlookJson(outlook: Outlook): object {
  return {
    rule: outlook.rule,
    family: outlook.family,
    severity: outlook.severity,
    severity_at_start: outlook.standing ?? null,
    cause: outlook.cause,
    title: outlook.title,
    summary: outlook.summary,
    ends_at: outlook.endsAt === undefined ? null : iso(outlook.endsAt),
    changes: outlook.changes.map(({ at, severity, rule }) => ({ at: iso(at), severity, rule })),
    owners: outlook.owners,
    services: outlook.services,
    locations: outlook.locations,
  };
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
