import { expect, test } from 'vitest';

import type { Api } from '../../../collectors/venafi/api.ts';
import { Login } from '../../../collectors/venafi/login.ts';
import { deafContext } from '../../contract/collector.ts';

const { signal } = new AbortController();

test('a token that is refused to several calls at once is asked for anew once, for all of them', async () => {
  let grants = 0;
  const api: Api = {
    text: () => expect.unreachable(),
    async json(_call, schema) {
      grants += 1;
      return schema.parse({ access_token: `token ${grants}`, refresh_token: `refresh ${grants}`, expires_in: 3_600 });
    },
    tried: () => api,
  };
  const login = new Login(
    {
      url: 'https://tpp.example',
      clientId: 'notafter',
      username: 'reader',
      password: { env: 'PASSWORD' },
      accessToken: undefined,
    },
    { ...deafContext(), secret: async () => 'secret' },
  );
  expect(await login.token(api, signal)).toBe('token 1');
  expect(login.refused()).toBe(true);
  const first = login.token(api, signal);
  expect(login.refused()).toBe(true);
  expect(await Promise.all([first, login.token(api, signal)])).toEqual(['token 2', 'token 2']);
});
