import { readContainer } from '../certificate/container.ts';
import { sniff } from '../certificate/sniff.ts';
import type { Context, Limits } from '../plugin/context.ts';

/** Larger content is read in a thread: what is linear in its size takes under 20 ms up to here. */
const MAX_BYTES_ON_THE_SPOT = 1024 * 1024;
const LIMITS: Limits = { timeMs: 2_000, memoryMb: 256 };

/** `Context.parse` over `Context.isolate`. */
export function createParser(isolate: Context['isolate']): Context['parse'] {
  return async (bytes, hints = {}) =>
    isCheap(bytes)
      ? readContainer(bytes)
      : isolate(new URL('./isolated-parse.ts', import.meta.url), { bytes, hints }, LIMITS);
}

/** Keystores that are encrypted cost what they ask for; everything else what it is long. */
function isCheap(bytes: Uint8Array): boolean {
  return bytes.length <= MAX_BYTES_ON_THE_SPOT && sniff(bytes) !== 'pkcs12';
}
