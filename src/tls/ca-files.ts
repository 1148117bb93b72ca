import { readFileSync, statSync } from 'node:fs';

import type { Certificate } from '../certificate/certificate.ts';
import { readContainer } from '../certificate/container.ts';

/** A bundle of all public roots has a quarter of a megabyte. */
const MAX_BYTES = 16 * 1024 * 1024;
/** Files are looked at again after this time at the earliest. */
const RECHECK_MS = 60_000;

/** CA certificates from files. */
export interface CaFiles {
  /** All of them; the same array as before while no file has changed. A file that is gone or broken keeps its last ones. */
  read(now: number): readonly Certificate[];
}

/** Reads the files. Throws an Error that names the first that cannot be read or holds no certificate. */
export function openCaFiles(paths: readonly string[], now: number): CaFiles {
  let states = paths.map((path) => stateOf(path));
  let certificates = paths.flatMap((path) => readFile(path));
  let checkedAt = now;
  return {
    read(at) {
      if (Math.abs(at - checkedAt) < RECHECK_MS) return certificates;
      checkedAt = at;
      const latest = paths.map((path) => stateOf(path));
      if (latest.every((state, index) => state === states[index])) return certificates;
      try {
        certificates = paths.flatMap((path) => readFile(path));
        states = latest;
      } catch {
        // Whoever replaces a file may be half way: what was trusted stays trusted until there is something else to read.
      }
      return certificates;
    },
  };
}

/** Tells whether a file is another than before. */
function stateOf(path: string): string {
  try {
    const { mtimeMs, size, ino } = statSync(path);
    return `${mtimeMs} ${size} ${ino}`;
  } catch {
    return 'unreadable';
  }
}

function readFile(path: string): readonly Certificate[] {
  let bytes: Uint8Array;
  try {
    const stats = statSync(path);
    if (!stats.isFile()) throw new Error(`the CA file ${path} is not a regular file`);
    if (stats.size > MAX_BYTES) throw new Error(`the CA file ${path} is larger than ${MAX_BYTES} bytes`);
    bytes = readFileSync(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === undefined) throw error;
    throw new Error(`the CA file ${path} cannot be read (${code}); check the path`, { cause: error });
  }
  const found = readContainer(bytes).parts.flatMap((part) => (part.kind === 'certificate' ? [part.certificate] : []));
  if (found.length === 0) throw new Error(`the CA file ${path} holds no certificate that can be read`);
  return found;
}
