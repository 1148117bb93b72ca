/** A signal with an end: aborts when the given signal does, or when the time is over. */
export interface Deadline extends Disposable {
  readonly signal: AbortSignal;
  /** The time is over, and the given signal did not abort first. */
  readonly expired: boolean;
}

/** Starts an absolute deadline; dispose it so that no timer is left behind. */
export function startDeadline(ms: number, parent: AbortSignal): Deadline {
  let controller: AbortController | undefined = new AbortController();
  const { signal } = controller;
  let expired = false;

  function onParentAbort(): void {
    controller?.abort(parent.reason);
  }
  const timer = setTimeout(() => {
    if (controller === undefined || controller.signal.aborted) return;
    expired = true;
    controller.abort(new DOMException(`no complete answer within ${ms} ms`, 'TimeoutError'));
  }, ms);
  if (parent.aborted) onParentAbort();
  else parent.addEventListener('abort', onParentAbort, { once: true });

  return {
    signal,
    get expired() {
      return expired;
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
      parent.removeEventListener('abort', onParentAbort);
      // A listener that was removed still points to the next one that was added. Once one is old, a chain of them stays
      // until the next full collection, with everything that they can reach: nothing, from here on.
      controller = undefined;
    },
  };
}

/** Whether a signal ended because time ran out, rather than because somebody wants to stop. */
export function isTimeout(signal: AbortSignal): boolean {
  return signal.aborted && signal.reason instanceof DOMException && signal.reason.name === 'TimeoutError';
}

/** Settles like the promise, or rejects with the signal's reason as soon as it aborts; the promise's late failure is swallowed. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    function onAbort(): void {
      reject(signal.reason as Error);
    }
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    void promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', onAbort);
    });
  });
}
