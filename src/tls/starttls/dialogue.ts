import type { Farewell } from '../connect.ts';
import type { Exchange } from './exchange.ts';
import type { Framing } from './layer.ts';

/** Names that a dialogue may need. */
export interface Names {
  /** Who is asked for: a host name in ASCII, or a literal address. */
  readonly host: string;
  /** How we call ourselves: a host name in ASCII. */
  readonly own: string;
}

/** How a protocol that begins in the clear comes to TLS. */
export interface Dialogue {
  /** The protocol as people call it. */
  readonly name: string;
  /** Speaks until TLS is to begin. Throws DialogueError when it is not. */
  agree(exchange: Exchange, names: Names): Promise<void>;
  /** How TLS travels, where it is not simply what comes next. One for each connection. */
  readonly framing?: () => Framing;
  /** The server does not say that TLS is to begin: what comes next may be its refusal, and not an intruder's. */
  readonly unconfirmed?: true;
  readonly farewell?: Farewell;
}
