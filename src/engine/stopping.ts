/** Resolves when the signal aborts, and lets go of it when `until` comes first. */
export async function aborted(signal: AbortSignal, until: Promise<void>): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const onAbort = (): void => resolve();
  signal.addEventListener('abort', onAbort, { once: true });
  await Promise.race([promise, until]);
  signal.removeEventListener('abort', onAbort);
}
