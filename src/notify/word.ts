import { compareSeverity, type NotificationReason, type Severity } from '../plugin/notification.ts';
import type { Alert, Told } from './model.ts';
import type { Route } from './options.ts';
import { compareText, earliestFirst } from './severity.ts';
import type { Standing } from './standing.ts';

/** One thing to say: of one alert, to one channel. */
export interface Word {
  readonly alert: Alert;
  readonly standing: Standing;
  readonly channel: string;
  readonly reason: NotificationReason;
  readonly told: Told | undefined;
  readonly route: Route | undefined;
  /** The group of messages it belongs to. */
  readonly group: string;
}

/** Words that go in one message. */
export interface Message {
  readonly channel: string;
  readonly group: string;
  /** Never empty; the worst first. */
  readonly words: readonly Word[];
  readonly kind: 'alert' | 'storm';
}

/** Orders alerts: the worst first, then what ends first. */
export function worstWordFirst(
  a: { readonly alert: Alert; readonly standing: Standing },
  b: { readonly alert: Alert; readonly standing: Standing },
): number {
  return (
    compareSeverity(b.standing.severity, a.standing.severity) ||
    earliestFirst(a.standing.endsAt, b.standing.endsAt) ||
    compareText(a.alert.id, b.alert.id)
  );
}

/** The words of each channel and group in one message, in the order in which their first came. */
export function messagesOf(words: readonly Word[]): readonly Message[] {
  const byGroup = Map.groupBy(words, ({ channel, group }) => `${channel}\0${group}`);
  return [...byGroup.values()].flatMap((together) => {
    const [first] = together;
    if (first === undefined) return [];
    return [{ channel: first.channel, group: first.group, words: together.toSorted(worstWordFirst), kind: 'alert' }];
  });
}

/** The worst of severities; undefined of none. */
export function worstOf(severities: Iterable<Severity>): Severity | undefined {
  let worst: Severity | undefined;
  for (const severity of severities) {
    if (worst === undefined || compareSeverity(severity, worst) > 0) worst = severity;
  }
  return worst;
}

const NEWS: readonly NotificationReason[] = ['worse', 'first', 'changed', 'repeat'];

/** What a message says in one word; while something of its group is open it is not over. */
export function reasonOf(words: readonly Word[], isOpen: boolean): NotificationReason {
  const reasons = new Set(words.map(({ reason }) => reason));
  for (const reason of NEWS) if (reasons.has(reason)) return reason;
  if (isOpen) return 'changed';
  return reasons.has('resolved') ? 'resolved' : 'withdrawn';
}
