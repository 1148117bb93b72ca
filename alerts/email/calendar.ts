import type { AlertNotice, Notification } from '../../src/plugin/notification.ts';
import { safeText } from '../../src/text/safe-text.ts';

/** An entry is this long: what ends has no length, and calendars hide entries that have none. */
const LENGTH_MS = 15 * 60_000;
/** Calendars remind so long before, seconds. */
const REMINDER_S = 86_400;
/** RFC 5545 section 3.8.7.4: a number that grows with each change; seconds since this moment fit for 60 years. */
const SEQUENCE_EPOCH_MS = Date.UTC(2020, 0, 1);

export interface CalendarFile {
  readonly filename: string;
  readonly content: string;
  readonly contentType: string;
}

/**
 * The ends that the notification tells of, as entries of a calendar (RFC 5545); undefined when it tells of none. An alert
 * keeps its entry: a later mail changes it, and cancels it when the alert is over.
 */
export async function calendarOf({ kind, alerts, at }: Notification): Promise<CalendarFile | undefined> {
  const ending = kind === 'test' ? [] : alerts.filter((alert) => alert.endsAt !== undefined);
  if (ending.length === 0) return undefined;
  const {
    default: ical,
    ICalAlarmType,
    ICalCalendarMethod,
    ICalEventStatus,
    ICalEventTransparency,
  } = await import('ical-generator');
  const calendar = ical({ prodId: '//notafter//notafter//EN', method: ICalCalendarMethod.PUBLISH });
  for (const alert of ending) {
    const start = alert.endsAt ?? at;
    const isOpen = alert.state === 'open';
    calendar.createEvent({
      id: `${alert.id.replace(/[^A-Za-z0-9.-]/g, '-').slice(0, 128)}@notafter`,
      sequence: Math.max(0, Math.floor((at.getTime() - SEQUENCE_EPOCH_MS) / 1000)),
      stamp: at,
      start,
      end: new Date(start.getTime() + LENGTH_MS),
      summary: `${safeText(alert.title, { max: 150 })} ends`,
      description: descriptionOf(alert),
      status: isOpen ? ICalEventStatus.CONFIRMED : ICalEventStatus.CANCELLED,
      transparency: ICalEventTransparency.TRANSPARENT,
      ...(isOpen ? { alarms: [{ type: ICalAlarmType.display, trigger: REMINDER_S }] } : {}),
    });
  }
  return {
    filename: 'notafter.ics',
    content: calendar.toString(),
    contentType: 'text/calendar; charset=utf-8; method=PUBLISH',
  };
}

function descriptionOf({ summary, actions, runbookUrl }: AlertNotice): string {
  return [
    safeText(summary, { max: 600 }),
    ...actions.map((action, index) => `${index + 1}. ${safeText(action, { max: 600 })}`),
    ...(runbookUrl === undefined ? [] : [`Runbook: ${safeText(runbookUrl, { max: 600 })}`]),
  ].join('\n');
}
