import { createHash } from 'node:crypto';

import type { NotificationReason } from '../plugin/notification.ts';
import type { Family } from '../policy/finding.ts';
import type { Alert, Told } from './model.ts';
import type { Standing } from './standing.ts';

function digestOf(parts: readonly (string | number)[]): string {
  return createHash('sha256').update(parts.join('\0')).digest('hex');
}

/** The identity of an alert: family and cause, nothing else. 16 hex digits. */
export function alertId(family: Family, cause: string): string {
  return digestOf([family, cause]).slice(0, 16);
}

/**
 * The identity of one message about one alert. It is made of what is being said and of what was said before, so that a
 * transition that runs twice says it once, and the next message gets another.
 */
export function notificationId(
  alert: Alert,
  standing: Standing,
  channel: string,
  reason: NotificationReason,
  told: Told | undefined,
): string {
  const before = told === undefined ? '' : String(told.at);
  const now = [standing.severity, ...standing.rules].join(',');
  return digestOf([alert.id, alert.generation, channel, reason, before, now]).slice(0, 32);
}

/** The identity of a digest: the lives of the alerts in it. */
export function digestId(channel: string, alerts: readonly Alert[]): string {
  const lives = alerts.map((alert) => `${alert.id}:${alert.generation}`).toSorted();
  return digestOf(['digest', channel, ...lives]).slice(0, 32);
}

/** The identity of one message about several alerts: of what it says of each. */
export function messageId(channel: string, group: string, parts: readonly string[]): string {
  return digestOf(['message', channel, group, ...parts.toSorted()]).slice(0, 32);
}

/** The group that alerts with these values of these labels make on a channel. */
export function groupId(channel: string, names: readonly string[], values: readonly string[]): string {
  return `group-${digestOf([channel, ...names, ...values]).slice(0, 16)}`;
}

/** The group of what was told at once because it was too much. */
export function stormId(channel: string, parts: readonly string[]): string {
  return `${STORM_PREFIX}${digestOf([channel, ...parts.toSorted()]).slice(0, 16)}`;
}

const STORM_PREFIX = 'storm-';

export function isStorm(group: string): boolean {
  return group.startsWith(STORM_PREFIX);
}
