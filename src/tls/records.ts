import { ByteQueue } from './byte-queue.ts';

/** Record content types, RFC 8446 section 5.1. */
export const CONTENT = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23 } as const;

export const HEADER_LENGTH = 5;

/** RFC 5246 section 6.2.3, the widest of all versions: 2^14 plus 2048. */
export const MAX_PAYLOAD = 16_384 + 2_048;

/** One record; both views are copies. */
export interface TlsRecord {
  readonly type: number;
  /** The five octets of the header: the additional data of TLS 1.3. */
  readonly header: Buffer;
  readonly payload: Buffer;
}

/** Cuts a stream of bytes into TLS records. */
export class RecordReader {
  private readonly queue = new ByteQueue();
  private broken = false;

  push(bytes: Uint8Array): void {
    this.queue.push(bytes);
  }

  /** The next complete record; `undefined` when more bytes are needed, `not_tls` once and for all when what is next is no record. */
  next(): TlsRecord | undefined | 'not_tls' {
    const header = this.queue.peek(HEADER_LENGTH);
    if (this.broken || !startsRecord(header)) {
      this.broken = true;
      return 'not_tls';
    }
    if (header.length < HEADER_LENGTH) return undefined;
    const length = header.readUInt16BE(3);
    if (length > MAX_PAYLOAD) {
      this.broken = true;
      return 'not_tls';
    }
    if (this.queue.length < HEADER_LENGTH + length) return undefined;
    const record = Buffer.from(this.queue.take(HEADER_LENGTH + length));
    return {
      type: record.readUInt8(0),
      header: record.subarray(0, HEADER_LENGTH),
      payload: record.subarray(HEADER_LENGTH),
    };
  }

  /** The first bytes that were not taken yet: what a server said that is no record. */
  rest(count: number): Buffer {
    return Buffer.from(this.queue.peek(count));
  }
}

/** Whether these bytes, as far as they are there, begin a record of SSL 3 to TLS 1.3. */
export function startsRecord(bytes: Buffer): boolean {
  const [type, major, minor] = bytes;
  if (type !== undefined && (type < CONTENT.changeCipherSpec || type > CONTENT.applicationData)) return false;
  if (major !== undefined && major !== 3) return false;
  return minor === undefined || minor <= 4;
}
