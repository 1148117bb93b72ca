import type { Catalogue } from '../inventory/catalogue.ts';
import type { ClientOutlook } from '../inventory/clients.ts';
import type { InventoryReader } from '../inventory/port.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Desk } from '../notify/desk.ts';
import type { Outbox } from '../notify/port.ts';
import type { Logger } from '../plugin/logger.ts';
import type { CoverageReport } from '../policy/coverage-report.ts';
import type { Forecast, Outlook, Period } from '../policy/forecast.ts';
import type { InventoryView } from '../policy/view.ts';
import type { Gate } from './access/gate.ts';
import type { Had } from './latest.ts';
import type { PrometheusParts } from './prometheus.ts';
import type { ShownRunbook } from './runbook-page.ts';

/** What only a pass over everything tells: put together now and then, and given as it was then. */
export interface Survey {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Locations that it rests on, and how many there were when it began. */
  readonly read: number;
  readonly locations: number;
  /** Nothing is left to read. */
  readonly isWhole: boolean;
  /** What ends within more than a year, the first end first. */
  readonly ending: readonly Outlook[];
  readonly owners: readonly string[];
  readonly coverage: CoverageReport;
  readonly clients: {
    readonly certain: readonly ClientOutlook[];
    readonly possible: readonly ClientOutlook[];
    readonly possibleCount: number;
  };
}

/** The parts of the daemon that the web reaches. */
export interface WebParts extends PrometheusParts {
  readonly inventory: InventoryReader;
  readonly catalogue: Catalogue;
  readonly metrics: Metrics;
  readonly version: string;
  readonly log: Logger;
  readonly desk: Desk;
  readonly outbox: Pick<Outbox, 'oldestPendingAt' | 'failed'>;
  /** What rules ask of the inventory. */
  readonly view: Pick<InventoryView, 'facts' | 'successors'>;
  /** Why the daemon is not ready; empty when it is. */
  notReady(): readonly string[];
  /** Applies the config file anew. */
  reload(): Promise<{ readonly ok: true } | { readonly ok: false; readonly problems: readonly string[] }>;
  /** The text of a rule's runbook page; `undefined`: there is no such rule. */
  runbook(rule: string): Promise<string | undefined>;
  /** What to do about an alert; `undefined`: there is no such alert. `busy`: too many ask. */
  alertRunbook(id: string): Promise<ShownRunbook | 'busy' | undefined>;
  /** What will be wrong within a period. */
  forecast(period: Period): Promise<Forecast>;
  /** Never waits for long: what there is. */
  survey(): Promise<Had<Survey>>;
  /** How people reach this page, when the config says so. */
  externalUrl(): string | undefined;
  /** Headers that the config adds to every answer, or puts in the place of those that are sent. */
  headers(): ReadonlyMap<string, string>;
  /** Who may do what. */
  readonly gate: Gate;
  now(): number;
  /** Sends a test notification. `undefined`: there is no such channel. */
  testChannel(name: string): Promise<{ readonly ok: boolean; readonly lines: readonly string[] } | undefined>;
}
