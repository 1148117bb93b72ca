import type { Notification } from '../plugin/notification.ts';
import type { Alert, Told } from './model.ts';
import type { NotifyOptions } from './options.ts';
import type { AlertWriter } from './port.ts';

/** No channel can be called so: names hold no colon. */
const DRY_RUN_PREFIX = 'dry-run:';

/** What remembers who was told what: a dry run keeps its own memory, under names of its own. */
export interface Memory {
  /** What the channel was last told. */
  of(alert: Alert, channel: string): Told | undefined;
  /** The name under which it remembers a channel. */
  nameOf(channel: string): string;
  /** The channels that were told. */
  channels(alert: Alert): readonly string[];
  /** The alert with these channels told so; what the others were told stays. */
  noted(alert: Alert, told: readonly Told[]): Alert;
}

/** The memory of real notifications forgets what a dry run showed. */
export function memoryOf(options: Pick<NotifyOptions, 'dryRun'>): Memory {
  const prefix = options.dryRun === undefined ? '' : DRY_RUN_PREFIX;
  const isOwn = (told: Told): boolean => told.channel.startsWith(DRY_RUN_PREFIX) === (prefix !== '');
  return {
    nameOf: (channel) => prefix + channel,
    of(alert, channel) {
      return alert.told.find((told) => told.channel === prefix + channel);
    },
    channels(alert) {
      return alert.told.filter(isOwn).map((told) => told.channel.slice(prefix.length));
    },
    noted(alert, told) {
      const renamed = told.map((row) => ({ ...row, channel: prefix + row.channel }));
      const channels = new Set(renamed.map((row) => row.channel));
      const kept = alert.told.filter((row) => !channels.has(row.channel) && (prefix !== '' || isOwn(row)));
      const unchanged = renamed.length === 0 && kept.length === alert.told.length;
      return unchanged ? alert : { ...alert, told: [...kept, ...renamed] };
    },
  };
}

/** Puts a notification into the outbox, or shows it in a dry run. */
export async function post(
  alerts: AlertWriter,
  channel: string,
  notification: Notification,
  weight: number,
  options: Pick<NotifyOptions, 'recipients' | 'dryRun'>,
  now: number,
): Promise<void> {
  const entry = { channel, notification, recipients: options.recipients(channel), weight };
  if (options.dryRun === undefined) await alerts.enqueue(entry, now);
  else options.dryRun(entry);
}
