import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';

import type { Reason } from '../../src/plugin/reason.ts';

export interface FileFailure {
  readonly reason: Reason;
  readonly detail: string;
}

/** The content of a regular file of at most so many bytes; `what` is what a longer one cannot be. */
export async function readBoundedFile(
  path: string,
  maxBytes: number,
  what: string,
  signal: AbortSignal,
): Promise<Uint8Array | FileFailure> {
  signal.throwIfAborted();
  let file: FileHandle | undefined;
  try {
    // Opening a FIFO must not wait for a writer.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = await file.stat();
    if (!stats.isFile()) {
      return { reason: 'unsupported', detail: `${path} is not a regular file; name the file itself` };
    }
    if (stats.size > maxBytes) {
      return { reason: 'too_large', detail: `${path} is larger than ${what} can be; see whether it is the right file` };
    }
    return await file.readFile();
  } catch (error) {
    return fileFailure(error, path);
  } finally {
    await file?.close();
  }
}

/** What a system call's failure means, and what to do about it. */
export function fileFailure(error: unknown, path: string): FileFailure {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ELOOP':
      return { reason: 'not_found', detail: `${path} does not exist; check the path, and that it is mounted here` };
    case 'EACCES':
    case 'EPERM':
      return {
        reason: 'permission_denied',
        detail: `${path} cannot be read: permission denied; allow the user of notafter to read it`,
      };
    default:
      return { reason: 'partial', detail: `${path} cannot be read: the system says ${code}` };
  }
}
