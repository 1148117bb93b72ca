import { closeSync, constants, fstatSync, openSync, readSync, statSync, type BigIntStats } from 'node:fs';

import { failureOf, type Failure } from './failure.ts';

/** Raised when the readers learn something new: files that did not change are then read again. */
const READER = 1;

/** What can be known of a file without opening it. */
export type FileState =
  { readonly kind: 'regular'; readonly version: string } | { readonly kind: 'failed'; readonly failure: Failure };

/** What is asked of a file before it is opened: opening a FIFO waits, opening a device may do something. */
export function stateOf(path: string): FileState {
  let stats: BigIntStats;
  try {
    stats = statSync(path, { bigint: true });
  } catch (error) {
    return { kind: 'failed', failure: failureOf(error, path, 'file') };
  }
  if (!stats.isFile()) {
    const detail = `${path} is ${typeName(stats)}, not a regular file; it is not opened`;
    return { kind: 'failed', failure: { reason: 'unsupported', detail } };
  }
  return { kind: 'regular', version: versionOf(stats) };
}

/** Changes with the content, also when a tool sets the modification time back: that moves the time of the last change. */
function versionOf(stats: BigIntStats): string {
  return `${READER}:${stats.mtimeNs}:${stats.ctimeNs}:${stats.size}:${stats.ino}`;
}

function typeName(stats: BigIntStats): string {
  if (stats.isFIFO()) return 'a FIFO';
  if (stats.isSocket()) return 'a socket';
  return stats.isDirectory() ? 'a folder' : 'a device';
}

/** The whole content of a file of at most `maxBytes`. */
export function readBounded(path: string, maxBytes: number): Uint8Array | Failure {
  let descriptor: number;
  try {
    // Should it have become a FIFO since it was looked at, opening must not wait for a writer.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    return failureOf(error, path, 'file');
  }
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) return { reason: 'unsupported', detail: `${path} is not a regular file any more` };
    if (stats.size > maxBytes) return tooLarge(path, maxBytes);
    return readAll(descriptor, stats.size, maxBytes) ?? tooLarge(path, maxBytes);
  } catch (error) {
    return failureOf(error, path, 'file');
  } finally {
    closeSync(descriptor);
  }
}

/** Reads to the end, whatever size was announced: a file may grow, and some report none. */
function readAll(descriptor: number, expected: number, maxBytes: number): Uint8Array | undefined {
  let buffer = Buffer.allocUnsafeSlow(expected + 1);
  let length = 0;
  for (;;) {
    const read = readSync(descriptor, buffer, length, buffer.length - length, null);
    if (read === 0) return buffer.subarray(0, length);
    length += read;
    if (length > maxBytes) return undefined;
    if (length === buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(2 * length + 1024, maxBytes + 1));
      buffer.copy(larger, 0, 0, length);
      buffer = larger;
    }
  }
}

function tooLarge(path: string, maxBytes: number): Failure {
  return {
    reason: 'too_large',
    detail: `${path} is larger than ${maxBytes} bytes; raise max_bytes if it is to be read, or exclude it`,
  };
}
