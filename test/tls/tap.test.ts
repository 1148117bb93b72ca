import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';

import { createTap } from '../../src/tls/tap.ts';

/** A socket that remembers each write, and takes its time with the first. */
function slowSocket(): { readonly socket: Duplex; readonly writes: string[]; release(): void } {
  const writes: string[] = [];
  let release = (): void => undefined;
  const socket = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      writes.push(chunk.toString());
      if (writes.length === 1) release = done;
      else done();
    },
  });
  return { socket, writes, release: () => release() };
}

test('what the TLS library sends at once goes out in one piece, and is shown so', async () => {
  const { socket, writes, release } = slowSocket();
  const shown: string[] = [];
  const tap = createTap(
    socket,
    () => undefined,
    (bytes) => shown.push(bytes.toString()),
  );
  tap.cork();
  for (const part of ['certificate', ' key', ' finished']) tap.write(part);
  tap.uncork();
  tap.write('more');
  tap.write(' and more');
  release();
  await new Promise((resolve) => tap.end(resolve));
  expect(writes).toEqual(['certificate key finished', 'more and more']);
  expect(shown).toEqual(writes);
});

test('what arrives is shown before the library has it, also when the library has given up', async () => {
  const { socket } = slowSocket();
  const shown: string[] = [];
  const tap = createTap(socket, (bytes) => shown.push(bytes.toString()));
  const got: string[] = [];
  tap.on('data', (chunk: Buffer) => got.push(`${chunk.toString()} after ${shown.join(' ')}`));
  socket.push('one');
  await expect.poll(() => got).toEqual(['one after one']);
  tap.destroy();
  socket.push('two');
  await expect.poll(() => shown).toEqual(['one', 'two']);
  socket.destroy();
});
