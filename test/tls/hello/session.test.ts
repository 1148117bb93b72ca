import { describe, expect, test } from 'vitest';

import { handshakeMessage, records } from '../../helpers/raw-tls.ts';
import {
  importKeys,
  play,
  readRecording,
  sessionFor,
  stagesOf,
  type RecordedFlight,
} from '../../helpers/recorded-flights.ts';
import { seeded, tryMutation } from '../../helpers/tls-mutations.ts';

const recording = readRecording();
const keys = importKeys(recording.keys);

function title({ name, handshake, verifyPossession }: RecordedFlight): string {
  return `${name}, ${handshake}${verifyPossession ? ', possession' : ''}`;
}

const cases = recording.flights.map((flight) => [title(flight), flight] as const);

describe.each(cases)('a session over a recorded flight (%s)', (_title, flight) => {
  const stages = stagesOf(flight);
  const whole = sessionFor(flight, keys);
  play(whole, stages);

  test('reaches its goal', () => {
    expect(whole).toMatchObject({ achieved: true, over: true, fault: undefined, alert: undefined });
    expect(whole.established).toBe(flight.handshake === 'hello');
    expect(whole.sight.certificates?.certificates).toHaveLength(flight.name === 'TLS 1.3, small' ? 1 : 2);
    // The compressed one comes from a peer that signs nothing.
    const possession = flight.name === 'TLS 1.3, compressed' ? 'failed' : 'proven';
    expect(whole.sight.possession).toBe(flight.verifyPossession ? possession : undefined);
    expect(whole.sight.request !== undefined).toBe(flight.name.endsWith('asks'));
  });

  test('sees the same in whatever pieces it arrives', () => {
    for (const size of [1, 2, 3, 5, 17, 100, 1_000]) {
      const session = sessionFor(flight, keys);
      play(session, stages, size);
      expect(session.sight).toEqual(whole.sight);
      expect([session.achieved, session.established]).toEqual([true, whole.established]);
    }
  });

  test('waits for more, without a complaint, wherever it is cut off', () => {
    const lengths = stages.map(({ length }) => length);
    const total = lengths.reduce((sum, length) => sum + length, 0);
    let achievedAt = total;
    for (let cut = 0; cut < total; cut++) {
      const session = sessionFor(flight, keys);
      let left = cut;
      play(
        session,
        stages.map((stage) => {
          const part = stage.subarray(0, Math.max(0, left));
          left -= stage.length;
          return part;
        }),
      );
      expect(session.fault).toBeUndefined();
      expect(session.alert).toBeUndefined();
      if (session.achieved) {
        achievedAt = Math.min(achievedAt, cut);
        expect(session.sight).toEqual(whole.sight);
      } else {
        expect(cut).toBeLessThanOrEqual(achievedAt);
      }
    }
    // A whole handshake ends with the server's Finished; behind it nothing but session tickets is recorded.
    if (flight.handshake === 'hello') expect(total - achievedAt).toBeLessThan(600);
  });
});

describe('a session', () => {
  test('survives 20 000 mutated flights', () => {
    const ends = new Map<string, number>();
    for (let seed = 1; seed <= 20_000; seed++) {
      const end = tryMutation(recording.flights, keys, seed);
      ends.set(end, (ends.get(end) ?? 0) + 1);
    }
    // Mutations that a reader with open eyes notices, and some that do not matter.
    expect([...ends.keys()].toSorted()).toEqual(
      expect.arrayContaining(['achieved', 'fault:malformed', 'fault:not_tls', 'fault:undecryptable', 'waiting']),
    );
    expect(ends.get('achieved') ?? 0).toBeLessThan(10_000);
  });

  test('never takes a flight of TLS 1.3 for a complete handshake when a message in it was changed', () => {
    const flight = recording.flights.find(({ name }) => name === 'TLS 1.3, EC');
    if (flight === undefined) throw new Error('the recording is incomplete');
    const [stage = Buffer.alloc(0)] = stagesOf(flight);
    const random = seeded(7);
    const unchanged = sessionFor(flight, keys);
    play(unchanged, [stage]);
    let refused = 0;
    for (let round = 0; round < 500; round++) {
      const offset = Math.floor(random() * stage.length);
      // The header of the first record and the ChangeCipherSpec are not under any protection.
      const header = 5 + stage.readUInt16BE(3);
      if (offset < 5 || (offset >= header && offset < header + 6)) continue;
      const changed = Buffer.from(stage);
      changed.writeUInt8(changed.readUInt8(offset) ^ (1 << Math.floor(random() * 8)), offset);
      const session = sessionFor(flight, keys);
      play(session, [changed]);
      // The tag of a record is not read: a change of it changes nothing of what was said.
      if (session.established) expect([offset, session.sight]).toEqual([offset, unchanged.sight]);
      else refused += 1;
    }
    expect(refused).toBeGreaterThan(400);
  });

  test.each([
    ['a message of 16 MB', records(22, Buffer.from([11, 0xff, 0xff, 0xff, 0, 0])), 'too_large'],
    ['a hello that is none', records(22, handshakeMessage(2, Buffer.from([3, 3, 1]))), 'malformed'],
    ['a Finished at once', records(22, handshakeMessage(20, Buffer.alloc(32))), 'malformed'],
    ['a ChangeCipherSpec at once', records(20, Buffer.from([1])), 'malformed'],
    ['sealed data at once', records(23, Buffer.alloc(64)), 'malformed'],
    ['half an alert', records(21, Buffer.from([2])), 'malformed'],
    ['a record that is too long', Buffer.from([22, 3, 3, 0x50, 0]), 'not_tls'],
    ['SSL 2', Buffer.from([0x80, 0x2e, 1, 0, 2]), 'not_tls'],
  ])('gives %s a name', (_what, bytes, fault) => {
    const [flight] = recording.flights;
    if (flight === undefined) throw new Error('the recording is empty');
    const session = sessionFor(flight, keys);
    play(session, [bytes]);
    expect(session.fault).toBe(fault);
  });

  test('stops at a record count', () => {
    const [flight] = recording.flights;
    if (flight === undefined) throw new Error('the recording is empty');
    const session = sessionFor(flight, keys);
    // Empty records of handshake: nothing ever comes of them.
    play(
      session,
      Array.from({ length: 6_000 }, () => records(21, Buffer.from([1, 0]))),
    );
    expect(session.fault).toBe('too_large');
  });
});
