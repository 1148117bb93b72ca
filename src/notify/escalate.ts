import type { Alert, Held } from './model.ts';
import type { Escalation } from './options.ts';
import type { Memory } from './outbox.ts';
import type { AlertReader } from './port.ts';
import type { Lead } from './route.ts';
import { isWorse, type Standing } from './standing.ts';

/** An escalation of an alert that a route's channel was told of. */
interface Step {
  readonly from: Lead;
  readonly to: string;
  readonly when: Escalation['when'];
  /** Undefined: not as things are. */
  readonly dueAt: number | undefined;
}

/**
 * The channels that an alert goes to beside its routes because nobody reacts. The time counts from the last news (first,
 * worse) that the route's own channel was told; an acknowledgement stops it. A channel that was told goes on hearing.
 */
export async function escalate(
  reader: Pick<AlertReader, 'isDelivered'>,
  alert: Alert,
  standing: Standing,
  leads: readonly Lead[],
  memory: Memory,
  now: number,
): Promise<readonly Lead[]> {
  const reached = new Set<string>();
  for (const step of steps(alert, standing, leads, memory)) {
    const isKnown = memory.of(alert, step.to) !== undefined;
    const isDue = step.dueAt !== undefined && step.dueAt <= now;
    if (isKnown || (isDue && (await isWanted(reader, alert, step, memory)))) reached.add(step.to);
  }
  return [...reached].map((channel) => ({ channel }));
}

/** The escalations to come if nobody reacts. */
export function escalationsAhead(
  alert: Alert,
  standing: Standing,
  leads: readonly Lead[],
  memory: Memory,
  now: number,
): readonly Held[] {
  const ahead = new Map<string, number>();
  for (const { to, dueAt } of steps(alert, standing, leads, memory)) {
    if (dueAt === undefined || dueAt <= now || memory.of(alert, to) !== undefined) continue;
    ahead.set(to, Math.min(dueAt, ahead.get(to) ?? Infinity));
  }
  return [...ahead].map(([channel, until]) => ({ channel, why: 'escalation', until }));
}

function steps(alert: Alert, standing: Standing, leads: readonly Lead[], memory: Memory): readonly Step[] {
  if (alert.state !== 'open') return [];
  const { acknowledgement } = alert;
  const isTaken = acknowledgement !== undefined && !isWorse(standing, acknowledgement);
  const known = new Set(leads.map(({ channel }) => channel));
  return leads.flatMap((from) => {
    const escalation = from.route?.escalate;
    if (escalation === undefined) return [];
    const newsAt = memory.of(alert, from.channel)?.newsAt;
    const dueAt = isTaken || newsAt === undefined ? undefined : newsAt + escalation.afterMs;
    const others = escalation.channels.filter((channel) => !known.has(channel));
    return others.map((to) => ({ from, to, when: escalation.when, dueAt }));
  });
}

async function isWanted(
  reader: Pick<AlertReader, 'isDelivered'>,
  alert: Alert,
  { from, when }: Step,
  memory: Memory,
): Promise<boolean> {
  const id = memory.of(alert, from.channel)?.notificationId;
  return when === 'unacknowledged' || (id !== undefined && !(await reader.isDelivered(from.channel, id)));
}
