import { hash } from 'node:crypto';

import { ICalCalendar, ICalCalendarMethod } from 'ical-generator';

import { compareSeverity, type Severity } from '../plugin/notification.ts';
import type { Outlook } from '../policy/forecast.ts';
import { counted, utc } from '../policy/wording.ts';
import { safeText } from '../text/safe-text.ts';

/** The first that end: a calendar program reads all of it each time. */
const MAX_EVENTS = 500;
const MAX_LISTED = 20;
const MAX_TITLE = 120;
/** What ended longer ago is no appointment any more. */
const PAST_MS = 30 * 86_400_000;
const EVENT_MS = 30 * 60_000;
const DAY_MS = 86_400_000;

export interface CalendarFilter {
  readonly owner?: string | undefined;
  readonly service?: string | undefined;
  readonly severity?: Severity | undefined;
}

/**
 * The ends to come as a calendar (RFC 5545) for who is concerned: one event for each cause, with what breaks and where.
 * An event keeps its identity while its end moves. `linkOf` gives the page of a cause.
 */
export function calendar(
  outlooks: readonly Outlook[],
  { owner, service, severity }: CalendarFilter,
  now: number,
  linkOf: (cause: string) => string | undefined,
): string {
  const wanted = outlooks.filter(
    (outlook) =>
      outlook.endsAt !== undefined &&
      outlook.endsAt > now - PAST_MS &&
      compareSeverity(outlook.severity, severity ?? 'warning') >= 0 &&
      (owner === undefined || outlook.owners.includes(owner)) &&
      (service === undefined || outlook.services.includes(service)),
  );
  const whose = owner ?? service;
  const ical = new ICalCalendar({
    name: whose === undefined ? 'notafter' : `notafter: ${safeText(whose, { max: 60 })}`,
    prodId: { company: 'notafter', product: 'notafter', language: 'EN' },
    method: ICalCalendarMethod.PUBLISH,
    ttl: 3_600,
  });
  const firstFirst = wanted.toSorted((a, b) => (a.endsAt ?? 0) - (b.endsAt ?? 0));
  for (const outlook of firstFirst.slice(0, MAX_EVENTS)) {
    const endsAt = outlook.endsAt ?? now;
    const link = linkOf(outlook.cause);
    ical.createEvent({
      id: `${hash('sha256', `${outlook.family}\0${outlook.cause}`, 'hex').slice(0, 32)}@notafter`,
      // The same all day long, so that what has not changed is not sent again.
      stamp: new Date(Math.floor(now / DAY_MS) * DAY_MS),
      start: new Date(endsAt),
      end: new Date(endsAt + EVENT_MS),
      summary: `${safeText(outlook.title, { max: MAX_TITLE })} ends`,
      description: descriptionOf(outlook, endsAt),
      ...(link === undefined ? {} : { url: link }),
    });
  }
  // The last line has an end, too.
  return `${ical.toString()}\r\n`;
}

function descriptionOf(outlook: Outlook, endsAt: number): string {
  const { locations, owners, services } = outlook;
  const rest = locations.length - MAX_LISTED;
  return [
    `${safeText(outlook.title, { max: MAX_TITLE })} ends on ${utc(endsAt)}.`,
    ...(owners.length === 0 ? [] : [`Owner: ${listOf(owners)}`]),
    ...(services.length === 0 ? [] : [`Service: ${listOf(services)}`]),
    `${counted(locations.length, 'place')}:`,
    ...locations.slice(0, MAX_LISTED).map((location) => `- ${safeText(location)}`),
    ...(rest > 0 ? [`and ${rest} more`] : []),
  ].join('\n');
}

function listOf(values: readonly string[]): string {
  return safeText(values.slice(0, MAX_LISTED).join(', '), { max: 500 });
}
