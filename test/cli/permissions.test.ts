import { afterEach, expect, it, vi } from 'vitest';

import { tryPermissions } from '../../src/cli/config/permissions.ts';
import type { CollectorInstance, Permission } from '../../src/plugin/collector.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

function instance(permissions: Readonly<Record<string, readonly Permission[] | Error>>): CollectorInstance {
  return {
    async *discover() {
      for (const key of Object.keys(permissions)) yield { key, data: null };
    },
    async *observe() {},
    permissions: ({ key }) => {
      const given = permissions[key] ?? [];
      return given instanceof Error ? Promise.reject(given) : Promise.resolve(given);
    },
  };
}

async function run(given: CollectorInstance): Promise<{ ok: boolean; out: string; err: string }> {
  let [out, err] = ['', ''];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((out += String(text)), true));
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((err += String(text)), true));
  return { ok: await tryPermissions('aws', given), out, err };
}

it('is short where all is well', async () => {
  const result = await run(
    instance({
      'eu-west-1': [
        { action: 'acm:ListCertificates', on: 'eu-west-1', status: 'allowed' },
        { action: 'acm:GetCertificate', on: 'eu-west-1', status: 'untried' },
      ],
    }),
  );

  expect(result).toEqual({
    ok: true,
    out: 'source aws, eu-west-1: 1 action of 2 allowed; nothing to try on: acm:GetCertificate\n',
    err: '',
  });
});

it('names every action that is not allowed, at every target, without escape sequences', async () => {
  const result = await run(
    instance({
      'eu-west-1': [
        { action: 'acm:ListCertificates', on: 'eu-west-1', status: 'denied', detail: 'Allow \u001b[31mit' },
      ],
      'us-east-1': [{ action: 'acm:ListCertificates', on: 'us-east-1', status: 'allowed' }],
      'us-west-1': new Error('broken'),
    }),
  );

  expect(result.ok).toBe(false);
  expect(result.out).toBe('source aws, us-east-1: 1 action of 1 allowed\n');
  expect(result.err).toBe(
    [
      'source aws, eu-west-1: 0 actions of 1 allowed',
      '  acm:ListCertificates denied: Allow it',
      'source aws, us-west-1: 0 actions of 1 allowed',
      '  every call failed: broken',
      '',
    ].join('\n'),
  );
});

it('has nothing to say of a source that needs nobody to allow it', async () => {
  const { permissions: _, ...plain } = instance({});

  expect(await run(plain)).toEqual({ ok: true, out: '', err: '' });
});
