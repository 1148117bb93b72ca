import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { exec } from '../../alerts/exec/index.ts';
import { MAX_OUTPUT_BYTES } from '../../alerts/exec/process.ts';
import type { ChannelInstance, DeliveryResult } from '../../src/plugin/channel.ts';
import type { Notification } from '../../src/plugin/notification.ts';
import { createChannelContext } from '../helpers/channel-context.ts';
import { eventually } from '../helpers/eventually.ts';
import { HOSTILE_TEXTS, hostileNotice, hugeNotice, notice, notification } from '../helpers/notifications.ts';

const CANARY = 'canary-7f3a9c';
const never = new AbortController().signal;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'notafter-exec-'));
});

afterAll(() => rm(folder, { recursive: true }));

afterEach(() => {
  delete process.env['HOOK_SECRET'];
});

/** A channel that runs a script of sh, with `$1` a folder to write to. */
async function script(text: string, options: object = {}): Promise<ChannelInstance> {
  const { context } = createChannelContext();
  return exec.create(exec.options.parse({ command: ['/bin/sh', '-c', text, 'sh', folder], ...options }), context);
}

async function send(
  instance: ChannelInstance,
  message: Notification = notification(),
  signal = never,
): Promise<DeliveryResult> {
  const [result] = await instance.send(message, instance.recipients(), undefined, signal);
  expect(result?.recipient).toBe('/bin/sh');
  return result as DeliveryResult;
}

function written(name: string): Promise<string> {
  return readFile(join(folder, name), 'utf8');
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('exec', () => {
  test('gives the command the notification as JSON on its standard input, in one line', async () => {
    expect(await send(await script('cat > "$1/input"'))).toEqual({ recipient: '/bin/sh', status: 'delivered' });
    const input = await written('input');
    expect(input.match(/\n/g)).toHaveLength(1);
    expect(JSON.parse(input)).toMatchObject({ version: 1, reason: 'first', alerts: [{ title: 'api.example.com' }] });
  });

  test('gives it the environment that is named, and no other', async () => {
    process.env['HOOK_SECRET'] = CANARY;
    const text = 'env | cut -d= -f1 | sort > "$1/names"; env > "$1/environment"';
    await send(await script(text, { environment: { TEAM: 'payments' } }));
    const names = (await written('names')).trim().split('\n');
    const expected = ['NOTAFTER_GROUP', 'NOTAFTER_ID', 'NOTAFTER_KIND', 'NOTAFTER_REASON', 'NOTAFTER_SEVERITY', 'TEAM'];
    expect(names).toEqual(expect.arrayContaining(expected));
    const shells = /^(?:PATH|HOME|LANG|LC_ALL|TZ|TMPDIR|PWD|OLDPWD|SHLVL|_)$/;
    expect(names.filter((name) => !expected.includes(name) && !shells.test(name))).toEqual([]);
    expect(await written('environment')).toContain('NOTAFTER_REASON=first\n');
    expect(await written('environment')).not.toContain(CANARY);

    await send(await script(text, { pass_environment: ['HOOK_SECRET'] }));
    expect(await written('environment')).toContain(`HOOK_SECRET=${CANARY}`);
  });

  test.each(HOSTILE_TEXTS.map((text) => [JSON.stringify(text), text]))(
    'hostile text reaches the standard input alone: %s',
    async (_name, text) => {
      const instance = await script(
        'cat > "$1/input"; env > "$1/environment"; printf "%s\\n" "$0" "$@" > "$1/arguments"',
      );
      expect((await send(instance, notification({ alerts: [hostileNotice(text)] }))).status).toBe('delivered');
      const { alerts } = JSON.parse(await written('input')) as { alerts: [{ title: string }] };
      expect(alerts[0].title).toBe(text.isWellFormed() ? text : alerts[0].title);
      expect(await written('arguments')).toBe(`sh\n${folder}\n`);
      expect(await written('environment')).not.toContain(text.slice(0, 8));
    },
  );

  test('no shell reads the arguments', async () => {
    const { context } = createChannelContext();
    const command = ['/bin/sh', '-c', 'printf %s "$2" > "$1/argument"', 'sh', folder, '$(id) `id` ; id > /dev/null'];
    await send(await exec.create(exec.options.parse({ command }), context));
    expect(await written('argument')).toBe('$(id) `id` ; id > /dev/null');
  });

  test.each([
    [1, 'rejected', false],
    [65, 'rejected', false],
    [75, 'server_error', true],
    [127, 'rejected', false],
    [255, 'rejected', false],
  ])('exit code %i is %s', async (code, reason, retryable) => {
    const result = await send(await script(`echo some noise >&2; echo "no such account" >&2; exit ${code}`));
    const detail = `the command ended with exit code ${code}: no such account`;
    expect(result).toEqual({ recipient: '/bin/sh', status: 'failed', reason, retryable, detail });
  });

  test('a command that a signal ends is given up', async () => {
    expect(await send(await script('kill -9 $$'))).toMatchObject({ reason: 'server_error', retryable: false });
  });

  test('a command that does not read, and one that prints without end to read, come to their own end', async () => {
    const large = notification({ alerts: [hugeNotice()] });
    expect((await send(await script('exit 0'), large)).status).toBe('delivered');
    const chatty = `i=0; while [ $i -lt 40 ]; do head -c 65536 /dev/zero | tr '\\0' x; i=$((i+1)); done | tee /dev/stderr; exit 3`;
    const result = await send(await script(chatty));
    expect(MAX_OUTPUT_BYTES).toBeLessThan(40 * 65_536);
    expect(result).toMatchObject({ reason: 'rejected' });
    expect(result.status === 'failed' ? result.detail.length : 0).toBeLessThan(300);
  });

  test('a command that takes too long is ended with all that it began', async () => {
    const instance = await script('sleep 600 & echo $! > "$1/child"; wait', { timeout: '500ms' });
    expect(await send(instance)).toMatchObject({
      reason: 'timeout',
      retryable: false,
      detail: 'the command ran longer than 0.5 s and was ended',
    });
    const child = Number(await written('child'));
    await eventually('the child ends', () => !isRunning(child));
  });

  test('a command that is under way when the daemon stops is ended, and run again', async () => {
    const stop = new AbortController();
    const instance = await script('echo > "$1/begun"; exec sleep 600');
    const result = send(instance, notification(), stop.signal);
    await eventually('the command begins', () => written('begun').catch(() => undefined));
    stop.abort();
    expect(await result).toMatchObject({ reason: 'timeout', retryable: true });
  });

  test.each([
    ['is not there', '/does/not/exist', 'ENOENT'],
    ['may not be executed', 'plain', 'EACCES'],
  ])('a command that %s is tried again', async (_name, program, code) => {
    const path = program === 'plain' ? join(folder, 'plain') : program;
    if (program === 'plain') {
      await writeFile(path, '#!/bin/sh\n');
      await chmod(path, 0o600);
    }
    const instance = await exec.create(exec.options.parse({ command: [path] }), createChannelContext().context);
    const [result] = await instance.send(notification(), [path], undefined, never);
    expect(result).toMatchObject({ status: 'failed', reason: 'internal', retryable: true });
    expect(result?.status === 'failed' ? result.detail : '').toContain(code);
    await expect(instance.verify?.(never)).rejects.toThrow(`${path} cannot be executed (${code})`);
  });

  test('what it prints spills no secret that was passed on', async () => {
    process.env['HOOK_SECRET'] = `${CANARY}-hook`;
    const instance = await script('echo "login $HOOK_SECRET failed" >&2; exit 1', {
      pass_environment: ['HOOK_SECRET'],
    });
    const result = await send(instance);
    expect(JSON.stringify(result)).not.toContain(CANARY);
    expect(JSON.stringify(result)).toContain('login … failed');
  });

  test('what it prints steers nothing', async () => {
    const result = await send(await script(`printf 'a\\033[31m\\342\\200\\256b\\n' >&2; exit 1`));
    expect(result.status === 'failed' ? result.detail : '').toBe('the command ended with exit code 1: a[31mb');
  });

  test('runs for the reasons that are named, and for tests', async () => {
    const instance = await script('echo "$NOTAFTER_REASON $NOTAFTER_KIND" >> "$1/runs"', { reasons: ['worse'] });
    for (const reason of ['first', 'worse', 'resolved'] as const) {
      const message = notification({ reason, alerts: [notice()] });
      expect((await send(instance, message)).status).toBe('delivered');
    }
    await send(instance, notification({ kind: 'test', alerts: [], alertCount: 0 }));
    expect(await written('runs')).toBe('worse alert\nfirst test\n');
  });

  test('verify looks whether the program can be executed, and runs nothing', async () => {
    await expect((await script('echo > "$1/verified"')).verify?.(never)).resolves.toBeUndefined();
    await expect(written('verified')).rejects.toThrow('ENOENT');
  });

  test('gets the time that it needs from the host', async () => {
    expect((await script('exit 0', { timeout: '10m' })).deadlineMs).toBeGreaterThan(600_000);
  });

  test.each<[string, object]>([
    ['nothing to run', { command: [] }],
    ['a program by its name alone', { command: ['certbot'] }],
    ['a line for a shell', { command: '/usr/bin/certbot renew' }],
    ['a NUL', { command: ['/bin/true', 'a\0b'] }],
    ['a variable that is none', { command: ['/bin/true'], environment: { 'A=B': 'c' } }],
    ['a reason that is none', { command: ['/bin/true'], reasons: ['always'] }],
  ])('the config check refuses %s', (_name, options) => {
    expect(exec.options.safeParse(options).success).toBe(false);
  });
});
