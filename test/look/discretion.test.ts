import { expect, it } from 'vitest';

import { withoutSecrets } from '../../src/look/discretion.ts';

it('still tries what a source may call, and repeats no secret that a refusal quotes', async () => {
  const instance = withoutSecrets(
    {
      async *discover() {},
      async *observe() {},
      permissions: () =>
        Promise.resolve([
          { action: 'list', on: 'here', status: 'denied', detail: 'no entry with hunter2' },
          { action: 'get', on: 'here', status: 'allowed' },
        ]),
    },
    (text) => text.replaceAll('hunter2', '…'),
  );

  expect(await instance.permissions?.({ key: 'here', data: {} }, new AbortController().signal)).toEqual([
    { action: 'list', on: 'here', status: 'denied', detail: 'no entry with …' },
    { action: 'get', on: 'here', status: 'allowed' },
  ]);
});
