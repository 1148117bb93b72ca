import { setImmediate } from 'node:timers/promises';

import { expect, it } from 'vitest';

import { ExpiredError } from '../../../collectors/kubernetes/api-error.ts';
import type { Api } from '../../../collectors/kubernetes/api.ts';
import type { Cluster } from '../../../collectors/kubernetes/cluster.ts';
import { resourceCalled } from '../../../collectors/kubernetes/resource.ts';
import { watchObjects } from '../../../collectors/kubernetes/watch.ts';

const HOUR_MS = 3_600_000;

it.each([
  ['ends it at once', (): void => {}],
  [
    'says each time that it is too late',
    (): void => {
      throw new ExpiredError('too old resource version');
    },
  ],
])('a watch does not ask again and again where the server %s', async (_how, end) => {
  let watches = 0;
  const api = {
    server: 'https://cluster.example',
    async watch() {
      await setImmediate();
      return { [Symbol.dispose]() {} };
    },
    async *lines() {
      watches += 1;
      end();
      yield* [];
    },
  } as unknown as Api;
  const cluster = {
    api,
    position: async () => ({ path: '/api/v1/secrets', resourceVersion: '1' }),
  } as unknown as Cluster;
  const controller = new AbortController();
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const ended = (async () => {
    for await (const _ of watchObjects(
      cluster,
      { resource: resourceCalled('secrets') },
      log,
      controller.signal,
      HOUR_MS,
    ));
  })().catch((error: unknown) => error);
  for (let turn = 0; turn < 200; turn += 1) await setImmediate();
  controller.abort(new Error('the test has ended'));
  await ended;
  expect(watches).toBe(1);
});
