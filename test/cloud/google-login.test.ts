import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { openGoogleLogin } from '../../src/cloud/google-login.ts';
import type { Context } from '../../src/plugin/context.ts';
import { deafContext } from '../contract/collector.ts';
import { startPages, type WebPages } from '../helpers/web-pages.ts';

/** What the library cannot even ask for, and what it could. */
const ELSEWHERE = ['http://user@127.0.0.1/', '/elsewhere'];

describe.each(ELSEWHERE)('a place that gives tokens and sends to %s', (location) => {
  let folder: string;
  let pages: WebPages;
  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'notafter-google-'));
    pages = await startPages(() => ({ status: 302, headers: { location, 'metadata-flavor': 'Google' } }));
    vi.stubEnv('GCE_METADATA_HOST', pages.url.slice('http://'.length));
    vi.stubEnv('METADATA_SERVER_DETECTION', 'assume-present');
    vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', undefined);
    vi.stubEnv('CLOUDSDK_CONFIG', '/nonexistent');
    vi.stubEnv('HOME', '/nonexistent');
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await pages[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  const context: Context = {
    ...deafContext(),
    secret: (ref) => Promise.resolve('file' in ref ? readFileSync(ref.file, 'utf8') : ''),
  };

  it('is not followed, as the metadata server', async () => {
    const login = await openGoogleLogin(undefined, context);
    await expect(login.headers()).rejects.toThrow(/redirect/);
    expect(pages.asked.map(({ path: asked }) => asked)).not.toContain('/elsewhere');
    expect(pages.asked.length).toBeGreaterThan(0);
  });

  it('is not followed, as the token service of a workload identity', async () => {
    const token = path.join(folder, 'token');
    const credentials = path.join(folder, 'credentials.json');
    writeFileSync(token, 'subject token');
    writeFileSync(
      credentials,
      JSON.stringify({
        type: 'external_account',
        audience: '//iam.googleapis.com/x',
        subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
        token_url: `${pages.url}/sts`,
        credential_source: { file: token },
      }),
    );
    const login = await openGoogleLogin(credentials, context);
    await expect(login.headers()).rejects.toThrow(/redirect/);
    expect(new Set(pages.asked.map(({ path: asked }) => asked))).toEqual(new Set(['/sts']));
  });
});
