import { z } from 'zod';

import type { Context } from '../../src/plugin/context.ts';
import { proxyOf, type ProxyOption } from '../../src/plugin/proxy.ts';
import { bracketed } from './target.ts';

/** How the addresses of a source are reached. */
export interface Reach {
  readonly connect: Context['network']['connect'];
  /** The proxy in between, without its login: `socks5://proxy.example:1080`. */
  readonly proxy?: string;
  /** Set where the proxy turns names into addresses: how it is called, `proxy.example:1080`. */
  readonly knowsNames?: string;
}

export function createReach(option: ProxyOption | undefined, context: Context): Reach {
  if (option === undefined) return { connect: (...call) => context.network.connect(...call) };
  const proxy = proxyOf(option, (reference) => context.secret(reference));
  const knowsNames = proxy.resolves === 'proxy';
  const where = `${bracketed(proxy.host)}:${proxy.port}`;
  return {
    connect: (address, port, signal) => context.network.connectThrough(proxy, address, port, signal),
    proxy: `${proxy.scheme}${proxy.scheme === 'socks5' && knowsNames ? 'h' : ''}://${where}`,
    ...(knowsNames ? { knowsNames: where } : {}),
  };
}

export const politenessOption = z
  .strictObject({
    concurrency: z.int().min(1).max(100).default(8).describe('Looks under way at one address at once.'),
    per_second: z.number().min(0.1).max(1_000).default(50).describe('Looks begun at one address per second.'),
  })
  .optional()
  .describe(
    'How hard one address may be looked at, over all sources that say the same: by default 8 looks at once, 50 per second. What must wait does not lose of its timeout.',
  );

/** Runs a look at an address when it is that address's turn. */
export type Polite = <T>(address: string, look: () => Promise<T>, signal: AbortSignal) => Promise<T>;

/** Many names may lead to one address: who watches all of them must not be taken for an attack. */
export function createPoliteness(option: z.output<typeof politenessOption>, context: Context): Polite {
  const { concurrency, per_second: perSecond } = option ?? { concurrency: 8, per_second: 50 };
  return (address, look, signal) =>
    context.limit(`endpoint ${address} ${concurrency} ${perSecond}`, { concurrency, perSecond }).run(look, signal);
}
