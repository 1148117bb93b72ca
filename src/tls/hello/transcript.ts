import { digest, type HashName } from '../hkdf.ts';
import { MESSAGE } from '../handshake-messages.ts';
import { MAX_BYTES } from '../server-flight.ts';
import { HelloFault } from './fault.ts';

const FIRST_LENGTH = 3_072;
const HEADER_LENGTH = 4;

/** One handshake message; a view. */
export interface Message {
  readonly type: number;
  readonly body: Buffer;
  /** Where in the transcript it begins and ends. */
  readonly start: number;
  readonly end: number;
}

/**
 * Every handshake message of both sides, in order, in one piece: what the server's are read from as they arrive, and what
 * all hashes of a handshake are taken over.
 */
export class Transcript {
  private bytes = Buffer.allocUnsafe(FIRST_LENGTH);
  private length = 0;
  private cursor = 0;

  /** Adds a message of ours; nothing of the server's may wait to be read. */
  addOwn(message: Uint8Array): void {
    if (this.waiting) throw new HelloFault('malformed');
    this.addServers(message);
    this.cursor = this.length;
  }

  /** Adds what the server sent: any piece of its messages. */
  addServers(piece: Uint8Array): void {
    const end = this.length + piece.length;
    if (end > this.bytes.length) {
      // Never in place: views of messages stay what they are.
      const grown = Buffer.allocUnsafe(2 * end);
      this.bytes.copy(grown, 0, 0, this.length);
      this.bytes = grown;
    }
    this.bytes.set(piece, this.length);
    this.length = end;
  }

  /** Whether part of a message, or a message that was not taken yet, is there. */
  get waiting(): boolean {
    return this.cursor < this.length;
  }

  /** Where the messages that were taken end. */
  get end(): number {
    return this.cursor;
  }

  /** The server's next message; undefined when more bytes are needed. */
  next(): Message | undefined {
    const start = this.cursor;
    const bodyStart = start + HEADER_LENGTH;
    if (bodyStart > this.length) return undefined;
    const end = bodyStart + this.bytes.readUIntBE(start + 1, 3);
    if (end - start > MAX_BYTES) throw new HelloFault('too_large');
    if (end > this.length) return undefined;
    this.cursor = end;
    return { type: this.bytes.readUInt8(start), body: this.bytes.subarray(bodyStart, end), start, end };
  }

  /** A view of the messages up to a position. */
  upTo(end: number): Buffer {
    return this.bytes.subarray(0, end);
  }

  /** The hash over the messages up to a position. */
  hash(name: HashName, end: number): Buffer {
    return digest(name, this.upTo(end));
  }

  /** Puts the hash of what stands before a HelloRetryRequest in its place, RFC 8446 section 4.4.1. */
  replaceBefore(retry: Message, name: HashName): void {
    const first = this.hash(name, retry.start);
    const rest = Buffer.from(this.bytes.subarray(retry.start, this.length));
    this.length = 0;
    this.addServers(Buffer.from([MESSAGE.messageHash, 0, 0, first.length]));
    this.addServers(first);
    this.addServers(rest);
    this.cursor = this.length;
  }
}
