import type { AlertNotice, Notification, Severity } from './notification.ts';

const MINUTE_S = 60;
const HOUR_S = 3_600;
const DAY_S = 86_400;

/** `2026-03-01 12:00 UTC`. */
export function utcText(at: Date): string {
  return at.toISOString().replace(/T(\d\d:\d\d).*$/, ' $1 UTC');
}

/** `ends in 4 days` or `ended 5 hours ago`: whole units, rounded down. */
export function endText(endsAt: Date, now: Date): string {
  const ms = endsAt.getTime() - now.getTime();
  return ms > 0 ? `ends in ${spanText(ms)}` : `ended ${spanText(-ms)} ago`;
}

function spanText(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds >= DAY_S) return counted(Math.floor(seconds / DAY_S), 'day');
  if (seconds >= HOUR_S) return counted(Math.floor(seconds / HOUR_S), 'hour');
  return seconds >= MINUTE_S ? counted(Math.floor(seconds / MINUTE_S), 'minute') : 'less than a minute';
}

/** `1 place`, `3 places`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/**
 * What a notification says in one line, the same in every channel: `Critical: api.example.com ends in 4 days (2 places)`.
 * Not escaped for any sink; a title may be hostile text.
 */
export function headline(notification: Notification): string {
  const { kind, alertCount, severity } = notification;
  const [alert] = notification.alerts;
  switch (kind) {
    case 'test':
      return 'This is a test of notafter: nothing is wrong';
    case 'digest':
      return `First day: ${counted(alertCount, 'alert')}, the worst ${severity}`;
    case 'alert': {
      const more = alertCount > 1 ? ` and ${counted(alertCount - 1, 'more alert')}` : '';
      return `${opening(notification)}: ${alert === undefined ? counted(alertCount, 'alert') : subjectOf(alert, notification)}${more}`;
    }
  }
}

function opening({ reason, severity, previousSeverity }: Notification): string {
  switch (reason) {
    case 'first':
      return capital(severity);
    case 'worse':
      return `Worse, ${previousSeverity === severity ? 'still' : 'now'} ${severity}`;
    case 'repeat':
      return `Still ${severity}`;
    case 'resolved':
      return 'Resolved';
    case 'withdrawn':
      return 'Gone';
  }
}

function subjectOf(alert: AlertNotice, { reason, at }: Notification): string {
  const isOver = reason === 'resolved' || reason === 'withdrawn';
  const places = alert.placeCount > 1 ? ` (${alert.placeCount} places)` : '';
  if (isOver) return `${alert.title}${places}`;
  if (alert.endsAt !== undefined) return `${alert.title} ${endText(alert.endsAt, at)}${places}`;
  return `${alert.title}: ${ruleText(alert)}${places}`;
}

/** The worst rule as words: `not yet valid`. */
export function ruleText(alert: AlertNotice): string {
  return (alert.rules[0] ?? alert.family).replaceAll('-', ' ');
}

/** `Critical`. */
export function severityText(severity: Severity): string {
  return capital(severity);
}

/** Programs that a command in an action begins with. */
const COMMAND =
  /^(?<text>.*?): (?<command>(?:aws|az|certbot|gcloud|getent|kubectl|keytool|nc|notafter|openssl|vault) \S.*)$/s;

/** Parts an action into what it says and the command that does it, where it ends in one (`See it: openssl s_client …`). */
export function splitAction(action: string): { readonly text: string; readonly command?: string } {
  const { text, command } = COMMAND.exec(action)?.groups ?? {};
  return text === undefined || command === undefined ? { text: action } : { text, command };
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
