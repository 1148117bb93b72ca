import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { ServerFlight } from '../../src/tls/server-flight.ts';
import { nameOf, selfSigned } from '../helpers/pki.ts';
import { alertRecord, records, tls12Flight, tls12List } from '../helpers/raw-tls.ts';

const certificates = [selfSigned().der, selfSigned().der];
const bytes = records(22, tls12Flight(tls12List(certificates), [nameOf('Partner CA')]), 400);

/** A flight that was fed with these bytes, cut at these places. */
function read(input: Buffer, cuts: readonly number[] = []): ServerFlight {
  const flight = new ServerFlight();
  const places = [0, ...cuts.map((cut) => cut % (input.length + 1)), input.length].toSorted(
    (one, other) => one - other,
  );
  for (const [index, from] of places.entries()) flight.push(input.subarray(from, places[index + 1]));
  return flight;
}

describe('a server flight', () => {
  test('is the same however the bytes arrive', () => {
    fc.assert(
      fc.property(fc.array(fc.nat()), (cuts) => {
        const { version, suite, complete, fault, certificates: list, acceptableIssuers } = read(bytes, cuts);
        expect({ version, suite, complete, fault, list, issuers: acceptableIssuers?.length }).toEqual({
          version: 0x0303,
          suite: 0xc02b,
          complete: true,
          fault: undefined,
          list: { certificates, count: 2 },
          issuers: 1,
        });
      }),
    );
  });

  test('is read without a throw whatever arrives, and gives no more than it was given', () => {
    const changes = fc.array(fc.record({ at: fc.nat(bytes.length - 1), to: fc.nat(255) }), { maxLength: 8 });
    fc.assert(
      fc.property(changes, fc.array(fc.nat()), fc.nat(bytes.length), (edits, cuts, length) => {
        const mutated = Buffer.from(bytes);
        for (const { at, to } of edits) mutated[at] = to;
        const flight = read(mutated.subarray(0, length), cuts);
        const given = Buffer.concat(flight.certificates?.certificates ?? []).length;
        expect(given).toBeLessThanOrEqual(length);
      }),
      { numRuns: 1_000 },
    );
  });

  test('knows after one byte that SSH is no TLS', () => {
    expect(read(Buffer.from('S')).fault).toBe('not_tls');
    expect(read(Buffer.from([22])).fault).toBeUndefined();
  });

  test('reads the judgement that follows the flight in the clear', () => {
    const flight = read(Buffer.concat([bytes, alertRecord(2, 40)]));
    expect([flight.complete, flight.alert]).toEqual([true, { number: 40, name: 'handshake_failure' }]);
  });

  test('does not take what is sealed for an alert', () => {
    const changed = records(20, Buffer.from([1]));
    const flight = read(Buffer.concat([bytes, changed, alertRecord(2, 40)]));
    expect(flight.alert).toBeUndefined();
  });

  test('stops at a number of records', () => {
    const flight = read(Buffer.concat(Array.from({ length: 5_001 }, () => records(22, Buffer.from([0])))));
    expect(flight.fault).toBe('too_large');
  });

  test('overwrites the line of the key log that it was given', () => {
    const flight = read(bytes);
    const line = Buffer.from(`SERVER_HANDSHAKE_TRAFFIC_SECRET ${'00'.repeat(32)} ${'ab'.repeat(32)}\n`);
    flight.useKeyLog(line);
    expect(line.every((octet) => octet === 0)).toBe(true);
  });
});
