import { Duplex } from 'node:stream';

/**
 * Stands between a socket and the TLS library, and shows every inbound byte to `onInbound` before the library gets it,
 * and every outbound byte to `onOutbound` when the library sends it.
 *
 * When the library has had enough and destroys the tap, the socket lives on and what still arrives is still shown: a
 * certificate that the library refuses is one that somebody wants to hear of. The socket is its owner's to destroy.
 */
export function createTap(
  socket: Duplex,
  onInbound: (chunk: Buffer) => void,
  onOutbound?: (chunk: Buffer) => void,
): Duplex {
  function send(bytes: Buffer, done: () => void): void {
    onOutbound?.(bytes);
    if (socket.destroyed || socket.writableEnded) done();
    else socket.write(bytes, () => done());
  }
  const tap = new Duplex({
    read() {
      socket.resume();
    },
    write(chunk: Buffer, _encoding, done) {
      send(chunk, done);
    },
    // In one piece: a write that meets the reset of a server which has judged after the first half fails, and the alert
    // that came before the reset is never read.
    writev(chunks, done) {
      send(Buffer.concat(chunks.map(({ chunk }) => chunk as Buffer)), done);
    },
    final(done) {
      if (socket.destroyed || socket.writableEnded) done();
      else socket.end(() => done());
    },
    destroy(_error, done) {
      socket.resume();
      done(null);
    },
  });

  socket.on('data', (chunk: Buffer) => {
    onInbound(chunk);
    if (!tap.destroyed && !tap.readableEnded && !tap.push(chunk)) socket.pause();
  });
  socket.on('end', () => {
    if (!tap.destroyed) tap.push(null);
  });
  socket.on('close', () => {
    tap.destroy();
  });
  return tap;
}
