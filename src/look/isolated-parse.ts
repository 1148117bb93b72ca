import { readContainer, type ContainerPart } from '../certificate/container.ts';
import type { ParseHints } from '../plugin/context.ts';

/** What `Context.parse` runs in a thread. */
export function isolated({ bytes }: { bytes: Uint8Array; hints: ParseHints }): readonly ContainerPart[] {
  return readContainer(bytes);
}
