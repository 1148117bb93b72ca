import { readContainer, type Container, type ReadOptions } from '../certificate/container.ts';

/** What `Context.parse` runs in a process of its own. */
export function isolated({ bytes, options }: { bytes: Uint8Array; options: ReadOptions }): Container {
  return readContainer(bytes, options);
}
