import type { z } from 'zod';

import type { Context } from './context.ts';
import type { Json } from './json.ts';
import type { Notification } from './notification.ts';

/** What a channel gave back for a delivered notification, handed to it again for the next one of the same group (a thread id). */
export type Receipt = Json;

/** What became of one recipient. */
export type DeliveryResult =
  | { readonly recipient: string; readonly status: 'delivered'; readonly receipt?: Receipt }
  | {
      readonly recipient: string;
      readonly status: 'failed';
      /** From the closed list below. */
      readonly reason: DeliveryReason;
      /** What the other side said. Never a secret, never a URL that is one. */
      readonly detail: string;
      readonly retryable: boolean;
      readonly retryAfterMs?: number;
    };

/** One result for every recipient that was asked for. */
export type Delivery = readonly DeliveryResult[];

/** Why a delivery failed: a metric label. */
export const DELIVERY_REASONS = {
  network: 'the receiver could not be reached',
  timeout: 'the receiver did not answer within the deadline',
  rate_limited: 'the receiver asked to slow down',
  authentication: 'the receiver did not accept the credentials',
  rejected: 'the receiver refused the message or the recipient',
  server_error: 'the receiver failed',
  internal: 'a fault inside notafter',
} as const satisfies Record<string, string>;

export type DeliveryReason = keyof typeof DELIVERY_REASONS;

/** Code that knows how to carry notifications to one type of receiver. */
export interface Channel<Type extends string = string, Options extends z.ZodObject = z.ZodObject> {
  readonly type: Type;
  readonly summary: string;
  readonly options: Options;
  create(options: z.output<Options>, context: Context): Promise<ChannelInstance>;
}

export interface ChannelInstance {
  /** One entry for a webhook; the retry state is kept per entry by the host. Stable, and never a secret: it is stored and shown. */
  recipients(): readonly string[];
  /** How long one attempt may take, milliseconds, where the host's 30 seconds are too short (a command). */
  readonly deadlineMs?: number;
  /** One attempt. Does not throw for failures of the other side: they are results. */
  send(
    notification: Notification,
    to: readonly string[],
    previous: Receipt | undefined,
    signal: AbortSignal,
  ): Promise<Delivery>;
  /** Proves the credentials without bothering anyone. Throws an Error worth reading. */
  verify?(signal: AbortSignal): Promise<void>;
  close?(): Promise<void>;
}

/** Keeps the types of options and instance together when a channel is declared. */
export function defineChannel<Type extends string, Options extends z.ZodObject>(
  channel: Channel<Type, Options>,
): Channel<Type, Options> {
  return channel;
}
