import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** Who scans has a core to itself, and so has who serves: else each pays for the other's cold caches. */
export const SCANNER = '0';
export const SERVER = '1';
export const ANYWHERE = '0,1';

export const CAN_PIN = availableParallelism() > 1 && spawnSync('taskset', ['-V']).status === 0;

/** Keeps a process, its threads and its children to some processors from here on. */
export function pin(processId: number | undefined, processors: string): void {
  if (!CAN_PIN || processId === undefined) return;
  for (const one of familyOf(processId)) spawnSync('taskset', ['-apc', processors, String(one)]);
}

function familyOf(processId: number): readonly number[] {
  try {
    const threads = readdirSync(`/proc/${processId}/task`);
    const children = threads.flatMap((thread) =>
      readFileSync(`/proc/${processId}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    );
    return [processId, ...children.flatMap(familyOf)];
  } catch {
    // It ended in the meantime.
    return [];
  }
}
