import { createHash } from 'node:crypto';

import type { DeliveryResult } from '../plugin/channel.ts';
import { compareSeverity, type Severity } from '../plugin/notification.ts';
import { headline } from '../plugin/wording.ts';
import { safeText } from '../text/safe-text.ts';
import type { Family, Finding, RuleId } from '../policy/finding.ts';
import { alertId } from './identity.ts';
import type { Alert, DueDelivery, Settlement } from './model.ts';
import type { AssessedLocation } from './transition.ts';

/** What notafter finds at itself comes from a source of this name. */
export const OWN_SOURCE = 'notafter';

const RULE: RuleId = 'delivery-failed';
const FAMILY: Family = 'coverage';
const CAUSE_PREFIX = 'channel:';

/** The channel that an alert about lost messages is about; undefined of any other alert. */
export function failingChannel({ family, cause }: Pick<Alert, 'family' | 'cause'>): string | undefined {
  return family === FAMILY && cause.startsWith(CAUSE_PREFIX) ? cause.slice(CAUSE_PREFIX.length) : undefined;
}

/** The id of the alert about messages that a channel loses. */
export function alertAbout(channel: string): string {
  return alertId(FAMILY, `${CAUSE_PREFIX}${channel}`);
}

/**
 * The recipients that cannot be reached for good, as an alert: a message that was given up is told on another channel,
 * and the alert is over when the recipient gets a message again.
 */
export interface DeadLetters {
  /** What a settlement says of its recipients; empty when it is no news. */
  judge(delivery: DueDelivery, settlement: Settlement): readonly AssessedLocation[];
  /** The end of what is known to fail on channels other than these: the config no longer has them. */
  goneBut(channels: ReadonlySet<string>): readonly AssessedLocation[];
  /** Forgets what was kept in mind, and knows only these alerts: another process may have judged meanwhile. */
  know(open: readonly Alert[]): void;
  /** Keeps in mind what was judged. To be called once that is committed: what fails is judged again. */
  note(judged: readonly AssessedLocation[]): void;
}

/** `open`: the alerts that are open at the start. */
export function createDeadLetters(open: readonly Alert[]): DeadLetters {
  const failing = new Map<number, { readonly channel: string; readonly recipient: string }>();

  function know(alerts: readonly Alert[]): void {
    failing.clear();
    for (const { places, ...alert } of alerts) {
      if (failingChannel(alert) === undefined) continue;
      for (const { locationId, target, location, state } of places) {
        if (state === 'open') failing.set(locationId, lostAt(target, location));
      }
    }
  }

  know(open);
  return {
    know,
    judge(delivery, settlement) {
      const judged: AssessedLocation[] = [];
      for (const result of settlement.results) {
        const { channel } = delivery;
        const id = numberOf(channel, result.recipient);
        if (result.status === 'delivered' && failing.has(id)) {
          judged.push(place(channel, result.recipient, 'superseded'));
        }
        if (result.status === 'failed' && !settlement.retryAt.has(result.recipient)) {
          judged.push(place(channel, result.recipient, 'failed', [lost(delivery, result)]));
        }
      }
      return judged;
    },
    goneBut(channels) {
      const gone = [...failing.values()].filter(({ channel }) => !channels.has(channel));
      return gone.map(({ channel, recipient }) => place(channel, recipient, 'gone'));
    },
    note(judged) {
      for (const { locationId, target, location, look } of judged) {
        if (look === 'failed') failing.set(locationId, lostAt(target, location));
        else failing.delete(locationId);
      }
    },
  };
}

function lost({ channel, notification }: DueDelivery, result: Extract<DeliveryResult, { status: 'failed' }>): Finding {
  const what = safeText(headline(notification), { max: 200 });
  const recipient = safeText(result.recipient, { max: 200 });
  const detail = safeText(result.detail, { max: 300 });
  return {
    rule: RULE,
    family: FAMILY,
    severity: worse('warning', notification.severity),
    cause: `${CAUSE_PREFIX}${channel}`,
    title: `channel ${channel}`,
    summary: `A message to ${recipient} was given up (${result.reason}: ${detail}). It said: ${what}`,
    facts: [
      { name: 'Channel', value: channel },
      { name: 'Recipient', value: recipient },
      { name: 'Reason', value: `${result.reason}: ${detail}` },
      { name: 'Message', value: notification.id },
    ],
    actions: [
      `Set right what the reason names, for the channel ${channel} in the config, and reload`,
      `Prove it: notafter channel test ${channel}`,
      'Look at what is open: the lost message is not sent again, its alerts are reminded of',
    ],
  };
}

function place(
  channel: string,
  recipient: string,
  look: AssessedLocation['look'],
  findings: readonly Finding[] = [],
): AssessedLocation {
  return {
    locationId: numberOf(channel, recipient),
    source: OWN_SOURCE,
    location: `${channel}: ${recipient}`,
    target: channel,
    labels: {},
    look,
    findings,
  };
}

/** Of a place as `place` makes it. */
function lostAt(channel: string, location: string): { readonly channel: string; readonly recipient: string } {
  return { channel, recipient: location.slice(channel.length + 2) };
}

/** No location of the inventory has a negative number. */
function numberOf(channel: string, recipient: string): number {
  return -createHash('sha256').update(`${channel}\0${recipient}`).digest().readUIntBE(0, 6) - 1;
}

function worse(a: Severity, b: Severity): Severity {
  return compareSeverity(a, b) > 0 ? a : b;
}
