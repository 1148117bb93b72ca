import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { z } from 'zod';

import { channels } from '../../alerts/index.ts';
import { collectors } from '../../collectors/index.ts';
import type { Channel } from '../plugin/channel.ts';
import type { Collector } from '../plugin/collector.ts';
import { pluginHost } from '../plugin/index.ts';

/** What sources and channels of a config may be of. */
export interface Plugins {
  readonly collectors: readonly Collector[];
  readonly channels: readonly Channel[];
}

export const BUILT_IN: Plugins = {
  collectors: collectors as readonly unknown[] as readonly Collector[],
  channels: channels as readonly unknown[] as readonly Channel[],
};

const MAX_PLUGINS = 50;

export const pluginsOption = z
  .array(z.string().min(1).max(1_000))
  .max(MAX_PLUGINS)
  .optional()
  .describe(
    'Modules that bring collectors and channels of their own: a package, or a file by its path from this config. They run with all that notafter may do.',
  );

/** Why a module is no plugin. */
export class PluginError extends Error {
  override readonly name = 'PluginError';
}

const callable = z.custom<(...given: never[]) => unknown>((value) => typeof value === 'function', 'no function');
const common = {
  type: z.string().regex(/^[a-z][a-z0-9-]{0,63}$/, 'small letters, digits and "-"'),
  summary: z.string().min(1).max(500),
  options: z.custom<z.ZodObject>((value) => isObjectSchema(value), "no z.strictObject of the host's z"),
  create: callable,
};
const offered = z.object({
  collectors: z.array(z.looseObject({ ...common, scope: callable, demands: callable.optional() })).default([]),
  channels: z.array(z.looseObject(common)).default([]),
});

function isObjectSchema(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'shape' in value && 'safeParse' in value;
}

/**
 * Loads one module and joins what it brings to what there is. A relative path and a package are looked for from the
 * folder of the config file. Throws PluginError: it cannot be found or loaded, brings nothing, or a type that exists.
 */
export async function withPlugin(plugins: Plugins, name: string, configFile: string): Promise<Plugins> {
  const { default: start } = await load(name, path.resolve(configFile));
  if (typeof start !== 'function') {
    throw new PluginError(`${name} has no function as its default export; docs/guides/plugins.md shows one`);
  }
  let given: unknown;
  try {
    given = (start as (host: typeof pluginHost) => unknown)(pluginHost);
  } catch (error) {
    throw new PluginError(`${name} failed when it was started: ${messageOf(error)}`, { cause: error });
  }
  const { data, error } = offered.safeParse(given);
  if (data === undefined) {
    const [issue] = error.issues;
    throw new PluginError(`${name}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'no collectors and channels'}`);
  }
  if (data.collectors.length + data.channels.length === 0) {
    throw new PluginError(`${name} brings neither a collector nor a channel`);
  }
  return {
    collectors: joined(name, 'collector', plugins.collectors, data.collectors as unknown as readonly Collector[]),
    channels: joined(name, 'channel', plugins.channels, data.channels as unknown as readonly Channel[]),
  };
}

async function load(name: string, configFile: string): Promise<{ readonly default?: unknown }> {
  const isPath = name.startsWith('.') || path.isAbsolute(name);
  try {
    const file = isPath
      ? path.resolve(path.dirname(configFile), name)
      : createRequire(pathToFileURL(configFile)).resolve(name);
    return (await import(pathToFileURL(file).href)) as { readonly default?: unknown };
  } catch (error) {
    const from = `looked for from ${path.dirname(configFile)}`;
    throw new PluginError(`${name} cannot be loaded (${from}): ${messageOf(error)}`, { cause: error });
  }
}

function joined<Member extends { readonly type: string }>(
  name: string,
  kind: string,
  known: readonly Member[],
  more: readonly Member[],
): readonly Member[] {
  const types = new Set(known.map(({ type }) => type));
  for (const { type } of more) {
    if (types.has(type)) throw new PluginError(`${name} brings the ${kind} ${type}, which there is already`);
    types.add(type);
  }
  return [...known, ...more].toSorted((a, b) => (a.type < b.type ? -1 : 1));
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? '';
}
