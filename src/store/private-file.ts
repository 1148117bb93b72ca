import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * Creates an empty file that only its owner can read, and its directory, unless they are there. A file that is there is
 * never opened: closing it again would drop every lock that SQLite holds on it in this process
 * (https://sqlite.org/howtocorrupt.html section 2.2). Throws an Error that names what could not be made.
 */
export function createPrivateFile(path: string): void {
  createFolder(dirname(resolve(path)));
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') {
      throw new Error(`the store ${path} cannot be made (${codeOf(error)})`, { cause: error });
    }
  }
}

/** Folder by folder: `recursive` of mkdir never ends below /proc. */
function createFolder(path: string): void {
  if (existsSync(path)) return;
  createFolder(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return;
    throw new Error(`the folder ${path} of the store cannot be made (${codeOf(error)})`, { cause: error });
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'error';
}
