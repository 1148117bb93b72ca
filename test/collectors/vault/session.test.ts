import { expect, test } from 'vitest';

import type { Api } from '../../../collectors/vault/api.ts';
import { vault } from '../../../collectors/vault/index.ts';
import { createSession } from '../../../collectors/vault/session.ts';
import { CollectError } from '../../../src/plugin/error.ts';
import { deafContext } from '../../contract/collector.ts';

const { signal } = new AbortController();

test('calls whose token is refused while they are under way together log in once, and all go on', async () => {
  let logins = 0;
  let valid = '';
  const api: Api = {
    server: { address: 'https://vault.example', namespace: undefined, caFile: undefined },
    async call(path, { token }) {
      if (path.endsWith('/login')) {
        logins += 1;
        valid = `token ${logins}`;
        return { status: 200, body: JSON.stringify({ auth: { client_token: valid, lease_duration: 3_600 } }) };
      }
      if (token !== valid) throw new CollectError('permission_denied', 'HTTP 403: permission denied');
      return { status: 200, body: path };
    },
  };
  const { auth } = vault.options.parse({
    address: 'https://vault.example',
    auth: { method: 'approle', role_id: 'role', secret_file: '/run/secret' },
  });
  const session = createSession(api, auth, { ...deafContext(), secret: async () => 'secret' }, {});
  const read = async (path: string): Promise<string> => (await session.call(path, { capability: 'read' }, signal)).body;
  await read('pki/first');
  valid = 'none: it was revoked';
  expect(await Promise.all(['pki/a', 'pki/b', 'pki/c'].map(read))).toEqual(['pki/a', 'pki/b', 'pki/c']);
  expect(logins).toBe(2);
});
