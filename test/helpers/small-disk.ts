import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A real file system of a few MiB, which can be full and read-only. */
export interface SmallDisk {
  readonly folder: string;
  /** Takes all that is left. */
  fill(): void;
  clear(): void;
  setReadOnly(isReadOnly: boolean): void;
  remove(): void;
}

/** Undefined where this process may not mount one: that takes root on Linux. */
export function mountSmallDisk(mebibytes: number): SmallDisk | undefined {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-disk-'));
  const options = `size=${mebibytes}m,mode=0700`;
  if (!succeeds('mount', '-t', 'tmpfs', '-o', options, 'notafter-test', folder)) {
    rmSync(folder, { recursive: true });
    return undefined;
  }
  const ballast = path.join(folder, 'ballast');
  return {
    folder,
    fill() {
      for (const size of [64 * 1024, 4096, 1]) {
        try {
          const piece = Buffer.alloc(size);
          for (let count = 0; count < mebibytes * 1024; count += 1) writeFileSync(ballast, piece, { flag: 'a' });
        } catch {
          // Full for pieces of this size.
        }
      }
    },
    clear: () => rmSync(ballast, { force: true }),
    setReadOnly(isReadOnly) {
      const mode = isReadOnly ? 'ro' : 'rw';
      if (!succeeds('mount', '-o', `remount,${mode},${options}`, folder)) throw new Error(`cannot remount ${mode}`);
    },
    remove() {
      succeeds('umount', '--lazy', folder);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function succeeds(command: string, ...args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}
