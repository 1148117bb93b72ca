/*
 * What a plugin of your own is written with: published as `notafter/plugin`, for its types. Values reach a plugin as the
 * argument of the function that it exports, so that both sides mean the same classes whatever is installed where.
 */
import { z } from 'zod';

import { defineChannel, type Channel } from './channel.ts';
import { defineCollector, type Collector } from './collector.ts';
import { delivered, failed } from './delivery.ts';
import { CollectError } from './error.ts';
import { durationOption, secretFields, secretOf } from './options.ts';

export type { Channel, ChannelInstance, Delivery, DeliveryReason, DeliveryResult, Receipt } from './channel.ts';
export type { Collector, CollectorInstance, Known, Permission, Target } from './collector.ts';
export type { Clock, Context, Limiter, Limits, ParseHints, Rate, SecretRef } from './context.ts';
export type { Item, Place, Reference, Role } from './item.ts';
export type { Json } from './json.ts';
export type { Notification, Severity } from './notification.ts';
export type { EndpointFacts, Observation, Problem, Verdict } from './observation.ts';
export type { Reason } from './reason.ts';

/** What is handed to a plugin. */
export const pluginHost = {
  /** For the options: zod as notafter has it. */
  z,
  defineCollector,
  defineChannel,
  CollectError,
  durationOption,
  secretFields,
  secretOf,
  delivered,
  failed,
} as const;

export type PluginHost = typeof pluginHost;

/** The default export of a plugin's module. */
export type Plugin = (host: PluginHost) => {
  readonly collectors?: readonly Collector[];
  readonly channels?: readonly Channel[];
};
