import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';

import type { Silence } from '../notify/model.ts';

/*
 * Silences are the one thing in a store that only people know: what was seen is seen again and what was told is told
 * again, but nobody remembers a silence. So they lie beside the store as well.
 */

export function silencesPath(file: string): string {
  return `${file}.silences`;
}

/** Replaces the list as a whole, so that it is never half a list. Throws what the file system throws. */
export function writeSilences(file: string, silences: readonly Silence[]): void {
  const text = JSON.stringify(silences);
  const path = silencesPath(file);
  const fresh = `${path}.new`;
  rmSync(fresh, { force: true });
  const target = openSync(fresh, 'wx', 0o600);
  try {
    writeSync(target, `${crc32(text)}\n${text}\n`);
    fsyncSync(target);
  } finally {
    closeSync(target);
  }
  renameSync(fresh, path);
}

/** Undefined: there is no list, or it is damaged as well. */
export function readSilences(file: string): readonly Silence[] | undefined {
  try {
    const [sum, text = ''] = readFileSync(silencesPath(file), 'utf8').split('\n');
    if (sum !== String(crc32(text))) return undefined;
    return JSON.parse(text) as readonly Silence[];
  } catch {
    return undefined;
  }
}
