import { hash } from 'node:crypto';

import { endpoint } from '../collectors/endpoint/index.ts';
import type { Config, SourceConfig } from './config/config.ts';
import { zoneOf, zoneOfNode } from './daemon-cluster.ts';
import { intervalOf } from './engine/interval.ts';
import type { Chains } from './look/chains.ts';
import { withoutSecrets } from './look/discretion.ts';
import type { SourcePlan } from './look/ports.ts';
import type { SeriesSettings } from './metrics/inventory-series.ts';
import type { ProfileOptions } from './metrics/profiles/profile.ts';
import { profileOf } from './metrics/profiles/profiles.ts';
import type { ChannelInstance } from './plugin/channel.ts';
import type { CollectorInstance } from './plugin/collector.ts';
import type { HeartbeatOptions } from './notify/heartbeat.ts';
import type { NotifyOptions } from './notify/options.ts';
import type { Context } from './plugin/context.ts';
import { placedName } from './plugin/source-name.ts';
import type { Logger } from './plugin/logger.ts';
import type { Redaction } from './text/redaction.ts';

/** What the config makes of the channels. Throws an Error that names the channel. */
export async function openChannels(config: Config, context: Context): Promise<ReadonlyMap<string, ChannelInstance>> {
  const opened = new Map<string, ChannelInstance>();
  for (const { name, channel, options } of config.channels) {
    try {
      opened.set(name, await channel.create(options, context));
    } catch (error) {
      await closeChannels(opened);
      throw new Error(`channel ${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }
  return opened;
}

/** One that cannot be closed properly must not keep the others from it. */
export async function closeChannels(channels: ReadonlyMap<string, ChannelInstance>): Promise<void> {
  await Promise.allSettled([...channels.values()].map(async (instance) => instance.close?.()));
}

/** A source as one node of a cluster looks at it. */
export interface PlacedSource extends SourceConfig {
  readonly zone?: string;
}

/** Which sources this node looks at, under which names; all of them where there is one node. */
export function placeSources(
  sources: readonly SourceConfig[],
  node: { readonly name: string; readonly zone?: string } | undefined,
): readonly PlacedSource[] {
  if (node === undefined) return sources;
  const placed = (source: SourceConfig, vantage: string, zone: string): PlacedSource => ({
    ...source,
    name: placedName(source.name, vantage),
    labels: { ...source.labels, vantage },
    zone,
  });
  return sources.flatMap((source): readonly PlacedSource[] => {
    if (source.collector.scope(source.options) === 'node') return [placed(source, node.name, zoneOfNode(node.name))];
    if (source.zones === undefined) return [source];
    const { zone } = node;
    return zone !== undefined && source.zones.includes(zone) ? [placed(source, zone, zoneOf(zone))] : [];
  });
}

/** What all sources of a daemon share. */
export interface SourceParts {
  readonly context: Context;
  readonly chains: Chains;
  /** Knows the secrets that were read. */
  readonly redaction: Pick<Redaction, 'clean'>;
}

/** What the config makes of a source, not yet opened. `trust` is what holds for all sources that do not say it themselves. */
export function planSource(
  source: PlacedSource,
  trust: Config['trust'],
  { context, chains, redaction }: SourceParts,
): SourcePlan {
  const { name, collector, options, schedule, labels, trustsClientsOf, zone } = source;
  return {
    name,
    definition: hash(
      'sha256',
      JSON.stringify({ type: collector.type, options, schedule, labels, trustsClientsOf, trust }),
    ),
    async open() {
      try {
        const finder = chains.finder(collector.demands?.(options).trust, trust);
        const instance = withoutSecrets(await collector.create(options, context), redaction.clean);
        return {
          name,
          type: collector.type,
          instance,
          scope: collector.scope(options),
          schedule,
          intervalMs: intervalOf(schedule),
          labels,
          ...(zone === undefined ? {} : { zone }),
          ...(trustsClientsOf === undefined ? {} : { trustsClientsOf }),
          chains: finder,
        };
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        throw new Error(`source ${name}: ${redaction.clean(why)}`, { cause: error });
      }
    },
  };
}

/** What the config says about who is told what. */
export function planNotifying(
  { channels, routes, notifications, externalUrl }: Config,
  opened: ReadonlyMap<string, ChannelInstance>,
  log: Logger,
  isNew: (source: string) => boolean,
): NotifyOptions {
  return {
    channels: [...opened.keys()],
    routes,
    recipients: (channel) => opened.get(channel)?.recipients() ?? [],
    quietHours: (channel) => channels.find(({ name }) => name === channel)?.quietHours,
    minimumSeverity: notifications.minimumSeverity,
    resolveAfterLooks: notifications.resolveAfterLooks,
    repeat: notifications.repeat,
    stormAfter: notifications.stormAfter,
    isNew,
    ...(externalUrl === undefined ? {} : { externalUrl }),
    runbookUrl: (alert) =>
      externalUrl === undefined
        ? undefined
        : new URL(`runbooks/alerts/${alert}`, externalUrl.replace(/\/?$/, '/')).href,
    ...(notifications.dryRun
      ? {
          dryRun: ({ channel, notification: { reason, alerts } }) =>
            log.info({ channel, reason, alerts: alerts.map(({ summary }) => summary) }, 'dry run: this would be sent'),
        }
      : {}),
  };
}

/** Without a heartbeat in the config, the metric beats alone. */
export function planHeartbeat(
  { heartbeat }: Config,
  context: Context,
): HeartbeatOptions & { readonly everyMs: number } {
  const { everyMs, patienceMs, url } = heartbeat ?? { everyMs: 60_000, patienceMs: 600_000, url: undefined };
  if (url === undefined) return { everyMs, patienceMs };
  return { everyMs, patienceMs, url: async () => ('text' in url ? url.text : context.secret(url)) };
}

/** What the config says of the series on `/metrics`. */
export function planSeries({ sources, metrics }: Config, machine: Omit<ProfileOptions, 'x509'>): () => SeriesSettings {
  const labels = new Map(sources.map(({ name, metricLabels }) => [name, metricLabels]));
  const settings: SeriesSettings = {
    seriesBudget: metrics.seriesBudget,
    profiles: metrics.profiles.map((name) => profileOf(name, { ...machine, x509: metrics.x509 })),
    sources: sources.map(({ name, collector }) => ({ name, type: collector.type })),
    labelsOf: (source) => labels.get(source) ?? [],
  };
  return () => settings;
}

/** Opens what looks at one endpoint that no source names, as a source without any options would. */
export async function openEndpoint(target: string, context: Context): Promise<CollectorInstance> {
  const parsed = endpoint.options.safeParse({ targets: [target] });
  if (!parsed.success) throw new Error(parsed.error.issues.map(({ message }) => message).join('; '));
  return endpoint.create(parsed.data, context);
}
