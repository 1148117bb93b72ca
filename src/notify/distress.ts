import type { ChannelInstance } from '../plugin/channel.ts';
import type { Clock } from '../plugin/context.ts';
import type { Logger } from '../plugin/logger.ts';
import type { AlertNotice, Notification, NotificationReason } from '../plugin/notification.ts';
import { safeText } from '../text/safe-text.ts';
import { attempt, ATTEMPT_DEADLINE_MS } from './attempt.ts';

/** The store may fail so long before anybody is woken: a database is restarted, a disk is cleared. */
const PATIENCE_MS = 60_000;
/** Whoever cannot be reached is tried again for so long. */
const PURSUIT_MS = 6 * 3_600_000;
const MAX_DETAIL = 300;

export interface DistressParts {
  /** Everybody hears of it, whatever the routes say: what they were made for does not work. */
  channels(): ReadonlyMap<string, ChannelInstance>;
  /** Nothing is sent. */
  isMuted(): boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * What notafter has to say when it cannot work. An alert needs the store, which remembers who was told; these messages are
 * sent past it, from memory. `pursue` is to be called every few seconds, and sends what is not sent yet.
 */
export interface Distress {
  /** The store took no write just now. */
  storeFails(detail: string): void;
  storeWorks(): void;
  /** The store was damaged; `consequences` says what is lost with it. */
  storeWasDamaged(damage: string, setAside: string, consequences: string): void;
  /** Never rejects. */
  pursue(signal: AbortSignal): Promise<void>;
}

interface Call {
  readonly at: number;
  readonly notice: AlertNotice;
  readonly reason: NotificationReason;
  /** Undefined: everybody. */
  readonly only: ReadonlySet<string> | undefined;
  readonly reached: Set<string>;
}

export function createDistress({ channels, isMuted, clock, log }: DistressParts): Distress {
  let failingSince: number | undefined;
  let failing: Call | undefined;
  let calls: Call[] = [];

  function call(notice: AlertNotice, reason: NotificationReason, only?: ReadonlySet<string>): Call {
    const made = { at: clock.now(), notice, reason, only, reached: new Set<string>() };
    calls.push(made);
    return made;
  }

  async function send(made: Call, name: string, channel: ChannelInstance, signal: AbortSignal): Promise<void> {
    const keyOf = (recipient: string): string => `${name} ${recipient}`;
    const recipients = channel
      .recipients()
      .filter((recipient) => !made.reached.has(keyOf(recipient)) && made.only?.has(keyOf(recipient)) !== false)
      .map((recipient) => ({ recipient, attempts: 0 }));
    if (recipients.length === 0) return;
    const delivery = { channel: name, notification: messageOf(made), recipients, previous: undefined };
    for (const result of await attempt(channel, delivery, ATTEMPT_DEADLINE_MS, log, signal)) {
      const fields = { channel: name, recipient: result.recipient };
      if (result.status === 'delivered') {
        made.reached.add(keyOf(result.recipient));
        log.info(fields, 'told that notafter itself is in distress, or no longer');
      } else {
        log.warn({ ...fields, failure: result.reason, detail: result.detail }, 'a call for help did not arrive');
        // What will never be taken is not offered again.
        if (!result.retryable) made.reached.add(keyOf(result.recipient));
      }
    }
  }

  return {
    storeFails(detail) {
      failingSince ??= clock.now();
      if (failing !== undefined || clock.now() - failingSince < PATIENCE_MS) return;
      log.error({ detail, since: new Date(failingSince) }, 'the store takes no writes: everybody is told');
      failing = call(failingNotice(detail, failingSince), 'first');
    },

    storeWorks() {
      failingSince = undefined;
      if (failing === undefined) return;
      const over = failing;
      failing = undefined;
      calls = calls.filter((made) => made !== over);
      log.info({}, 'the store takes writes again');
      call(
        { ...over.notice, state: 'resolved', summary: 'notafter can write into its store again, and goes on.' },
        'resolved',
        over.reached,
      );
    },

    storeWasDamaged(damage, setAside, consequences) {
      call(damagedNotice(damage, setAside, consequences, clock.now()), 'first');
    },

    async pursue(signal) {
      calls = calls.filter(({ at }) => clock.now() - at < PURSUIT_MS);
      if (isMuted()) return;
      for (const made of calls) {
        await Promise.all([...channels()].map(([name, channel]) => send(made, name, channel, signal)));
      }
    },
  };
}

function messageOf({ at, notice, reason }: Call): Notification {
  return {
    id: `${notice.id}-${at}-${reason}`,
    kind: 'alert',
    reason,
    severity: notice.severity,
    at: new Date(at),
    group: `${notice.id}-${notice.openedAt.getTime()}`,
    alerts: [notice],
    alertCount: 1,
  };
}

function failingNotice(detail: string, since: number): AlertNotice {
  return {
    ...ownNotice('store-failing', since),
    summary:
      'notafter cannot write into its store: it looks at nothing and tells nothing new until that is set right. ' +
      safeText(detail, { max: MAX_DETAIL }),
    actions: [
      'Look whether the disk is full or read-only: df -h, and the path under "store:" in the config',
      'Make room, or set right what the message says: notafter goes on by itself, without a restart',
    ],
  };
}

function damagedNotice(damage: string, setAside: string, consequences: string, at: number): AlertNotice {
  return {
    ...ownNotice('store-damaged', at),
    summary: `The store of notafter was damaged (${safeText(damage, { max: MAX_DETAIL })}) and began anew. ${consequences}`,
    facts: [{ name: 'Set aside', value: setAside }],
    actions: [
      'Look at the silences, and set again what is missing: notafter silence list',
      'Look at the disk: bits do not flip by themselves (dmesg, smartctl)',
      'Remove the file that was set aside when nobody needs it any more',
    ],
  };
}

function ownNotice(id: string, at: number): Omit<AlertNotice, 'summary' | 'actions'> {
  return {
    id,
    family: 'coverage',
    cause: id,
    state: 'open',
    severity: 'critical',
    rules: [id],
    title: 'notafter itself',
    openedAt: new Date(at),
    facts: [],
    places: [],
    placeCount: 0,
  };
}
