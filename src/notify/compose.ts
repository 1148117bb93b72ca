import type { DigestOccasion, Notification, NotificationReason } from '../plugin/notification.ts';
import { isStorm, messageId, notificationId } from './identity.ts';
import type { Alert } from './model.ts';
import { noticeOf } from './notice.ts';
import type { NotifyOptions } from './options.ts';
import type { Memory } from './outbox.ts';
import type { AlertReader } from './port.ts';
import { standingOf } from './standing.ts';
import { reasonOf, worstOf, worstWordFirst, type Message, type Word } from './word.ts';

/** A message about many alerts lists the worst of them; its count is exact. */
export const MAX_NOTICES = 20;

export interface Composed {
  readonly notification: Notification;
  /** What it counts towards a storm. */
  readonly weight: number;
  /** Alerts of the group that ended before without a word: they are told with this message. */
  readonly ended: readonly Word[];
}

/** What belongs to the group of a message beside its news. */
interface Company {
  readonly open: readonly Alert[];
  readonly ended: readonly Word[];
}

/**
 * What a channel is told: the news of the message first, then what else of its group is open. `current` holds the alerts
 * as they are now and not yet saved. Undefined: nothing is said, because a part of a storm is over and the rest is not; the
 * reminders of the rest say how much of it is left.
 */
export async function compose(
  reader: Pick<AlertReader, 'alertsInGroup'>,
  message: Message,
  current: ReadonlyMap<string, Alert>,
  memory: Memory,
  options: NotifyOptions,
  now: number,
): Promise<Composed | undefined> {
  const { channel, group, words } = message;
  const company = await companyOf(reader, message, current, memory);
  const reason = reasonOf(words, company.open.length > 0);
  // Of a storm the ends are told together, when all of it is over.
  const ended = isStorm(group) && reason !== 'resolved' && reason !== 'withdrawn' ? [] : company.ended;
  const all = [...words, ...ended.toSorted(worstWordFirst), ...company.open.flatMap(standing)];
  if (reason === 'changed' && isStorm(group) && words.every(({ alert }) => alert.state !== 'open')) return undefined;
  const occasion = occasionOf(message, all.length);
  const ids = words.map((word) => notificationId(word.alert, word.standing, channel, word.reason, word.told));
  const [only = ''] = ids;
  const previousSeverity = worstOf(words.flatMap(({ told }) => (told === undefined ? [] : [told.severity])));
  return {
    notification: {
      id: ids.length === 1 && group === words[0]?.alert.id ? only : messageId(channel, group, ids),
      kind: occasion === undefined ? 'alert' : 'digest',
      ...(occasion === undefined ? {} : { occasion }),
      reason,
      severity: worstOf(all.map((entry) => entry.standing.severity)) ?? 'info',
      ...(previousSeverity === undefined ? {} : { previousSeverity }),
      at: new Date(now),
      group,
      alerts: all.slice(0, MAX_NOTICES).map((entry) => noticeOf(entry.alert, entry.standing, options)),
      alertCount: all.length,
      ...(options.externalUrl === undefined ? {} : { externalUrl: options.externalUrl }),
    },
    weight: weightOf(message, occasion, reason),
    ended,
  };
}

function standing(alert: Alert): readonly { alert: Alert; standing: Word['standing'] }[] {
  const of = standingOf(alert);
  return of === undefined ? [] : [{ alert, standing: of }];
}

function occasionOf({ kind, words, group }: Message, count: number): DigestOccasion | undefined {
  if (kind === 'storm' || isStorm(group)) return 'storm';
  const [first] = words;
  const digest = first?.route?.digest;
  if (digest !== undefined && first?.standing.severity !== 'critical') return digest.rhythm;
  return count > 1 ? 'group' : undefined;
}

/** One message is one disturbance; a storm, and the end of one, fills the minute. */
function weightOf({ kind, words }: Message, occasion: DigestOccasion | undefined, reason: NotificationReason): number {
  if (kind === 'storm') return words.length;
  const isEnd = reason === 'resolved' || reason === 'withdrawn';
  return isEnd || occasion === 'daily' || occasion === 'weekly' ? 0 : 1;
}

async function companyOf(
  reader: Pick<AlertReader, 'alertsInGroup'>,
  { channel, group, words, kind }: Message,
  current: ReadonlyMap<string, Alert>,
  memory: Memory,
): Promise<Company> {
  const isAlone = words.length === 1 && words[0]?.alert.id === group;
  if (isAlone || kind === 'storm') return { open: [], ended: [] };
  const news = new Set(words.map(({ alert }) => alert.id));
  const known = await reader.alertsInGroup(memory.nameOf(channel), group);
  const others = known.filter(({ id }) => !news.has(id)).map((alert) => current.get(alert.id) ?? alert);
  const ended = others.flatMap((alert): readonly Word[] => {
    const told = memory.of(alert, channel);
    const { state } = alert;
    if (state === 'open' || told === undefined || told.reason === state) return [];
    return standing(alert).map((entry) => ({ ...entry, channel, reason: state, told, route: undefined, group }));
  });
  return { open: others.filter((alert) => alert.state === 'open'), ended };
}
