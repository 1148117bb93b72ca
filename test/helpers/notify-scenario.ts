import type { Alert } from '../../src/notify/model.ts';
import type { NotifyOptions } from '../../src/notify/options.ts';
import { sendDigest } from '../../src/notify/digest.ts';
import { sendDue, sendHeld, transition } from '../../src/notify/pipeline.ts';
import type { AssessedLocation } from '../../src/notify/transition.ts';
import type { Finding } from '../../src/policy/finding.ts';
import { createMemoryAlerts, type MemoryAlerts } from './memory-alerts.ts';

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
export const START = Date.UTC(2027, 0, 1);

/** A finding of the expiry family about one certificate that ends in 20 days, unless said otherwise. */
export function finding(overrides: Partial<Finding> = {}): Finding {
  return {
    rule: 'expiring',
    family: 'expiry',
    severity: 'warning',
    cause: 'f'.repeat(64),
    title: 'api.example.com',
    summary: 'It expires on 21 January 2027.',
    endsAt: START + 20 * DAY,
    facts: [{ name: 'Serial', value: '0A' }],
    actions: ['Renew it.'],
    ...overrides,
  };
}

export function looked(
  locationId: number,
  look: AssessedLocation['look'],
  findings: readonly Finding[] = [],
  overrides: Partial<AssessedLocation> = {},
): AssessedLocation {
  return {
    locationId,
    source: 'partners',
    location: `host-${locationId}:443@10.0.0.${locationId}`,
    target: `host-${locationId}:443`,
    labels: {},
    look,
    findings,
    ...overrides,
  };
}

export interface Scenario {
  readonly store: MemoryAlerts;
  now: number;
  options: NotifyOptions;
  /** Time passes, then these locations are judged. */
  after(ms: number, ...assessed: readonly AssessedLocation[]): Promise<void>;
  repeats(): Promise<void>;
  /** What the host does every few seconds on the first day, before the digest. */
  held(): Promise<void>;
  digest(): Promise<void>;
  /** What was put into the outbox since the last call, as `channel reason`. */
  news(): readonly string[];
  /** The only alert there is. */
  alert(): Promise<Alert>;
}

export function createScenario(overrides: Partial<NotifyOptions> = {}): Scenario {
  const store = createMemoryAlerts();
  let seen = 0;
  const scenario: Scenario = {
    store,
    now: START,
    options: {
      channels: ['mail'],
      routes: [],
      recipients: (channel) => [`${channel}@example.com`],
      isNew: () => false,
      runbookUrl: (alert) => `https://runbooks.example/${alert}`,
      ...overrides,
    },
    async after(ms, ...assessed) {
      scenario.now += ms;
      await transition(store, assessed, scenario.options, scenario.now);
    },
    repeats: () => sendDue(store, scenario.options, scenario.now),
    held: () => sendHeld(store, scenario.options, scenario.now),
    digest: () => sendDigest(store, scenario.options, scenario.now),
    news() {
      const fresh = store.posted.slice(seen);
      seen = store.posted.length;
      return fresh.map(({ channel, notification }) => `${channel} ${notification.reason}`);
    },
    async alert() {
      const [alert, ...others] = await store.alerts();
      if (alert === undefined || others.length > 0) throw new Error('there is not exactly one alert');
      return alert;
    },
  };
  return scenario;
}
