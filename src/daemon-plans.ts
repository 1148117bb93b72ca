import { hash } from 'node:crypto';

import type { Config, SourceConfig } from './config/config.ts';
import { intervalOf } from './engine/interval.ts';
import type { Chains } from './look/chains.ts';
import type { SourcePlan } from './look/ports.ts';
import type { ChannelInstance } from './plugin/channel.ts';
import type { Context } from './plugin/context.ts';

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

/** What the config makes of a source, not yet opened. `trust` is what holds for all sources that do not say it themselves. */
export function planSource(source: SourceConfig, trust: Config['trust'], context: Context, chains: Chains): SourcePlan {
  const { name, collector, options, schedule, labels, trustsClientsOf } = source;
  return {
    name,
    definition: hash(
      'sha256',
      JSON.stringify({ type: collector.type, options, schedule, labels, trustsClientsOf, trust }),
    ),
    async open() {
      try {
        const finder = chains.finder(collector.demands?.(options).trust, trust);
        const instance = await collector.create(options, context);
        return {
          name,
          type: collector.type,
          instance,
          scope: collector.scope(options),
          schedule,
          intervalMs: intervalOf(schedule),
          labels,
          ...(trustsClientsOf === undefined ? {} : { trustsClientsOf }),
          chains: finder,
        };
      } catch (error) {
        throw new Error(`source ${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
      }
    },
  };
}
