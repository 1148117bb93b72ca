import { ByteQueue } from '../byte-queue.ts';
import { CONTENT, HEADER_LENGTH } from '../records.ts';
import type { Dialogue } from './dialogue.ts';
import type { Framing } from './layer.ts';

/** MS-TDS section 2.2.3.1. */
const PACKET = { reply: 0x04, preLogin: 0x12 } as const;
const PACKET_HEADER = 8;
const END_OF_MESSAGE = 1;
/** The size of packets before one was negotiated, header included. */
const PACKET_SIZE = 4_096;

/** MS-TDS section 2.2.6.5. */
const OPTION = { version: 0, encryption: 1, instance: 2, thread: 3, mars: 4, terminator: 0xff } as const;
const ENCRYPTION = { on: 1, notSupported: 2 } as const;

/** A PRELOGIN response has a handful of options. */
const MAX_PRELOGIN = 4_096;

/** Microsoft SQL Server up to TDS 7.4: TLS travels inside PRELOGIN packets until its handshake ends (MS-TDS 3.2.5.2). */
export const mssql: Dialogue = {
  name: 'TDS',
  framing: () => new TdsFraming(),
  async agree(exchange) {
    exchange.send(dress(preLogin()));
    const head = await exchange.take(PACKET_HEADER);
    const length = head.readUInt16BE(2);
    const isReply = head[0] === PACKET.reply || head[0] === PACKET.preLogin;
    if (!isReply || head[1] !== END_OF_MESSAGE || length <= PACKET_HEADER) throw exchange.foreign();
    if (length > MAX_PRELOGIN) {
      throw exchange.failure('too_large', `announces a TDS packet of ${length} octets before TLS`);
    }
    const encryption = encryptionIn(await exchange.take(length - PACKET_HEADER));
    if (encryption === undefined) throw exchange.foreign();
    if (encryption === ENCRYPTION.notSupported) throw exchange.notOffered('its PRELOGIN says ENCRYPT_NOT_SUP');
  },
};

/** A PRELOGIN message that asks for encryption: a table of options, and their data behind it. */
function preLogin(): Buffer {
  const options: readonly (readonly [number, Buffer])[] = [
    [OPTION.version, Buffer.alloc(6)],
    [OPTION.encryption, Buffer.from([ENCRYPTION.on])],
    [OPTION.instance, Buffer.alloc(1)],
    [OPTION.thread, Buffer.alloc(4)],
    [OPTION.mars, Buffer.alloc(1)],
  ];
  const table = Buffer.alloc(5 * options.length + 1, OPTION.terminator);
  let offset = table.length;
  for (const [index, [token, data]] of options.entries()) {
    table.writeUInt8(token, 5 * index);
    table.writeUInt16BE(offset, 5 * index + 1);
    table.writeUInt16BE(data.length, 5 * index + 3);
    offset += data.length;
  }
  return Buffer.concat([table, ...options.map(([, data]) => data)]);
}

/** The ENCRYPTION option; undefined when there is none, or the table lies about where it is. */
function encryptionIn(message: Buffer): number | undefined {
  for (let at = 0; at + 5 <= message.length && message[at] !== OPTION.terminator; at += 5) {
    if (message[at] === OPTION.encryption) return message[message.readUInt16BE(at + 1)];
  }
  return undefined;
}

/** The bytes in PRELOGIN packets. */
function dress(bytes: Buffer): Buffer {
  const packets: Buffer[] = [];
  for (let start = 0; start < bytes.length; start += PACKET_SIZE - PACKET_HEADER) {
    const data = bytes.subarray(start, start + PACKET_SIZE - PACKET_HEADER);
    const head = Buffer.from([PACKET.preLogin, 0, 0, 0, 0, 0, packets.length % 256, 0]);
    if (start + data.length === bytes.length) head.writeUInt8(END_OF_MESSAGE, 1);
    head.writeUInt16BE(PACKET_HEADER + data.length, 2);
    packets.push(Buffer.concat([head, data]));
  }
  return Buffer.concat(packets);
}

/**
 * What is sent is dressed up to our Finished, the first record behind our ChangeCipherSpec. What is received tells by its
 * first octet whether it is a packet or a record that comes bare.
 */
class TdsFraming implements Framing {
  private readonly packets = new ByteQueue();
  private readonly records = new RecordCounter();
  private bare = false;

  inbound(bytes: Buffer): Buffer {
    if (this.bare) return bytes;
    this.packets.push(bytes);
    const contents: Buffer[] = [];
    for (;;) {
      const head = this.packets.peek(PACKET_HEADER);
      const [type] = head;
      const isPacket = type === undefined || type === PACKET.preLogin || type === PACKET.reply;
      const length = head.length < 4 ? PACKET_HEADER : head.readUInt16BE(2);
      if (!isPacket || length < PACKET_HEADER) {
        this.bare = true;
        contents.push(Buffer.from(this.packets.take(this.packets.length)));
        break;
      }
      if (head.length < PACKET_HEADER || this.packets.length < length) break;
      contents.push(Buffer.from(this.packets.take(length).subarray(PACKET_HEADER)));
    }
    return Buffer.concat(contents);
  }

  outbound(bytes: Buffer): Buffer {
    const dressed = this.records.untilFinished(bytes);
    return Buffer.concat([dress(bytes.subarray(0, dressed)), bytes.subarray(dressed)]);
  }
}

/** Follows our own records, however they are cut, up to the one behind ChangeCipherSpec. */
class RecordCounter {
  private readonly header = Buffer.alloc(HEADER_LENGTH);
  private headerLength = 0;
  /** Octets of the current record that are still to come. */
  private left = 0;
  private changed = false;
  private last = false;
  private done = false;

  /** How many of these octets are up to and with the Finished. */
  untilFinished(bytes: Buffer): number {
    let at = 0;
    while (at < bytes.length && !this.done) {
      if (this.left > 0) {
        const taken = Math.min(this.left, bytes.length - at);
        this.left -= taken;
        at += taken;
        this.done = this.left === 0 && this.last;
        continue;
      }
      this.header.writeUInt8(bytes.readUInt8(at++), this.headerLength++);
      if (this.headerLength < HEADER_LENGTH) continue;
      this.headerLength = 0;
      this.left = this.header.readUInt16BE(3);
      this.last = this.changed;
      this.changed ||= this.header[0] === CONTENT.changeCipherSpec;
    }
    return at;
  }
}
