import { closeSync, constants, fstatSync, openSync, readSync, statSync, type Stats } from 'node:fs';

import { failureOf, type Failure } from './failure.ts';

/** Raised when the readers learn something new: files that did not change are then read again. */
const READER = 3;

/** Most files are smaller: they are read into the same memory, one after the other. */
const SHARED_BYTES = 64 * 1024;
const shared = Buffer.allocUnsafeSlow(SHARED_BYTES);

/** A regular file as it was at one moment. */
export interface FileState {
  /** Changes with the content, also when a tool sets the modification time back: that moves the time of the last change. */
  readonly version: string;
  /** When it was last changed in any way, milliseconds since the epoch. */
  readonly changedAt: number;
}

/** A file that was read. */
export interface FileContent {
  readonly state: FileState;
  /** Of nobody else when it is `owned`; else good until the next file is read. */
  readonly bytes: Buffer;
  readonly owned: boolean;
}

/** What can be known of a file without opening it: opening a FIFO waits, opening a device may do something. */
export function stateOf(path: string): FileState | Failure {
  try {
    return regular(statSync(path), path);
  } catch (error) {
    return failureOf(error, path, 'file');
  }
}

export function isFailure(result: object): result is Failure {
  return 'reason' in result;
}

/** The bytes to keep: where they lie in shared memory, the next file overwrites them as soon as others have their turn. */
export function ownBytes({ bytes, owned }: FileContent): Buffer {
  return owned ? bytes : Buffer.from(bytes);
}

/** The whole content of a regular file of at most `maxBytes`; what is no regular file is not opened. */
export function readBounded(path: string, maxBytes: number): FileContent | Failure {
  const before = stateOf(path);
  return isFailure(before) ? before : readRegular(path, maxBytes);
}

/** The same for what has just been seen to be a regular file. */
export function readRegular(path: string, maxBytes: number): FileContent | Failure {
  let descriptor: number;
  try {
    // Should it have become a FIFO since it was looked at, opening must not wait for a writer.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    return failureOf(error, path, 'file');
  }
  try {
    const stats = fstatSync(descriptor);
    const state = regular(stats, path);
    if (isFailure(state)) return state;
    if (stats.size > maxBytes) return tooLarge(path, maxBytes);
    return readAll(descriptor, stats.size, maxBytes, state) ?? tooLarge(path, maxBytes);
  } catch (error) {
    return failureOf(error, path, 'file');
  } finally {
    closeSync(descriptor);
  }
}

function regular(stats: Stats, path: string): FileState | Failure {
  if (!stats.isFile()) {
    return { reason: 'unsupported', detail: `${path} is ${typeName(stats)}, not a regular file; it is not opened` };
  }
  const { mtimeMs, ctimeMs, size, ino } = stats;
  // The two times are nearly always the same. Short, and joined instead of added up: these texts are kept by the hundred
  // thousand. A time in milliseconds has a fraction; of the microseconds nothing is lost.
  const numbers = mtimeMs === ctimeMs ? [size, ino, ctimeMs * 1000] : [size, ino, ctimeMs * 1000, mtimeMs * 1000];
  const version = [READER, ...numbers.map((number) => Math.round(number).toString(36))].join(':');
  return { version, changedAt: Math.max(mtimeMs, ctimeMs) };
}

function typeName(stats: Stats): string {
  if (stats.isFIFO()) return 'a FIFO';
  if (stats.isSocket()) return 'a socket';
  return stats.isDirectory() ? 'a folder' : 'a device';
}

/** Reads to the end, whatever size was announced: a file may grow, and some report none. */
function readAll(descriptor: number, expected: number, maxBytes: number, state: FileState): FileContent | undefined {
  let owned = expected === 0 || expected >= SHARED_BYTES;
  let buffer = owned ? Buffer.allocUnsafeSlow(expected + 1) : shared;
  let length = 0;
  for (;;) {
    const read = readSync(descriptor, buffer, length, buffer.length - length, null);
    length += read;
    if (length > maxBytes) return undefined;
    // A read that gives less than was asked for, up to the size that was announced, has met the end.
    if (read === 0 || (length === expected && length < buffer.length)) {
      return { state, bytes: buffer.subarray(0, length), owned };
    }
    if (length < buffer.length) continue;
    const larger = Buffer.allocUnsafeSlow(Math.min(2 * length + 1024, maxBytes + 1));
    buffer.copy(larger, 0, 0, length);
    buffer = larger;
    owned = true;
  }
}

function tooLarge(path: string, maxBytes: number): Failure {
  return {
    reason: 'too_large',
    detail: `${path} is larger than ${maxBytes} bytes; raise max_bytes if it is to be read, or exclude it`,
  };
}
