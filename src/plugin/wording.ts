import type { AlertNotice, DigestOccasion, Notification, Severity } from './notification.ts';

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
  switch (kind) {
    case 'test':
      return 'This is a test of notafter: nothing is wrong';
    case 'digest':
      return notification.occasion === 'group'
        ? groupLine(notification)
        : `${digestTitle(notification)}: ${counted(alertCount, 'alert')}, the worst ${severity}`;
    case 'alert':
      return groupLine(notification);
  }
}

/** What the first alert is about, and how many more there are. */
function groupLine(notification: Notification): string {
  const { alertCount } = notification;
  const [alert] = notification.alerts;
  const more = alertCount > 1 ? ` and ${counted(alertCount - 1, 'more alert')}` : '';
  return `${opening(notification)}: ${alert === undefined ? counted(alertCount, 'alert') : subjectOf(alert, notification)}${more}`;
}

const DIGEST_TITLES: Readonly<Record<Exclude<DigestOccasion, 'group'>, string>> = {
  'first-day': 'First day',
  storm: 'Many at once',
  daily: 'Daily digest',
  weekly: 'Weekly digest',
};

/** What a list of alerts is: `Daily digest`; of one that is over, that it is. */
function digestTitle({ occasion, reason }: Notification): string {
  const title = DIGEST_TITLES[occasion === undefined || occasion === 'group' ? 'first-day' : occasion];
  if (reason === 'resolved') return `${title}, resolved`;
  return reason === 'repeat' ? `${title}, still open` : title;
}

const DIGEST_INTROS: Readonly<Record<DigestOccasion, string>> = {
  group: 'What belongs together, the news first:',
  'first-day': 'What was already so when its source was new:',
  storm: 'Told in one message because there is so much at once, the worst first:',
  daily: 'What was collected since the last digest, and what is still open:',
  weekly: 'What was collected since the last digest, and what is still open:',
};

/** The sentence above the list of a digest. */
export function digestIntro({ occasion = 'first-day' }: Notification): string {
  return DIGEST_INTROS[occasion];
}

function opening({ reason, severity, previousSeverity }: Notification): string {
  switch (reason) {
    case 'first':
      return capital(severity);
    case 'worse':
      return `Worse, ${previousSeverity === severity ? 'still' : 'now'} ${severity}`;
    case 'changed':
      return `Changed, ${severity}`;
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

/** What a list says of one alert beside its title: `ends in 4 days`, `unreachable`; of one that is over, that it is. */
export function standingText(alert: AlertNotice, now: Date): string {
  switch (alert.state) {
    case 'resolved':
      return 'resolved';
    case 'withdrawn':
      return 'gone';
    case 'open':
      return alert.endsAt === undefined ? ruleText(alert) : endText(alert.endsAt, now);
  }
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
