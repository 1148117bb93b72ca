import { MatcherError, parseMatcher } from '../label/matcher.ts';
import type { Family } from '../policy/finding.ts';
import { safeText } from '../text/safe-text.ts';
import { alertId } from './identity.ts';
import type { Acknowledgement, Alert, Silence } from './model.ts';
import type { AlertReader, AlertWriter } from './port.ts';
import { standingOf, type Standing } from './standing.ts';
import { worstWordFirst } from './word.ts';

const MAX_MATCHERS = 20;
/** In force at once: as many as the store lists. */
const MAX_SILENCES = 1_000;
const MAX_AUTHOR = 200;
const MAX_COMMENT = 1_000;
/** A silence is no configuration: what shall never be told is kept out by a route. */
const LONGEST_SILENCE_MS = 366 * 86_400_000;

/** Families whose causes are items. */
const FAMILIES_OF_ITEMS: readonly Family[] = ['expiry', 'renewal', 'deployment', 'client', 'chain', 'coverage'];

/** What somebody asked for cannot be done; the message says why, on what, and what to do. */
export class DeskError extends Error {
  override readonly name = 'DeskError';
  readonly kind: 'invalid' | 'conflict';

  constructor(kind: DeskError['kind'], message: string) {
    super(message);
    this.kind = kind;
  }
}

export interface SilenceRequest {
  readonly matchers: readonly string[];
  /** Milliseconds since the epoch. */
  readonly until: number;
  readonly author: string;
  readonly comment: string;
}

/** An alert with what it amounts to now. */
export interface AlertState {
  readonly alert: Alert;
  readonly standing: Standing;
}

export interface DeskParts {
  readonly alerts: AlertReader;
  transaction<T>(work: (tx: { readonly alerts: AlertWriter }) => Promise<T>): Promise<T>;
  now(): number;
  /** An identifier that nobody has had before. */
  newId(): string;
  /** What was put off may go now. */
  onChange(): void;
}

/** Where people look at alerts and have a say in who hears of them. */
export interface Desk {
  /** The worst first. */
  alerts(filter: { readonly state?: 'open' }): Promise<readonly AlertState[]>;
  /** Alerts of all families about one cause, those that are over too. */
  about(cause: string): Promise<readonly AlertState[]>;
  /** Undefined: there is none of this id. */
  alert(id: string): Promise<AlertState | undefined>;
  silences(): Promise<readonly Silence[]>;
  /** Throws DeskError. */
  addSilence(request: SilenceRequest): Promise<Silence>;
  /** Ends it now; one that is over stays as it is. Undefined: there is none of this id. */
  endSilence(id: string): Promise<Silence | undefined>;
  /** Keeps an open alert quiet until it gets worse. Undefined: there is none of this id. Throws DeskError when it is over. */
  acknowledge(id: string, by: { readonly author: string; readonly comment: string }): Promise<AlertState | undefined>;
}

export function createDesk({ alerts, transaction, now, newId, onChange }: DeskParts): Desk {
  return {
    async alerts(filter) {
      return (await alerts.alerts(filter)).flatMap(stateOf).toSorted(worstWordFirst);
    },

    async about(cause) {
      const ids = FAMILIES_OF_ITEMS.map((family) => alertId(family, cause));
      return (await alerts.alertsById(ids)).flatMap(stateOf).toSorted(worstWordFirst);
    },

    alert: async (id) => (await alerts.alertsById([id])).flatMap(stateOf)[0],

    silences: () => alerts.silences(),

    async addSilence({ matchers, until, author, comment }) {
      const at = now();
      checkMatchers(matchers);
      if (!(until > at)) throw new DeskError('invalid', 'until is in the past: a silence ends in the future');
      if (until - at > LONGEST_SILENCE_MS) {
        throw new DeskError('invalid', 'until is more than a year away: keep it out by a route of the config instead');
      }
      const silence: Silence = { id: newId(), matchers, createdAt: at, until, ...signed(author, comment) };
      await transaction(async (tx) => {
        const inForce = (await tx.alerts.silences()).filter((one) => one.until > at).length;
        if (inForce >= MAX_SILENCES) {
          throw new DeskError('conflict', `${MAX_SILENCES} silences are in force: end some, or widen one`);
        }
        await tx.alerts.saveSilence(silence);
      });
      return silence;
    },

    async endSilence(id) {
      const ended = await transaction(async (tx) => {
        const silence = (await tx.alerts.silences()).find((candidate) => candidate.id === id);
        const at = now();
        if (silence === undefined || silence.until <= at) return silence;
        const over = { ...silence, until: at };
        await tx.alerts.saveSilence(over);
        await tx.alerts.wakeHeld(at);
        return over;
      });
      if (ended !== undefined) onChange();
      return ended;
    },

    acknowledge: (id, { author, comment }) =>
      transaction(async (tx) => {
        const [alert] = await tx.alerts.alertsById([id]);
        const standing = alert === undefined ? undefined : standingOf(alert);
        if (alert === undefined || standing === undefined) return undefined;
        if (alert.state !== 'open') {
          throw new DeskError('conflict', `the alert ${id} is over (${alert.state}): there is nothing to acknowledge`);
        }
        const { severity, rules } = standing;
        const acknowledgement: Acknowledgement = { ...signed(author, comment), at: now(), severity, rules };
        const { held = [], ...rest } = alert;
        const stillHeld = held.filter(({ why }) => why !== 'escalation');
        const acknowledged = { ...rest, acknowledgement, ...(stillHeld.length === 0 ? {} : { held: stillHeld }) };
        await tx.alerts.saveAlerts([acknowledged]);
        return { alert: acknowledged, standing };
      }),
  };
}

function stateOf(alert: Alert): readonly AlertState[] {
  const standing = standingOf(alert);
  return standing === undefined ? [] : [{ alert, standing }];
}

function checkMatchers(texts: readonly string[]): void {
  if (texts.length === 0 || texts.length > MAX_MATCHERS) {
    throw new DeskError('invalid', `a silence has 1 to ${MAX_MATCHERS} matchers, like owner="payments"`);
  }
  try {
    const matchers = texts.map(parseMatcher);
    // As in Alertmanager: a slip must not silence everything.
    if (matchers.every((matcher) => matcher.accepts(''))) {
      throw new DeskError('invalid', 'the matchers match everything: at least one must need a label to have a value');
    }
  } catch (error) {
    if (error instanceof MatcherError) throw new DeskError('invalid', error.message);
    throw error;
  }
}

function signed(author: string, comment: string): Pick<Silence, 'author' | 'comment'> {
  const name = safeText(author.trim(), { max: MAX_AUTHOR });
  if (name === '') throw new DeskError('invalid', 'author is empty: say who asks for it');
  return { author: name, comment: safeText(comment.trim(), { max: MAX_COMMENT }) };
}
