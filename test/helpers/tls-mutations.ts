import type { Agreement } from '../../src/tls/hello/groups.ts';
import { play, sessionFor, stagesOf, type RecordedFlight } from './recorded-flights.ts';

/** Numbers from 0 up to 1 that a seed determines: mulberry32. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Octets that lengths, types and versions like to go wrong with. */
const ODD = [0x00, 0x01, 0x02, 0x03, 0x0b, 0x0d, 0x14, 0x15, 0x16, 0x17, 0x7f, 0x80, 0xfe, 0xff];

/** Changes bytes, or takes away, doubles, adds or moves pieces of them. */
export function mutate(bytes: Buffer, random: () => number): Buffer {
  const pick = (limit: number): number => Math.floor(random() * limit);
  const at = pick(bytes.length + 1);
  const count = 1 + pick(random() < 0.8 ? 4 : 200);
  switch (pick(8)) {
    case 0:
    case 1: {
      const changed = Buffer.from(bytes);
      for (let index = at; index < Math.min(at + count, bytes.length); index++) changed[index] = pick(256);
      return changed;
    }
    case 2: {
      const changed = Buffer.from(bytes);
      if (at < bytes.length) changed[at] = ODD[pick(ODD.length)] ?? 0;
      return changed;
    }
    case 3: {
      // The beginning of a flight is in the clear: there is more to break than in what is sealed.
      const changed = Buffer.from(bytes);
      changed[pick(Math.min(150, bytes.length))] = random() < 0.5 ? pick(256) : (ODD[pick(ODD.length)] ?? 0);
      return changed;
    }
    case 4:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + count)]);
    case 5:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at, at + count), bytes.subarray(at)]);
    case 6: {
      const noise = Buffer.from(Array.from({ length: count }, () => pick(256)));
      return Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at)]);
    }
    default:
      return bytes.subarray(0, at);
  }
}

/** How a session over a mutated flight ended. */
export type MutationEnd = 'achieved' | 'waiting' | 'alert' | `fault:${string}`;

/** Plays one mutated flight; throws when the session throws or contradicts itself. */
export function tryMutation(
  flights: readonly RecordedFlight[],
  keys: ReadonlyMap<string, Agreement>,
  seed: number,
): MutationEnd {
  const random = seeded(seed);
  const flight = flights[Math.floor(random() * flights.length)];
  if (flight === undefined) throw new Error('there are no flights');
  let stages = stagesOf(flight);
  const rounds = 1 + Math.floor(random() * 3);
  for (let round = 0; round < rounds; round++) {
    const which = Math.floor(random() * stages.length);
    stages = stages.map((stage, index) => (index === which ? mutate(stage, random) : stage));
  }
  const session = sessionFor(flight, keys);
  play(session, stages, random() < 0.3 ? 1 + Math.floor(random() * 100) : undefined);
  const { sight } = session;
  if (session.established && (sight.certificates === undefined || !session.achieved)) {
    throw new Error('a handshake is complete without a certificate');
  }
  if (flight.handshake === 'hello' && session.achieved !== session.established) {
    throw new Error('a session is content with half a handshake');
  }
  if (session.achieved) return 'achieved';
  if (session.alert !== undefined) return 'alert';
  return session.fault === undefined ? 'waiting' : `fault:${session.fault}`;
}
