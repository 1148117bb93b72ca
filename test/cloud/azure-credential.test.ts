import { beforeEach, describe, expect, it, vi } from 'vitest';

import { openAzureCredential } from '../../src/cloud/azure-credential.ts';
import type { Context, SecretRef } from '../../src/plugin/context.ts';
import { deafContext } from '../contract/collector.ts';

/** Service principals that were opened, with the secret of each. */
const opened: string[] = [];
/** Where they log in. */
const authorities: (string | undefined)[] = [];

vi.mock('@azure/identity', () => ({
  DefaultAzureCredential: class {
    readonly kind = 'default';
  },
  ClientSecretCredential: class {
    private readonly secret: string;

    constructor(tenant: string, id: string, secret: string, options: { readonly authorityHost?: string }) {
      opened.push(`${tenant}/${id}/${secret}`);
      authorities.push(options.authorityHost);
      this.secret = secret;
    }

    getToken(): Promise<{ token: string; expiresOnTimestamp: number }> {
      return Promise.resolve({ token: `token for ${this.secret}`, expiresOnTimestamp: 0 });
    }
  },
}));

const PRINCIPAL = { tenant_id: 't', client_id: 'c', client_secret_file: '/run/secrets/azure' };

function contextWith(read: (ref: SecretRef) => Promise<string>): Context {
  return { ...deafContext(), secret: read };
}

beforeEach(() => {
  opened.splice(0);
  authorities.splice(0);
});

it('is that of the environment without a service principal', async () => {
  expect(await openAzureCredential({}, deafContext())).toEqual({ kind: 'default' });
});

describe('a service principal', () => {
  it('follows its secret when another is in the file', async () => {
    const secrets = ['first', 'first', 'second'];
    const asked: SecretRef[] = [];
    const credential = await openAzureCredential(
      PRINCIPAL,
      contextWith((ref) => {
        asked.push(ref);
        return Promise.resolve(secrets.shift() ?? '');
      }),
    );

    expect(asked).toEqual([]);
    expect((await credential.getToken('scope'))?.token).toBe('token for first');
    expect((await credential.getToken('scope'))?.token).toBe('token for first');
    expect((await credential.getToken('scope'))?.token).toBe('token for second');
    expect(opened).toEqual(['t/c/first', 't/c/second']);
    expect(asked).toEqual([
      { file: '/run/secrets/azure' },
      { file: '/run/secrets/azure' },
      { file: '/run/secrets/azure' },
    ]);
  });

  it.each([
    ['public', 'https://login.microsoftonline.com'],
    ['us-government', 'https://login.microsoftonline.us'],
    ['us-government-dod', 'https://login.microsoftonline.us'],
    ['china', 'https://login.chinacloudapi.cn'],
    [undefined, undefined],
  ] as const)('logs in where the cloud %s has its logins', async (cloud, authority) => {
    const credential = await openAzureCredential(
      { ...PRINCIPAL, ...(cloud === undefined ? {} : { cloud }) },
      contextWith(() => Promise.resolve('one')),
    );
    await credential.getToken('scope');

    expect(authorities).toEqual([authority]);
  });

  it('takes its secret from a variable too', async () => {
    const asked: SecretRef[] = [];
    const credential = await openAzureCredential(
      { tenant_id: 't', client_id: 'c', client_secret: '${AZURE_SECRET}' },
      contextWith((ref) => {
        asked.push(ref);
        return Promise.resolve('x');
      }),
    );

    await credential.getToken('scope');

    expect(asked).toEqual([{ env: 'AZURE_SECRET' }]);
  });

  it('whose secret cannot be read is not accepted, and names the file', async () => {
    const credential = await openAzureCredential(
      PRINCIPAL,
      contextWith(() => Promise.reject(new Error('the secret file /run/secrets/azure cannot be read (ENOENT)'))),
    );

    await expect(credential.getToken('scope')).rejects.toMatchObject({
      name: 'CollectError',
      reason: 'authentication_failed',
      message: 'the secret file /run/secrets/azure cannot be read (ENOENT)',
    });
  });

  it.each([
    { tenant_id: 't' },
    { client_id: 'c' },
    { client_secret_file: '/run/secrets/azure' },
    { tenant_id: 't', client_id: 'c' },
    { tenant_id: 't', client_secret_file: '/run/secrets/azure' },
  ])('described in part is refused: %j', async (options) => {
    await expect(openAzureCredential(options, deafContext())).rejects.toThrow(
      'tenant_id, client_id and client_secret_file',
    );
  });
});
