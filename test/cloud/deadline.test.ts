import { getEventListeners } from 'node:events';
import { expect, it } from 'vitest';

import { withDeadline } from '../../src/cloud/deadline.ts';

function never(): Promise<never> {
  return new Promise(() => {});
}

it('gives the result of the call', async () => {
  expect(await withDeadline('the call', new AbortController().signal, () => Promise.resolve(7))).toBe(7);
});

it('gives up at the deadline on a client that ignores its signal, and says what on', async () => {
  await expect(
    withDeadline('acm:GetCertificate in eu-west-1', new AbortController().signal, never, 10),
  ).rejects.toMatchObject({
    name: 'CollectError',
    reason: 'timeout',
    message: 'acm:GetCertificate in eu-west-1: no complete answer within 0.01 s',
  });
});

it("calls it a timeout whatever error the client makes of the signal's end", async () => {
  const call = withDeadline(
    'the call',
    new AbortController().signal,
    (signal) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new Error('Request aborted')));
      }),
    10,
  );

  await expect(call).rejects.toMatchObject({ reason: 'timeout' });
});

it('ends with the reason of the outer signal, also when the client ignores it', async () => {
  const controller = new AbortController();
  const reason = new Error('notafter stops');
  const call = withDeadline('the call', controller.signal, never);

  controller.abort(reason);

  await expect(call).rejects.toBe(reason);
});

it('does not begin a call whose signal has ended', async () => {
  let begun = false;
  const call = withDeadline('the call', AbortSignal.abort(new Error('over')), () => {
    begun = true;
    return Promise.resolve();
  });

  await expect(call).rejects.toThrow('over');
  expect(begun).toBe(false);
});

it('throws the error of a call that failed by itself, and leaves nothing on the outer signal', async () => {
  const { signal } = new AbortController();
  const error = new Error('AccessDenied');

  await expect(withDeadline('the call', signal, () => Promise.reject(error))).rejects.toBe(error);
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});
