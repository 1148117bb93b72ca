import { Duplex } from 'node:stream';

/** How bytes are dressed on a connection. Neither direction ever refuses: what makes no sense goes on as it is. */
export interface Framing {
  inbound(bytes: Buffer): Buffer;
  outbound(bytes: Buffer): Buffer;
}

/** A stream over the socket with this framing, which ends as the socket does, and the socket with it. */
export function createLayer(socket: Duplex, framing: Framing): Duplex {
  const layer = new Duplex({
    read() {
      socket.resume();
    },
    write(bytes: Buffer, _encoding, done) {
      if (socket.destroyed || socket.writableEnded) done();
      else socket.write(framing.outbound(bytes), () => done());
    },
    final(done) {
      if (socket.destroyed || socket.writableEnded) done();
      else socket.end(() => done());
    },
    destroy(error, done) {
      socket.destroy();
      done(error);
    },
  });
  // The reader's own listener hears of it; without one, an error must not end the process.
  layer.on('error', () => undefined);

  socket.on('data', (bytes: Buffer) => {
    const inner = framing.inbound(bytes);
    if (inner.length > 0 && !layer.destroyed && !layer.push(inner)) socket.pause();
  });
  socket.on('end', () => {
    if (!layer.destroyed) layer.push(null);
  });
  socket.on('error', (error) => layer.destroy(error));
  socket.on('close', () => layer.destroy());
  if (socket.destroyed) layer.destroy();
  else if (socket.readableEnded) layer.push(null);
  return layer;
}
