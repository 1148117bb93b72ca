import { ByteQueue } from '../byte-queue.ts';
import { HEADER_LENGTH, MAX_PAYLOAD, startsRecord } from '../records.ts';
import { HelloFault } from './fault.ts';

/** Takes one record; both views are valid within the call alone. Says whether to go on. */
export type TakeRecord = (header: Buffer, payload: Buffer) => boolean;

/** Cuts a stream of bytes into records. What arrives whole, as most flights do, is not copied. */
export class RecordStream {
  private readonly rest = new ByteQueue();

  /** Throws HelloFault when what is next is no record. */
  push(bytes: Buffer, take: TakeRecord): void {
    if (this.rest.length > 0) {
      this.rest.push(bytes);
      for (let length = recordLength(this.head()); length !== undefined && length <= this.rest.length;) {
        const record = this.rest.take(length);
        if (!take(record.subarray(0, HEADER_LENGTH), record.subarray(HEADER_LENGTH))) return;
        length = recordLength(this.head());
      }
      return;
    }
    let offset = 0;
    for (;;) {
      const left = bytes.subarray(offset);
      let length: number | undefined;
      try {
        length = recordLength(left);
      } catch (error) {
        this.rest.push(left);
        throw error;
      }
      if (length === undefined || length > left.length) {
        if (left.length > 0) this.rest.push(left);
        return;
      }
      offset += length;
      if (!take(left.subarray(0, HEADER_LENGTH), left.subarray(HEADER_LENGTH, length))) return;
    }
  }

  /** The first bytes that were not taken yet: what a server said that is no record. */
  firstBytes(): Buffer {
    return Buffer.from(this.rest.peek(16));
  }

  private head(): Buffer {
    return this.rest.peek(HEADER_LENGTH);
  }
}

/** The length of the record that begins here, header included; undefined when too little is there to tell. */
function recordLength(bytes: Buffer): number | undefined {
  if (!startsRecord(bytes)) throw new HelloFault('not_tls');
  if (bytes.length < HEADER_LENGTH) return undefined;
  const length = bytes.readUInt16BE(3);
  if (length > MAX_PAYLOAD) throw new HelloFault('not_tls');
  return HEADER_LENGTH + length;
}
