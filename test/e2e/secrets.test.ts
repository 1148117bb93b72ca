import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { Agent, request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { configJsonSchema } from '../../src/config/schema.ts';
import { createCanaries, fieldsOf, suspectFields, type Canaries } from '../helpers/canaries.ts';
import { runCli } from '../helpers/cli.ts';
import { startDaemonProcess, type DaemonProcess } from '../helpers/daemon-process.ts';
import { eventually } from '../helpers/eventually.ts';
import { startParrots, type Parrots } from '../helpers/parrots.ts';
import { startHook, type Hook } from '../helpers/receivers.ts';
import {
  bytesOf,
  createSecretAuthority,
  secretConfig,
  secretEnvironment,
  type SecretForm,
  type SecretStage,
} from '../helpers/secret-config.ts';

/** Files that hold no secret: certificates and targets. */
const NO_SECRETS = [
  'channels[]<email>.smtp.ca_file',
  'sources[]<endpoint>.clients[].certificate_file',
  'sources[]<endpoint>.targets_file',
  'sources[]<endpoint>.trust.ca_files',
  'sources[]<identity-provider>.ca_file',
  'sources[]<kubernetes>.ca_file',
  'sources[]<kubernetes>.other_secrets[].password_secret',
  'sources[]<vault>.ca_file',
  'sources[]<venafi>.self_hosted.ca_file',
  'trust.ca_files',
  'web.tls_server_config.cert_file',
  'web.tls_server_config.client_ca_file',
];
/** Fields of which no canary can be told by its sight: passwords that open what lies here, keys that sign, and hashes. */
const NEVER_SENT =
  /^(?:file\.password|client\.password|client\.key_file|page\.key_file|kubernetes\.password|azure-key-vault\.pfx_password|web\.|webhook\.secret|wrong webhook|google-.*credentials_file|AWS_SECRET_ACCESS_KEY|exec\.)/;
const PAGES = [
  '/',
  '/metrics',
  '/-/ready',
  '/openapi.json',
  '/calendar.ics',
  '/sd',
  '/probe?target=127.0.0.1',
  ...[
    'certificates',
    'locations',
    'clients',
    'findings',
    'alerts',
    'silences',
    'forecast',
    'status',
    'coverage',
  ].flatMap((name) => [`/${name}`, `/api/v1/${name}`]),
];

const schema = configJsonSchema() as Record<string, unknown>;

describe('a secret in each field of the config that may hold one', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-canaries-'));
  const file = path.join(folder, 'notafter.yaml');
  const writer = 'the-token-of-the-test-itself';
  let canaries: Canaries;
  let parrots: Parrots;
  let good: Hook;
  let daemon: DaemonProcess;
  let stage: SecretStage;
  let agent: Agent;
  const configs = new Map<SecretForm, Record<string, unknown>>();
  const texts = new Map<string, string>();

  beforeAll(async () => {
    const { authority, certificate } = createSecretAuthority();
    canaries = createCanaries(path.join(folder, 'secrets'));
    good = await startHook();
    parrots = await startParrots({
      certificate,
      grant: (to) => canaries.make(`token given by ${to}`),
      hear: canaries.hear,
    });
    writeFileSync(path.join(folder, 'writer'), writer);
    copyFileSync(
      path.join(import.meta.dirname, '../fixtures/keystores/openssl-aes-192.p12'),
      path.join(folder, 'locked.p12'),
    );
    stage = { folder, canaries, parrots, authority, page: certificate, good: good.url };
    for (const form of ['file', 'variable'] as const) configs.set(form, secretConfig(stage, form));
    agent = new Agent({ connect: { ca: authority.certificate.pem } });
    use('file');
    daemon = await startDaemonProcess(file, { cwd: folder, environment: secretEnvironment(stage), deadlineMs: 60_000 });
  }, 90_000);
  afterAll(async () => {
    await daemon?.kill();
    await agent?.close();
    await parrots?.[Symbol.asyncDispose]();
    await good?.close();
    rmSync(folder, { recursive: true });
  });

  const use = (form: SecretForm): void => writeFileSync(file, JSON.stringify(configs.get(form)));

  async function ask(where: string, method: 'GET' | 'POST' = 'GET', token = writer): Promise<string> {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await request(`${daemon.url}${where}`, { method, headers, dispatcher: agent });
    const text = `${answer.statusCode} ${JSON.stringify(answer.headers)} ${await answer.body.text()}`;
    texts.set(`${method} ${where} ${texts.size}`, text);
    return text;
  }

  /** Tests every channel, and waits until everything that is sent somewhere was sent. Gives what was not. */
  async function useAll(names: (name: string) => boolean): Promise<readonly string[]> {
    const channels = (configs.get('file')?.['channels'] ?? []) as readonly { readonly name: string }[];
    for (const { name } of channels) await ask(`/api/v1/channels/${name}/test`, 'POST');
    const unheard = (): readonly string[] =>
      canaries.names().filter((name) => names(name) && !NEVER_SENT.test(name) && !canaries.heard.has(name));
    await eventually('each secret is used', () => unheard().length === 0, 60_000).catch(() => undefined);
    return unheard();
  }

  it('is planted: a new field must be, too', () => {
    const planted = new Set([...configs.values()].flatMap((config) => [...fieldsOf(config)]));
    const missing = [...suspectFields(schema)].filter((field) => !planted.has(field) && !NO_SECRETS.includes(field));
    expect(missing).toEqual([]);
    expect(suspectFields(schema).size).toBeGreaterThan(70);
    expect(NO_SECRETS.filter((field) => !suspectFields(schema).has(field))).toEqual([]);
  });

  it('is used as a file', { timeout: 120_000 }, async () => {
    const names = /_file|kubeconfig|^AWS_|^google federation subject token$/;
    expect(await useAll((name) => names.test(name))).toEqual([]);
  });

  it('is read again when the file has changed', { timeout: 120_000 }, async () => {
    canaries.rotate();
    // A token that was given for one of an identity pool is kept until it ends.
    expect(await useAll((name) => name.endsWith(', round 2') && !name.startsWith('google federation'))).toEqual([]);
  });

  it('is used as a variable of the environment', { timeout: 120_000 }, async () => {
    use('variable');
    expect(await ask('/-/reload', 'POST')).toMatch(/^200/);
    expect(await useAll((name) => !name.includes('_file') && !/^token given|round 2$/.test(name))).toEqual([]);
  });

  it(
    'is in no page, metric, log line, message, argument, file of the store, or answer of a command, in any form',
    { timeout: 120_000 },
    async () => {
      for (const page of PAGES) await ask(page);
      await ask('/api/v1/alerts', 'GET', canaries.make('a wrong token'));
      const alerts = [...texts].filter(([name]) => name.includes('/api/v1/alerts')).map(([, text]) => text);
      for (const id of new Set(alerts.join('').match(/(?<="id":")[^"]+/g) ?? [])) await ask(`/runbooks/alerts/${id}`);
      const checks = ['notafter: [', 'channels: [{name: x, type: webhook, token: ', 'surprise: '].map(
        async (broken, index) => {
          const other = path.join(folder, `broken-${index}.yaml`);
          writeFileSync(other, `${broken}"${canaries.make(`written into the config: ${broken}`)}"`);
          const checked = await runCli(['config', 'check', '--config', other]);
          texts.set(`config check ${broken}`, checked.stdout + checked.stderr);
          return other;
        },
      );
      for (const other of await Promise.all(checks)) {
        copyFileSync(other, file);
        expect(await ask('/-/reload', 'POST')).toMatch(/^400/);
      }
      for (const secret of readdirSync(path.join(folder, 'secrets'))) rmSync(path.join(folder, 'secrets', secret));
      use('file');
      await ask('/-/reload', 'POST');
      await ask('/api/v1/channels/hook/test', 'POST');
      texts.set('arguments', readFileSync(`/proc/${daemon.child.pid}/cmdline`, 'utf8'));
      texts.set('messages', JSON.stringify(good.received));
      await daemon.stop();
      texts.set('stdout', daemon.stdout());
      texts.set('stderr', daemon.stderr());
      const data = path.join(folder, 'data');
      for (const name of readdirSync(data)) texts.set(name, bytesOf(path.join(data, name)));
      expect((texts.get('stderr')?.length ?? 0) + (texts.get('stdout')?.length ?? 0)).toBeGreaterThan(10_000);
      const leaks = [...texts].flatMap(([where, text]) => canaries.in(text).map((name) => `${name}: ${where}`));
      expect(leaks).toEqual([]);
    },
  );
});
