import { spawnSync } from 'node:child_process';
import { crc32, gunzipSync } from 'node:zlib';

import fc from 'fast-check';
import { expect, test } from 'vitest';

import { gzipped, joinedChecksum, Piece } from '../../src/metrics/piece.ts';

test('pieces make one gzip member, whatever they hold and however they are cut', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 3_000 }), { maxLength: 8 }), (parts) => {
      const whole = Buffer.concat(gzipped(parts.map((part) => new Piece(part))));
      expect(gunzipSync(whole)).toEqual(Buffer.concat(parts));
    }),
    { numRuns: 100 },
  );
});

test('the checksum of two texts is that of both together, also of long ones', () => {
  const long = Buffer.alloc(3_000_001, 'notafter');
  for (const [a, b] of [
    [Buffer.from('a'), Buffer.alloc(0)],
    [Buffer.alloc(0), Buffer.from('b')],
    [long, long.subarray(0, 65_537)],
  ] as const) {
    expect(joinedChecksum(crc32(a), crc32(b), b.length)).toBe(crc32(Buffer.concat([a, b])));
  }
});

test('gzip itself unpacks it to the end', () => {
  const pieces = Array.from({ length: 50 }, (_, index) => new Piece(`notafter_up{location="${index}"} 1\n`.repeat(40)));
  const { stdout, status } = spawnSync('gzip', ['-dc'], { input: Buffer.concat(gzipped(pieces)) });

  expect(status).toBe(0);
  expect(stdout).toEqual(Buffer.concat(pieces.map(({ bytes }) => bytes)));
});
