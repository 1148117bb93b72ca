import { createPrivateKey, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';

import type { Ephemerals } from '../../src/tls/hello/ephemerals.ts';
import { agreeOn, CURVES, type Agreement } from '../../src/tls/hello/groups.ts';
import { HelloSession } from '../../src/tls/hello/session.ts';

/** What a server sent to one hello, and all that a client needs to read it again. */
export interface RecordedFlight {
  readonly name: string;
  readonly handshake: 'hello' | 'early';
  readonly verifyPossession: boolean;
  readonly serverName: string;
  /** Random octets that the client drew, base64. */
  readonly random: string;
  /** What the server sent up to each answer of the client, base64. */
  readonly stages: readonly string[];
}

export interface Recording {
  /** Ephemeral private keys by group, PKCS#8 base64. */
  readonly keys: Readonly<Record<string, string>>;
  readonly flights: readonly RecordedFlight[];
}

export const RECORDING_FILE = new URL('../fixtures/tls-flights.json', import.meta.url);

export function readRecording(): Recording {
  return JSON.parse(readFileSync(RECORDING_FILE, 'utf8')) as Recording;
}

const SHARE_LENGTHS: Readonly<Record<string, number>> = { X25519: 32, 'P-256': 65, 'P-384': 97, 'P-521': 133 };

export function importKeys(keys: Recording['keys']): ReadonlyMap<string, Agreement> {
  return new Map(
    Object.entries(keys).map(([name, text]) => {
      const privateKey = createPrivateKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'pkcs8' });
      return [name, agreeOn({ privateKey, publicKey: createPublicKey(privateKey) }, SHARE_LENGTHS[name] ?? 0)];
    }),
  );
}

/** The chance of a recording: its keys and its random octets, which are given out once. */
export function recordedEphemerals(keys: ReadonlyMap<string, Agreement>, random: Buffer): Ephemerals {
  let rest = random;
  const shares = CURVES.slice(0, 2).map((group) => ({ group, agreement: agreement(group.name) }));
  function agreement(name: string): Agreement {
    const known = keys.get(name);
    if (known === undefined) throw new Error(`there is no key for ${name}`);
    return known;
  }
  return {
    shares,
    agreement: (group) => agreement(group.name),
    random(count) {
      const taken = rest.subarray(0, count);
      rest = rest.subarray(count);
      return taken;
    },
  };
}

/** A session that understands this flight. */
export function sessionFor(flight: RecordedFlight, keys: ReadonlyMap<string, Agreement>): HelloSession {
  return new HelloSession(
    {
      depth: flight.handshake === 'hello' ? 'handshake' : 'certificate',
      verifyPossession: flight.verifyPossession,
      serverName: flight.serverName,
      alpn: ['h2', 'http/1.1'],
      offerHybrid: false,
    },
    recordedEphemerals(keys, Buffer.from(flight.random, 'base64')),
  );
}

export function stagesOf(flight: RecordedFlight): readonly Buffer[] {
  return flight.stages.map((text) => Buffer.from(text, 'base64'));
}

/** Plays the stages into a session, in pieces of at most `size` octets; stops when it is over or does not answer. */
export function play(session: HelloSession, stages: readonly Buffer[], size = Number.POSITIVE_INFINITY): void {
  session.begin();
  for (const stage of stages) {
    for (let offset = 0; offset < stage.length && !session.over; offset += Math.min(size, stage.length)) {
      session.receive(stage.subarray(offset, offset + Math.min(size, stage.length)));
    }
  }
}
