import { closeSync, openSync, readSync } from 'node:fs';

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
/** The two magic numbers differ in the byte order in which checksums are made. */
const MAGIC_LITTLE = 0x377f0682;
const MAGIC_BIG = 0x377f0683;

/** What lies in the write-ahead log of a database. */
export interface Wal {
  /** The checksum that `pageSum` makes, of the latest committed image of each page. */
  readonly pages: ReadonlyMap<number, number>;
  /** Pages of transactions that were committed and that SQLite will not read, since something before them is damaged. */
  readonly lost: ReadonlySet<number>;
  /** What follows on the last readable transaction was one that was cut off, or one that is damaged: nobody can tell. */
  readonly isCut: boolean;
}

interface Header {
  readonly pageSize: number;
  readonly salt: bigint;
  readonly isBig: boolean;
  readonly isWhole: boolean;
  readonly sums: Sums;
}

/** The running checksum, https://sqlite.org/fileformat2.html#checksum_algorithm */
interface Sums {
  first: number;
  second: number;
}

const NOTHING: Wal = { pages: new Map(), lost: new Set(), isCut: false };

/**
 * Reads the log as SQLite would (https://sqlite.org/fileformat2.html#the_write_ahead_log), and says what it would pass over
 * in silence: SQLite takes the first frame that does not fit for the end, as after a lost power supply, whatever was
 * committed behind it. Nothing may be written meanwhile. `sum` makes the checksum of a page.
 */
export function readWal(path: string, sum: (page: Uint8Array) => number): Wal {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return NOTHING;
  }
  try {
    return readFrames(file, sum);
  } finally {
    closeSync(file);
  }
}

/** Whether the log holds so many frames of the present generation: two small reads. */
export function holdsFrames(file: number, frames: number, pageSize: number): boolean {
  const header = Buffer.alloc(HEADER_BYTES);
  const frame = Buffer.alloc(FRAME_HEADER_BYTES);
  const at = HEADER_BYTES + (frames - 1) * (FRAME_HEADER_BYTES + pageSize);
  return (
    readSync(file, header, 0, HEADER_BYTES, 0) === HEADER_BYTES &&
    readSync(file, frame, 0, FRAME_HEADER_BYTES, at) === FRAME_HEADER_BYTES &&
    header.readBigUInt64BE(16) === frame.readBigUInt64BE(8)
  );
}

function readFrames(file: number, sum: (page: Uint8Array) => number): Wal {
  const header = readHeader(file);
  if (header === undefined) return NOTHING;
  const frameBytes = FRAME_HEADER_BYTES + header.pageSize;
  const frame = Buffer.alloc(frameBytes);
  const pages = new Map<number, number>();
  const lost = new Set<number>();
  let open = new Map<number, number>();
  let salt = header.salt;
  let isFitting = header.isWhole;
  let commitsBehind = 0;
  for (let at = HEADER_BYTES; readSync(file, frame, 0, frameBytes, at) === frameBytes; at += frameBytes) {
    // A header that is damaged does not say which frames belong to it: those that belong to the first one.
    if (!header.isWhole && at === HEADER_BYTES) salt = frame.readBigUInt64BE(8);
    const isOurs = frame.readBigUInt64BE(8) === salt;
    const [number, sizeAfterCommit] = [frame.readUInt32BE(0), frame.readUInt32BE(4)];
    isFitting &&= isOurs && fits(frame, header);
    if (isFitting) {
      open.set(number, sum(frame.subarray(FRAME_HEADER_BYTES)));
      if (sizeAfterCommit === 0) continue;
      for (const [page, value] of open) pages.set(page, value);
      open = new Map();
    } else if (isOurs) {
      lost.add(number);
      if (sizeAfterCommit !== 0) commitsBehind += 1;
    }
  }
  // A single commit behind the damage may be one that lost power while it was written, and was never reported as done.
  const isDamaged = commitsBehind > (header.isWhole ? 1 : 0);
  return { pages, lost: isDamaged ? lost : new Set(), isCut: commitsBehind > 0 };
}

function readHeader(file: number): Header | undefined {
  const bytes = Buffer.alloc(HEADER_BYTES);
  if (readSync(file, bytes, 0, HEADER_BYTES, 0) < HEADER_BYTES) return undefined;
  const magic = bytes.readUInt32BE(0);
  const isBig = magic === MAGIC_BIG;
  const sums: Sums = { first: 0, second: 0 };
  add(sums, bytes.subarray(0, 24), isBig);
  const isWhole =
    (isBig || magic === MAGIC_LITTLE) &&
    sums.first === bytes.readUInt32BE(24) &&
    sums.second === bytes.readUInt32BE(28);
  const size = bytes.readUInt32BE(8);
  const isSize = size >= 512 && size <= 65_536 && (size & (size - 1)) === 0;
  return { pageSize: isSize ? size : 4_096, salt: bytes.readBigUInt64BE(16), isBig, isWhole, sums };
}

/** Whether the frame carries on the chain of checksums. */
function fits(frame: Buffer, { sums, isBig }: Header): boolean {
  add(sums, frame.subarray(0, 8), isBig);
  add(sums, frame.subarray(FRAME_HEADER_BYTES), isBig);
  return sums.first === frame.readUInt32BE(16) && sums.second === frame.readUInt32BE(20);
}

function add(sums: Sums, bytes: Buffer, isBig: boolean): void {
  let { first, second } = sums;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.byteLength; at += 8) {
    first = (first + view.getUint32(at, !isBig) + second) >>> 0;
    second = (second + view.getUint32(at + 4, !isBig) + first) >>> 0;
  }
  sums.first = first;
  sums.second = second;
}
