import { constants } from 'node:fs';
import { open, readdir, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { createGunzip } from 'node:zlib';

import { CollectError } from '../../src/plugin/error.ts';
import { MAX_LINE, type Scanner } from './scanner.ts';

/** Some milliseconds of work: others get their turn in between. */
const CHUNK = 512 * 1024;
/** Rotated files beside a log that are looked at. */
const MAX_SIBLINGS = 1_000;
/** Bytes that tell whether a file of the same number is the same file: numbers are used again. */
const HEAD = 256;

/** What stands behind the name of a rotated log: `.1`, `-20261123`, `.2.gz`, `-2026-11-23.log`. */
const ROTATED = /^[.-]\d[\w-]*(?:\.\d+)?(?:\.log)?(?:\.gz)?$/;
/** Read of one log in one look: the next one goes on. */
const MAX_BYTES = 16 * 1024 ** 3;

/** Where reading of a log stopped. */
export interface Position {
  /** Device and inode. */
  readonly file: string;
  /** Behind the last whole line that was read. */
  readonly offset: number;
  /** The first bytes of the file, in base64. */
  readonly head: string;
  /** Time of the last change of what was read, milliseconds since the epoch. */
  readonly changedAt: number;
}

/** What one look at a log has read. */
export interface LogRead {
  readonly position: Position;
  /** The rest of the file that was read last time could not be found any more. */
  readonly isTorn: boolean;
  readonly bytes: number;
}

/**
 * Reads on where the last look stopped: the rest of a file that was rotated away meanwhile, those that came and went in
 * between, then the log itself as it is now. The first look reads the rotated files that were changed since `sinceMs`, too.
 * Throws CollectError when the log cannot be read.
 */
export async function readOn(
  path: string,
  last: Position | undefined,
  sinceMs: number,
  scanner: Scanner,
  signal: AbortSignal,
): Promise<LogRead> {
  await using handle = await openLog(path);
  const current = await identify(handle);
  const isSame = last !== undefined && current.file === last.file && sameHead(last, current);
  if (isSame && current.size >= last.offset) {
    const offset = await readPlain(handle, last.offset, scanner, signal, MAX_BYTES);
    return { position: { ...last, ...position(current), offset }, isTorn: false, bytes: offset - last.offset };
  }
  // A file that is shorter than what was read was emptied in place (copytruncate): what was written into it between
  // the last look and then may be in the copy, which is another file.
  const older = await siblings(path, last?.changedAt ?? sinceMs, current.file);
  let bytes = 0;
  let isFound = last === undefined;
  for (const sibling of older) {
    signal.throwIfAborted();
    const rest = last === undefined ? 0 : await restOf(sibling, last, current.file === last.file);
    if (rest !== undefined) isFound = true;
    bytes += await readWhole(sibling, rest ?? 0, scanner, signal);
  }
  const offset = await readPlain(handle, 0, scanner, signal, MAX_BYTES);
  return { position: { ...position(current), offset }, isTorn: !isFound, bytes: bytes + offset };
}

interface Identity {
  readonly file: string;
  readonly size: number;
  readonly head: string;
  readonly changedAt: number;
}

interface Sibling {
  readonly path: string;
  readonly changedAt: number;
}

async function openLog(path: string): Promise<FileHandle> {
  try {
    // A FIFO must not make anybody wait.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if ((await handle.stat()).isFile()) return handle;
    await handle.close();
  } catch (error) {
    const { code = 'error' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new CollectError('not_found', `${path} does not exist; check the path, and that it is mounted here`);
    }
    if (code === 'EACCES' || code === 'EPERM') {
      throw new CollectError(
        'permission_denied',
        `${path} cannot be read: permission denied; add the user of notafter to the group of the log (most often adm)`,
      );
    }
    throw new CollectError('partial', `${path} cannot be read: the system says ${code}`, { cause: error });
  }
  throw new CollectError('unsupported', `${path} is not a regular file; it is not opened`);
}

async function identify(handle: FileHandle): Promise<Identity> {
  const { dev, ino, size, mtimeMs } = await handle.stat();
  const buffer = Buffer.alloc(Math.min(HEAD, size));
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
  return { file: `${dev}:${ino}`, size, head: buffer.toString('base64', 0, bytesRead), changedAt: mtimeMs };
}

function position({ file, head, changedAt }: Identity): Omit<Position, 'offset'> {
  return { file, head, changedAt };
}

/** Whether the file begins as it did: it may have been shorter than what is compared. */
function sameHead(last: Position, current: Pick<Identity, 'head'>): boolean {
  const before = Buffer.from(last.head, 'base64');
  return Buffer.from(current.head, 'base64').subarray(0, before.length).equals(before);
}

/** Rotated files of a log that were changed since a time, the oldest first: `log.1`, `log-20261123`, `log.2.gz`. */
async function siblings(path: string, sinceMs: number, current: string): Promise<readonly Sibling[]> {
  const folder = dirname(path);
  const name = basename(path);
  const stem = name.replace(/\.[^.]+$/, '');
  const names = (await readdir(folder)).filter(
    (other) =>
      (other.startsWith(name) && ROTATED.test(other.slice(name.length))) ||
      (stem !== name && other.startsWith(stem) && ROTATED.test(other.slice(stem.length))),
  );
  const found: Sibling[] = [];
  for (const other of names.slice(0, MAX_SIBLINGS)) {
    const where = join(folder, other);
    try {
      const stats = await stat(where);
      if (!stats.isFile() || `${stats.dev}:${stats.ino}` === current || stats.mtimeMs < Math.floor(sinceMs)) continue;
      found.push({ path: where, changedAt: stats.mtimeMs });
    } catch {
      // It went meanwhile.
    }
  }
  return found.toSorted((a, b) => a.changedAt - b.changedAt);
}

/**
 * How far a rotated file was read when it still was the log: it is the same file, or (`copied`, compressed) begins as that
 * one did. `undefined` for another.
 */
async function restOf(sibling: Sibling, last: Position, isCopied: boolean): Promise<number | undefined> {
  const handle = await open(sibling.path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const identity = await identify(handle);
    if (identity.file === last.file && sameHead(last, identity)) return last.offset;
    if (isCompressed(sibling.path)) return (await beginsAs(sibling.path, last.head)) ? last.offset : undefined;
    return isCopied && identity.size >= last.offset && sameHead(last, identity) ? last.offset : undefined;
  } finally {
    await handle.close();
  }
}

function isCompressed(path: string): boolean {
  return path.endsWith('.gz');
}

async function beginsAs(path: string, head: string): Promise<boolean> {
  const wanted = Buffer.from(head, 'base64');
  let found = Buffer.alloc(0);
  try {
    for await (const chunk of unzip(path)) {
      found = Buffer.concat([found, chunk.subarray(0, wanted.length)]);
      if (found.length >= wanted.length) break;
    }
  } catch {
    return false;
  }
  return found.subarray(0, wanted.length).equals(wanted);
}

async function* unzip(path: string): AsyncGenerator<Buffer, void, undefined> {
  const handle = await open(path, 'r');
  try {
    yield* handle
      .createReadStream({ autoClose: false })
      .pipe(createGunzip({ chunkSize: 64 * 1024 })) as AsyncIterable<Buffer>;
  } finally {
    await handle.close();
  }
}

async function readWhole(sibling: Sibling, skip: number, scanner: Scanner, signal: AbortSignal): Promise<number> {
  if (isCompressed(sibling.path)) return readStream(unzip(sibling.path), skip, scanner, signal);
  const handle = await open(sibling.path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!(await handle.stat()).isFile()) return 0;
    return (await readPlain(handle, skip, scanner, signal)) - skip;
  } finally {
    await handle.close();
  }
}

/** Reads the whole lines from an offset on; gives where the first line begins that has no end yet. */
async function readPlain(
  handle: FileHandle,
  from: number,
  scanner: Scanner,
  signal: AbortSignal,
  maxBytes = Infinity,
): Promise<number> {
  const lines = new LineFeed(scanner);
  let offset = from;
  for (;;) {
    signal.throwIfAborted();
    const space = lines.space();
    const { bytesRead } = await handle.read(space, 0, space.length, offset);
    if (bytesRead === 0 || offset - from >= maxBytes) return offset - lines.waiting;
    offset += bytesRead;
    lines.filled(bytesRead);
  }
}

/** The same for bytes as they come; gives how many there were behind those that are skipped. */
export async function readStream(
  chunks: AsyncIterable<Buffer>,
  skip: number,
  scanner: Scanner,
  signal: AbortSignal,
): Promise<number> {
  const lines = new LineFeed(scanner);
  let left = skip;
  let total = 0;
  for await (const chunk of chunks) {
    signal.throwIfAborted();
    let bytes = chunk;
    if (left > 0) {
      bytes = chunk.subarray(Math.min(left, chunk.length));
      left -= chunk.length - bytes.length;
    }
    total += bytes.length;
    while (bytes.length > 0) {
      const space = lines.space();
      const copied = bytes.copy(space);
      lines.filled(copied);
      bytes = bytes.subarray(copied);
    }
  }
  // What is complete may end without a line break.
  lines.end();
  return total;
}

/** Gives bytes to a scanner, and keeps the beginning of the line that is not complete yet. */
class LineFeed {
  private readonly scanner: Scanner;
  private readonly buffer = Buffer.allocUnsafeSlow(MAX_LINE + CHUNK);
  private length = 0;
  /** In the middle of a line that is too long to be one. */
  private isPassing = false;
  private passed = 0;

  constructor(scanner: Scanner) {
    this.scanner = scanner;
  }

  /** Bytes that wait for the end of their line. */
  get waiting(): number {
    return this.length + this.passed;
  }

  space(): Buffer {
    return this.buffer.subarray(this.length, this.length + CHUNK);
  }

  filled(bytes: number): void {
    let end = this.length + bytes;
    if (this.isPassing) {
      const newline = this.buffer.indexOf(0x0a);
      if (newline < 0 || newline >= end) {
        this.passed += end;
        this.length = 0;
        return;
      }
      this.isPassing = false;
      this.passed = 0;
      this.buffer.copy(this.buffer, 0, newline + 1, end);
      end -= newline + 1;
    }
    const used = this.scanner.scan(this.buffer, end);
    this.buffer.copy(this.buffer, 0, used, end);
    this.length = end - used;
    if (this.length <= MAX_LINE) return;
    this.scanner.passBy();
    this.isPassing = true;
    this.passed = this.length;
    this.length = 0;
  }

  end(): void {
    if (this.length === 0) return;
    this.buffer[this.length] = 0x0a;
    this.scanner.scan(this.buffer, this.length + 1);
  }
}
