import { hash } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectSocket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { wayTo, type Way } from '../../collectors/endpoint/way.ts';
import { dial } from '../../src/network/dialer.ts';
import { createProber } from '../../src/tls/probe.ts';
import type { Handshake, ProbeResult } from '../../src/tls/probe-result.ts';
import { eventually } from '../helpers/eventually.ts';
import { serverLeaf } from '../helpers/rehearsal.ts';
import { missing, PEERS, type RunningPeer } from './starttls/peers.ts';
import { openWorkshop, type Workshop } from './verdicts/workshop.ts';

const never = new AbortController().signal;

function wayBy(scheme: string, port: number, connect: typeof dial = dial): Way {
  return wayTo(
    { host: 'localhost', port, scheme },
    { connect, host: 'localhost', heloName: 'monitor.example.com', alpn: ['h2'], request: { kind: 'none' } },
  );
}

function look(
  way: Pick<Way, 'connect' | 'farewell' | 'alpn'>,
  port: number,
  handshake: Handshake,
): Promise<ProbeResult> {
  const probe = createProber({ now: () => performance.now() });
  return probe({ ...way, address: '127.0.0.1', port, serverName: 'localhost', timeoutMs: 10_000 }, handshake, never);
}

/** Fingerprints of what was served. */
function served({ chain }: ProbeResult): readonly string[] {
  return chain.map((der) => hash('sha256', der, 'hex'));
}

let shop: Workshop;
beforeAll(() => {
  shop = openWorkshop();
});
afterAll(() => {
  shop?.[Symbol.dispose]();
});

/** The peers that are here; of the others it is told why they are not. */
const PRESENT = PEERS.filter((peer) => {
  const reason = missing(peer);
  if (reason !== undefined) console.log(`${peer.name} is not looked at: ${reason}`);
  return reason === undefined;
});

describe.each(PRESENT.map((peer) => ({ peer, name: peer.name })))('$name', ({ peer }) => {
  let running: RunningPeer;
  beforeAll(async () => {
    running = await peer.start(shop);
    const { farewell, log } = running;
    if (farewell === undefined) return;
    await eventually(
      'the server has done with who asked whether it is there',
      () => [...log().matchAll(farewell)].length > 0,
    );
  });
  afterAll(async () => {
    await running?.stop();
  });

  /** What the server says of the connections while they are made, to their end. */
  async function saidOf(count: number, work: () => Promise<void>): Promise<string> {
    const { farewell, log } = running;
    const before = log().length;
    await work();
    if (farewell !== undefined) {
      await eventually('the server says that the connections ended', () => {
        return [...log().slice(before).matchAll(farewell)].length >= count;
      });
    }
    return log().slice(before);
  }

  test('shows its certificate by hello and by full, and finds no fault with either', async () => {
    for (const [scheme, port] of Object.entries(running.ports)) {
      const said = await saidOf(2, async () => {
        for (const handshake of ['hello', 'full'] as const) {
          const way = wayBy(scheme, port);
          const result = await look(way, port, handshake);
          expect([scheme, handshake, result.failure, served(result)]).toEqual([
            scheme,
            handshake,
            undefined,
            [serverLeaf.fingerprint],
          ]);
          expect([scheme, result.established, result.fallback]).toEqual([
            scheme,
            true,
            scheme === 'mysql' && handshake === 'hello' ? 'farewell' : undefined,
          ]);
          expect(way.told({ address: '127.0.0.1', port }).problems).toEqual([]);
        }
      });
      expect(said).not.toMatch(running.complaint);
    }
  });

  test('shows its certificate to who leaves early', async () => {
    for (const [scheme, port] of Object.entries(running.ports)) {
      const result = await look(wayBy(scheme, port), port, 'early');
      expect([scheme, result.failure, served(result)]).toEqual([scheme, undefined, [serverLeaf.fingerprint]]);
    }
  });
});

describe('a monitor of MariaDB', () => {
  const peer = PRESENT.find(({ name }) => name === 'MariaDB');

  test.runIf(peer !== undefined)('is not locked out by 200 looks, as it would be without the farewell', async () => {
    const other = openWorkshop();
    const running = await peer?.start(other);
    try {
      const port = running?.ports['mysql'] ?? 0;
      // MariaDB never counts what comes from 127.0.0.1.
      const connect: typeof dial = async (address, to) => {
        const socket = connectSocket({ host: address, port: to, localAddress: '127.0.0.2', noDelay: true });
        socket.on('error', () => undefined);
        await once(socket, 'connect');
        return socket;
      };
      for (let count = 0; count < 200; count++) {
        const result = await look(wayBy('mysql', port, connect), port, 'hello');
        expect([count, result.failure, served(result)]).toEqual([count, undefined, [serverLeaf.fingerprint]]);
      }

      const { farewell: _, ...rude } = wayBy('mysql', port, connect);
      const seen: (string | undefined)[] = [];
      for (let count = 0; count < 12; count++) seen.push((await look(rude, port, 'hello')).failure?.detail);
      expect(seen.slice(0, 10)).toEqual(Array(10).fill(undefined));
      expect(seen.at(-1)).toMatch(/error 1129: it has blocked this host .* FLUSH HOSTS/);
    } finally {
      await running?.stop();
      other[Symbol.dispose]();
    }
  });
});
