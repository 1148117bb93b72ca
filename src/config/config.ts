import type { Labels } from '../label/labels.ts';
import type { Matcher } from '../label/matcher.ts';
import type { Channel } from '../plugin/channel.ts';
import type { Collector } from '../plugin/collector.ts';
import type { Severity } from '../plugin/notification.ts';
import type { TrustOptions } from '../plugin/demands.ts';
import type { Policy } from '../policy/policy.ts';
import type { MetricsConfig } from './metrics-section.ts';
import type { NetworkConfig } from './network-section.ts';
import type { Plugins } from './plugins.ts';
import type { EnrichConfig } from './enrich-section.ts';
import type { WebConfig } from './web-section.ts';
import type { RunbooksConfig } from './runbook-section.ts';

export interface SourceConfig {
  readonly name: string;
  readonly collector: Collector;
  /** Validated by the collector's own schema. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly schedule: { readonly everyMs: number } | { readonly cron: string; readonly timezone: string };
  readonly labels: Labels;
  /** Those of the labels that the series bear as well. */
  readonly metricLabels: readonly string[];
  /** Endpoints about whose clients the CA certificates of this source decide: `host` or `host:port`. */
  readonly trustsClientsOf?: readonly string[];
  /** Zones from each of which it is looked at; absent where any node may. */
  readonly zones?: readonly string[];
}

export interface ChannelConfig {
  readonly name: string;
  readonly channel: Channel;
  /** Validated by the channel's own schema. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly quietHours?: QuietHoursConfig;
  readonly rate?: RateConfig;
}

/** Minutes since midnight by the clock of the time zone. */
export interface QuietHoursConfig {
  readonly fromMinute: number;
  readonly toMinute: number;
  readonly timezone: string;
}

/** So many in any stretch of time this long. */
export interface RateConfig {
  readonly count: number;
  readonly windowMs: number;
}

export interface DigestConfig {
  readonly rhythm: 'daily' | 'weekly';
  /** 0 is Sunday. */
  readonly weekday: number;
  readonly minute: number;
  readonly timezone: string;
}

export interface EscalationConfig {
  readonly afterMs: number;
  readonly channels: readonly string[];
  readonly when: 'unacknowledged' | 'undelivered';
}

export interface HeartbeatConfig {
  readonly url: { readonly text: string } | { readonly file: string };
  readonly everyMs: number;
  readonly patienceMs: number;
}

export interface RouteConfig {
  readonly matchers: readonly Matcher[];
  readonly channels: readonly string[];
  readonly continue: boolean;
  readonly groupBy?: readonly string[];
  readonly quietHours?: QuietHoursConfig;
  readonly digest?: DigestConfig;
  readonly escalate?: EscalationConfig;
}

/** A config in which everything has been checked that can be checked without the network. */
export interface Config {
  /** The file it came from. */
  readonly file: string;
  /** What its sources and channels may be of. */
  readonly plugins: Plugins;
  readonly sources: readonly SourceConfig[];
  readonly channels: readonly ChannelConfig[];
  readonly routes: readonly RouteConfig[];
  readonly policy: Policy;
  /** Whom clients trust, where a source does not say it itself. */
  readonly trust: TrustOptions;
  readonly enrich: EnrichConfig;
  readonly notifications: {
    readonly dryRun: boolean;
    readonly minimumSeverity: Severity;
    readonly resolveAfterLooks: number;
    readonly stormAfter: number;
    readonly repeat: { readonly normalMs: number; readonly soonMs: number; readonly urgentMs: number };
  };
  readonly heartbeat?: HeartbeatConfig;
  readonly network: NetworkConfig;
  readonly metrics: MetricsConfig;
  readonly web: WebConfig;
  /** Runbooks in the words of those who follow them. */
  readonly runbooks: RunbooksConfig;
  /** Address of the store: `sqlite:PATH` or `postgres://…`; may hold a password. */
  readonly store: string;
  /** How long what is over is remembered. */
  readonly historyMs: number;
  readonly externalUrl?: string;
  readonly log: { readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly format?: 'json' | 'text' };
}
