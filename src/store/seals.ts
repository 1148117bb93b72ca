import { closeSync, existsSync, fstatSync, fsyncSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';

import { createPrivateFile } from './private-file.ts';
import { readWal, type Wal } from './wal.ts';

/*
 * SQLite has no checksums: a bit that flips on the disk inside of a value is read as another value, and a certificate
 * ends in another year. So a checksum of each page lies in a file beside the store. It is written before SQLite carries
 * pages from its log (which has checksums of its own) into the file, so that whenever the process dies each page is
 * either in the log or as its checksum says.
 */

const MAGIC = 0x4e41_5331; // "NAS1"
const HEADER_BYTES = 12;
/** Where the header of a database holds its page size and the number that a program may set (`user_version`). */
const DATABASE_MAGIC = 'SQLite format 3\0';
const PAGE_SIZE_AT = 16;
const USER_VERSION_AT = 60;
const DATABASE_HEADER_BYTES = 100;
const READ_BYTES = 1024 * 1024;
/** Where more than this share of the pages is another, the file was rewritten (VACUUM, a copy put in its place). */
const REWRITTEN_SHARE = 0.25;
const REWRITTEN_AT_LEAST = 8;

/** What a look at the files of a store shows, before SQLite opens them. */
export interface Examination {
  /**
   * `sound`: every byte is as it was written. `unproven`: there are no checksums that belong to this file, or another
   * program has rewritten it; only its structure can be checked. `damaged`: the pages named are not as they were written.
   */
  readonly verdict: 'sound' | 'unproven' | 'damaged';
  readonly pages: ReadonlySet<number>;
  /** Nothing shows that it ever was a store: it must be left alone. */
  readonly isForeign: boolean;
  readonly sums: readonly number[];
  readonly pageSize: number;
}

/** Kept beside an open store. */
export interface Seals {
  /** Takes in what the log holds. To be called before the log is carried into the file. */
  note(): void;
}

export function sealsPath(file: string): string {
  return `${file}.seals`;
}

/** Never zero, which stands for a page of which nothing is known. */
export function pageSum(page: Uint8Array): number {
  return crc32(page) || 1;
}

/**
 * Reads every byte of the file and its log. No connection to the file may be open in this process: closing the file
 * would drop its locks (https://sqlite.org/howtocorrupt.html section 2.2).
 */
export function examine(file: string): Examination {
  const wal = readWal(`${file}-wal`, pageSum);
  const { pageSize, generation, sums, isDatabase } = readPages(file);
  const seals = readSeals(sealsPath(file));
  const known = { sums, pageSize, isForeign: seals === undefined && !isDatabase && sums.length > 0 };
  // An empty file would be taken for a new one.
  if (seals !== undefined && seals.sums.length > 0 && !isDatabase) {
    return { verdict: 'damaged', pages: new Set(seals.sums.map((_, index) => index + 1)), ...known };
  }
  if (wal.lost.size > 0) return { verdict: 'damaged', pages: wal.lost, ...known };
  if (seals === undefined || seals.generation !== generation || generation === 0 || seals.pageSize !== pageSize) {
    return { verdict: 'unproven', pages: new Set(), ...known };
  }
  const pages = broken(sums, seals.sums, wal);
  if (pages.size >= REWRITTEN_AT_LEAST && pages.size > sums.length * REWRITTEN_SHARE) {
    return { verdict: 'unproven', pages, ...known };
  }
  if (pages.size > 0) return { verdict: 'damaged', pages, ...known };
  return { verdict: wal.isCut ? 'unproven' : 'sound', pages, ...known };
}

/** Begins to keep checksums of a file that holds this number as its `user_version`. */
export function keepSeals(
  file: string,
  examination: Pick<Examination, 'sums' | 'pageSize'>,
  generation: number,
): Seals {
  const { pageSize } = examination;
  const sums = [...examination.sums];
  const path = sealsPath(file);

  function take({ pages }: Wal): readonly number[] {
    for (const [page, sum] of pages) {
      while (sums.length < page) sums.push(0);
      sums[page - 1] = sum;
    }
    return [...pages.keys()];
  }

  function write(from: number, to: number): void {
    createPrivateFile(path);
    const target = openSync(path, 'r+');
    try {
      const header = Buffer.alloc(HEADER_BYTES);
      header.writeUInt32BE(MAGIC, 0);
      header.writeUInt32BE(generation, 4);
      header.writeUInt32BE(pageSize, 8);
      writeSync(target, header, 0, HEADER_BYTES, 0);
      const values = Buffer.alloc((to - from) * 4);
      for (let index = from; index < to; index += 1) values.writeUInt32BE(sums[index] ?? 0, (index - from) * 4);
      writeSync(target, values, 0, values.length, HEADER_BYTES + from * 4);
      fsyncSync(target);
    } finally {
      closeSync(target);
    }
  }

  /** Without checksums a store is still a store; with old ones it would be taken for damaged. */
  function writeOrForget(from: number, to: number): void {
    try {
      if (existsSync(path)) write(from, to);
      else write(0, sums.length);
    } catch {
      rmSync(path, { force: true });
    }
  }

  rmSync(path, { force: true });
  take(readWal(`${file}-wal`, pageSum));
  writeOrForget(0, sums.length);
  return {
    note() {
      const changed = take(readWal(`${file}-wal`, pageSum));
      if (changed.length === 0) return;
      let [from, to] = [Infinity, 0];
      for (const page of changed) [from, to] = [Math.min(from, page - 1), Math.max(to, page)];
      writeOrForget(from, to);
    },
  };
}

/** Pages that are neither in the log nor as their checksum says, and those that are missing. */
function broken(present: readonly number[], sealed: readonly number[], { pages }: Wal): ReadonlySet<number> {
  const found = new Set<number>();
  for (let index = 0; index < Math.max(present.length, sealed.length); index += 1) {
    if (present[index] !== sealed[index] && !pages.has(index + 1)) found.add(index + 1);
  }
  return found;
}

interface Pages {
  readonly isDatabase: boolean;
  readonly pageSize: number;
  readonly generation: number;
  readonly sums: readonly number[];
}

function readPages(file: string): Pages {
  const sums: number[] = [];
  const source = openSync(file, 'r');
  try {
    const header = Buffer.alloc(DATABASE_HEADER_BYTES);
    readSync(source, header, 0, DATABASE_HEADER_BYTES, 0);
    const size = header.readUInt16BE(PAGE_SIZE_AT);
    const pageSize = size >= 512 && (size & (size - 1)) === 0 ? size : 4_096;
    const buffer = Buffer.alloc(READ_BYTES);
    for (let at = 0; ;) {
      const count = readSync(source, buffer, 0, READ_BYTES, at);
      for (let start = 0; start < count; start += pageSize) {
        sums.push(pageSum(buffer.subarray(start, Math.min(start + pageSize, count))));
      }
      at += count;
      if (count < READ_BYTES) break;
    }
    return {
      isDatabase: header.toString('latin1', 0, DATABASE_MAGIC.length) === DATABASE_MAGIC,
      pageSize,
      generation: header.readUInt32BE(USER_VERSION_AT),
      sums,
    };
  } finally {
    closeSync(source);
  }
}

function readSeals(
  path: string,
): { readonly generation: number; readonly pageSize: number; readonly sums: readonly number[] } | undefined {
  let source: number;
  try {
    source = openSync(path, 'r');
  } catch {
    return undefined;
  }
  try {
    const bytes = Buffer.alloc(fstatSync(source).size);
    const count = readSync(source, bytes, 0, bytes.length, 0);
    if (count < HEADER_BYTES || bytes.readUInt32BE(0) !== MAGIC) return undefined;
    const sums = Array.from({ length: Math.floor((count - HEADER_BYTES) / 4) }, (_, index) =>
      bytes.readUInt32BE(HEADER_BYTES + index * 4),
    );
    return { generation: bytes.readUInt32BE(4), pageSize: bytes.readUInt32BE(8), sums };
  } finally {
    closeSync(source);
  }
}
