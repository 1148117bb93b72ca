import type { Json } from '../../src/plugin/json.ts';
import type { AlertNotice, Notification } from '../../src/plugin/notification.ts';
import { counted, endText, headline, utcText } from '../../src/plugin/wording.ts';
import { safeText } from '../../src/text/safe-text.ts';

const MAX_LABEL = 256;
const MAX_LABELS = 30;
/** Label sets that a receipt remembers. */
const MAX_OPEN = 200;
const MAX_ANNOTATION = 4_000;
const MAX_LINE = 600;

export type LabelSet = Readonly<Record<string, string>>;

/** https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml, `postableAlert`. */
export interface PostableAlert {
  readonly labels: LabelSet;
  readonly annotations: LabelSet;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly generatorURL?: string;
}

export interface AlertOptions {
  /** How long Alertmanager keeps an alert of which it hears nothing more, milliseconds. */
  readonly holdMs: number;
  /** Added to every alert; they win over those of the places. */
  readonly labels: LabelSet;
}

/**
 * What Alertmanager is told: the alerts of the notification, and the end of those that `previous` holds and that go on
 * under other labels. Its identity of an alert is the set of its labels, so what changes (severity, owner) ends one alert
 * there and begins another.
 */
export function alertsOf(
  notification: Notification,
  previous: readonly LabelSet[],
  { holdMs, labels }: AlertOptions,
): { readonly alerts: readonly PostableAlert[]; readonly open: readonly LabelSet[] } {
  const { at, externalUrl, alertCount } = notification;
  const isOver = isEnd(notification);
  const until = (end: Date): string => end.toISOString();
  const generator = externalUrl === undefined ? {} : { generatorURL: externalUrl };
  const notices = notification.alerts.map((alert) => ({
    labels: labelsOf(alert, labels),
    annotations: annotationsOf(alert, at),
    startsAt: alert.openedAt,
    // Of a group, some may be over and some not.
    isOver: isOver || alert.state !== 'open',
  }));
  // What the list leaves out, and a test, is told as an alert of its own: nothing is lost without a word.
  if (alertCount > notices.length || notices.length === 0) {
    notices.push({ ...summaryAlert(notification, labels), isOver });
  }
  const current = notices.map(({ isOver: isDone, ...alert }) => ({
    ...alert,
    startsAt: alert.startsAt.toISOString(),
    endsAt: until(isDone ? at : new Date(at.getTime() + holdMs)),
    ...generator,
  }));
  // A list may be cut: what it does not name goes on, unless all is over.
  const told = new Set(current.map((alert) => keyOf(alert.labels)));
  const named = new Set(current.map((alert) => alert.labels['alert_id']));
  const left = previous.filter((set) => !told.has(keyOf(set)));
  const [ended, going] = [left.filter(isEnded), left.filter((set) => !isEnded(set))];
  function isEnded(set: LabelSet): boolean {
    return isOver || named.has(set['alert_id']);
  }
  return {
    alerts: [
      ...current,
      ...ended.map((set) => ({
        labels: set,
        annotations: current.find((alert) => alert.labels['alert_id'] === set['alert_id'])?.annotations ?? {},
        startsAt: until(at),
        endsAt: until(at),
        ...generator,
      })),
    ],
    open: [...notices.filter((alert) => !alert.isOver).map((alert) => alert.labels), ...going].slice(0, MAX_OPEN),
  };
}

/** A test begins and ends at once, so that nothing stays. */
function isEnd({ kind, reason }: Notification): boolean {
  switch (reason) {
    case 'resolved':
    case 'withdrawn':
      return true;
    case 'first':
    case 'worse':
    case 'changed':
    case 'repeat':
      return kind === 'test';
  }
}

/** Only what says which alert it is, and what routes need: a text that changes would make another alert of it. */
function labelsOf(alert: AlertNotice, added: LabelSet): LabelSet {
  return {
    ...sharedLabels(alert),
    ...added,
    alertname: `NotAfter${capital(alert.family)}`,
    severity: alert.severity,
    family: alert.family,
    alert_id: label(alert.id),
  };
}

/** The labels that all the places have, with the same value: `owner`, `env`. */
function sharedLabels({ places }: AlertNotice): LabelSet {
  const [first, ...others] = places;
  const shared = Object.entries(first?.labels ?? {}).filter(([name, value]) =>
    others.every((place) => place.labels[name] === value),
  );
  return Object.fromEntries(
    shared
      .slice(0, MAX_LABELS)
      .map(([name, value]) => [labelName(name), label(value)])
      .filter(([name, value]) => name !== '' && value !== ''),
  ) as LabelSet;
}

function summaryAlert(
  notification: Notification,
  added: LabelSet,
): { labels: LabelSet; annotations: LabelSet; startsAt: Date } {
  const { kind, severity, at, group, alerts, alertCount } = notification;
  const left = alertCount - alerts.length;
  return {
    labels: {
      ...added,
      alertname: kind === 'test' ? 'NotAfterTest' : 'NotAfterMore',
      severity,
      alert_id: label(group),
    },
    annotations: {
      summary: text(headline(notification), MAX_LINE),
      ...(left > 0 && alerts.length > 0 ? { description: `and ${left} more, which are not listed` } : {}),
    },
    startsAt: at,
  };
}

function annotationsOf(alert: AlertNotice, at: Date): LabelSet {
  const more = alert.placeCount - alert.places.length;
  const description = [
    ...alert.actions.map((action, index) => `${index + 1}. ${text(action, MAX_LINE)}`),
    `${counted(alert.placeCount, 'place')}:`,
    ...alert.places.map((place) => `- ${text(place.location, 200)} (source ${text(place.source, 100)})`),
    ...(more > 0 ? [`and ${more} more`] : []),
  ];
  return {
    title: text(alert.title, MAX_LINE),
    summary: text(alert.summary === '' ? alert.title : alert.summary, MAX_LINE),
    description: fitted(description),
    rules: text(alert.rules.join(', '), MAX_LINE),
    ...(alert.endsAt === undefined
      ? {}
      : { ends_at: alert.endsAt.toISOString(), end: `${utcText(alert.endsAt)}, ${endText(alert.endsAt, at)}` }),
    ...(alert.runbookUrl === undefined ? {} : { runbook_url: text(alert.runbookUrl, MAX_LINE) }),
  };
}

/** As many whole lines as fit; what is left out is said. */
function fitted(lines: readonly string[]): string {
  const kept: string[] = [];
  let length = 0;
  for (const line of lines) {
    length += line.length + 1;
    if (length > MAX_ANNOTATION) return [...kept, '…'].join('\n');
    kept.push(line);
  }
  return kept.join('\n');
}

/** The label sets that a receipt holds; none when it is not one of ours. */
export function labelSetsOf(receipt: Json | undefined): readonly LabelSet[] {
  if (typeof receipt !== 'object' || receipt === null || Array.isArray(receipt)) return [];
  const { open } = receipt as { readonly [key: string]: Json };
  return Array.isArray(open) ? open.filter(isLabelSet) : [];
}

function isLabelSet(value: unknown): value is LabelSet {
  return (
    typeof value === 'object' && value !== null && Object.values(value).every((entry) => typeof entry === 'string')
  );
}

function keyOf(set: LabelSet): string {
  return JSON.stringify(Object.entries(set).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** https://prometheus.io/docs/concepts/data_model/: what every version takes. */
function labelName(name: string): string {
  return name.replace(/[^A-Za-z0-9_]/g, '_').replace(/^(?=\d)/, '_');
}

function label(value: string): string {
  return safeText(value, { max: MAX_LABEL });
}

function text(raw: string, max: number): string {
  return safeText(raw, { max });
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
