import type { Context, SecretRef } from '../../src/plugin/context.ts';
import { createNetwork } from '../../src/network/create-network.ts';

export interface ChannelContext {
  readonly context: Context;
  /** Everything that was logged, as text. */
  readonly logged: string[];
  /** What the secrets are, by file name; a file that is not there cannot be read. */
  readonly secrets: Map<string, string>;
  now: number;
}

/** A context on the real network of this machine, with secrets from a map and without a rate limit. */
export function createChannelContext(secrets: Readonly<Record<string, string>> = {}): ChannelContext {
  const logged: string[] = [];
  function log(fields: object, message: string): void {
    logged.push(`${message} ${JSON.stringify(fields)}`);
  }
  const self: ChannelContext = {
    logged,
    secrets: new Map(Object.entries(secrets)),
    now: Date.UTC(2027, 0, 1),
    context: {
      clock: { now: () => self.now },
      log: { debug: log, info: log, warn: log, error: log },
      network: createNetwork({ userAgent: 'notafter/test' }),
      limit: () => ({ run: (work) => work() }),
      async secret(reference: SecretRef) {
        const name = 'file' in reference ? reference.file : reference.env;
        const value = self.secrets.get(name);
        if (value === undefined) throw new Error(`the secret ${name} cannot be read`);
        return value;
      },
      parse: () => Promise.reject(new Error('a channel reads no containers')),
      isolate: () => Promise.reject(new Error('a channel reads no hostile content')),
    },
  };
  return self;
}
