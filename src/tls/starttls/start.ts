import type { Connect, Farewell } from '../connect.ts';
import type { Dialogue, Names } from './dialogue.ts';
import { DIALOGUES, type Protocol } from './dialogues.ts';
import { Exchange } from './exchange.ts';
import { Intruder } from './intruder.ts';
import { createLayer, type Framing } from './layer.ts';

/** The way to TLS on the servers of one protocol. */
export interface TlsStart {
  /** Connects, and speaks the protocol up to where TLS begins. */
  readonly connect: Connect;
  /** To be said inside TLS before it ends. */
  readonly farewell?: Farewell;
  /** Octets that came in the clear where TLS had to begin, on all connections so far: thrown away, but a bad sign. */
  readonly injected: number;
}

const NOTHING = Buffer.alloc(0);

/** Prepares to begin TLS after what the protocol wants to be spoken before it. */
export function startTlsIn(protocol: Protocol, connect: Connect, names: Names): TlsStart {
  const dialogue: Dialogue = DIALOGUES[protocol];
  let injected = 0;

  function framingOf(): Framing | undefined {
    const inner = dialogue.framing?.();
    if (dialogue.unconfirmed === true) return inner;
    const intruder = new Intruder();
    return {
      inbound(bytes) {
        const before = intruder.discarded;
        const tls = intruder.inbound(inner?.inbound(bytes) ?? bytes);
        injected += intruder.discarded - before;
        return tls;
      },
      outbound: (bytes) => inner?.outbound(bytes) ?? bytes,
    };
  }

  return {
    async connect(address, port, signal) {
      const socket = await connect(address, port, signal);
      try {
        const exchange = new Exchange(socket, { where: `${address} port ${port}`, protocol: dialogue.name }, signal);
        let rest: Buffer = NOTHING;
        try {
          await dialogue.agree(exchange, names);
        } finally {
          rest = exchange.release();
        }
        if (dialogue.unconfirmed !== true) injected += rest.length;
        else if (rest.length > 0) socket.unshift(rest);
        const framing = framingOf();
        return framing === undefined ? socket : createLayer(socket, framing);
      } catch (error) {
        socket.destroy();
        throw error;
      }
    },
    ...(dialogue.farewell === undefined ? {} : { farewell: dialogue.farewell }),
    get injected() {
      return injected;
    },
  };
}
