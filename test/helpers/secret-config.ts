import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import type { Canaries } from './canaries.ts';
import type { Parrots } from './parrots.ts';
import { createAuthority, type Authority, type TestCertificate } from './pki.ts';

/** How the secrets of a config are given; both together are every field that may hold one. */
export type SecretForm = 'file' | 'variable';

export interface SecretStage {
  readonly folder: string;
  readonly canaries: Canaries;
  readonly parrots: Parrots;
  readonly authority: Authority;
  /** What the page is served with. */
  readonly page: TestCertificate;
  /** A receiver that works. */
  readonly good: string;
}

const TENANT = { tenant_id: 'tenant', client_id: 'accepted' };
const AGAIN = { every: '5s' };

/** A config in which every field that may hold a secret holds one, and everybody who is told one says it back. */
export function secretConfig(stage: SecretStage, form: SecretForm): Record<string, unknown> {
  const { folder, canaries, parrots, authority, page, good } = stage;
  const plain = `http://127.0.0.1:${parrots.plain}`;
  /** The field and its secret, under `name` or `name_file`. */
  const secret = (where: string, name: string, dress?: (text: string) => string): Record<string, string> =>
    form === 'file'
      ? { [`${name}_file`]: canaries.file(`${where}.${name}_file`, dress) }
      : { [name]: canaries.variable(`${where}.${name}`, dress) };
  const keyFile = (where: string, certificate: TestCertificate): string => {
    const file = path.join(folder, `${where}.key`);
    writeFileSync(file, certificate.keyPem, { mode: 0o600 });
    const [, line = ''] = certificate.keyPem.split('\n');
    // The beginning says what kind of key it is, and is the same for all.
    canaries.note(`${where}.key_file`, line.slice(-24));
    return file;
  };
  const certificateFile = (name: string, certificate: TestCertificate): string => {
    const file = path.join(folder, `${name}.pem`);
    writeFileSync(file, certificate.chainPem);
    return file;
  };
  const client = authority.issue({ commonName: 'client', names: [] });
  const keystore = path.join(import.meta.dirname, '../fixtures/keystores/openssl-aes-192.p12');
  const google = (where: string): Record<string, string> => ({
    credentials_file: canaries.file(`${where}.credentials_file`, (text) => serviceAccount(authority, text)),
  });
  const azure = (type: string, more: object = {}): object => ({
    name: type,
    type,
    ...AGAIN,
    ...TENANT,
    ...secret(type, 'client_secret'),
    endpoint: plain,
    ...more,
  });
  const subscription = { subscriptions: ['00000000-0000-4000-8000-000000000001'] };
  const vault = (name: string, auth: object): object => ({
    name,
    type: 'vault',
    ...AGAIN,
    address: plain,
    auth,
    mounts: ['pki'],
  });
  return {
    sources: [
      {
        name: 'disk',
        type: 'file',
        ...AGAIN,
        paths: [path.join(folder, '*.p12'), path.join(folder, '*.pem')],
        passwords: [{ match: '*.p12', ...secret('file', 'password') }],
      },
      {
        name: 'served',
        type: 'endpoint',
        ...AGAIN,
        targets: [`127.0.0.1:${parrots.secure}`],
        http_sd: [{ url: `${plain}/sd`, ...secret('http_sd', 'token') }],
        clients: [
          { name: 'pem', certificate_file: certificateFile('client', client), key_file: keyFile('client', client) },
          { name: 'keystore', pkcs12_file: keystore, ...secret('client', 'password') },
        ],
        trust: { ca_files: [certificateFile('ca', authority.certificate)] },
      },
      {
        name: 'proxied',
        type: 'endpoint',
        ...AGAIN,
        targets: ['192.0.2.1:443'],
        proxy: { url: plain, username: 'u', ...secret('endpoint.proxy', 'password') },
      },
      vault('vault-token', { method: 'token', ...secret('vault', 'token') }),
      vault('vault-approle', { method: 'approle', role_id: 'r', ...secret('vault', 'secret') }),
      vault('vault-refused', { method: 'approle', role_id: 'refused', ...secret('vault refused', 'secret') }),
      vault('vault-kubernetes', {
        method: 'kubernetes',
        role: 'r',
        token_file: canaries.file('vault kubernetes.token_file'),
      }),
      vault('vault-jwt', { method: 'jwt', role: 'r', token_file: canaries.file('vault jwt.token_file') }),
      { name: 'venafi-saas', type: 'venafi', ...AGAIN, saas: { url: plain, ...secret('venafi', 'api_key') } },
      {
        name: 'venafi-password',
        type: 'venafi',
        ...AGAIN,
        self_hosted: { url: plain, username: 'u', ...secret('venafi', 'password') },
      },
      {
        name: 'venafi-token',
        type: 'venafi',
        ...AGAIN,
        self_hosted: { url: plain, ...secret('venafi', 'access_token') },
      },
      {
        name: 'cluster',
        type: 'kubernetes',
        ...AGAIN,
        server: `${plain}/kube`,
        token_file: canaries.file('kubernetes.token_file'),
        other_secrets: [{ match: '*/*', ...secret('kubernetes', 'password') }],
      },
      {
        name: 'cluster-kubeconfig',
        type: 'kubernetes',
        ...AGAIN,
        kubeconfig: canaries.file('kubernetes.kubeconfig', (text) =>
          kubeconfig(`https://127.0.0.1:${parrots.secure}/kube`, authority, text),
        ),
      },
      { name: 'acm', type: 'aws-acm', ...AGAIN, regions: ['eu-west-1'], endpoint: plain },
      { name: 'iam', type: 'aws-iam', ...AGAIN, endpoint: `${plain}/xml` },
      azure('azure-entra'),
      { ...azure('azure-entra'), name: 'azure-refused', client_id: 'refused' },
      azure('azure-api-management', subscription),
      azure('azure-app-gateway', subscription),
      azure('azure-app-service', subscription),
      azure('azure-front-door', subscription),
      {
        name: 'key-vault',
        type: 'azure-key-vault',
        ...AGAIN,
        vaults: ['https://example.vault.azure.net'],
        secrets: 'certificates',
        ...TENANT,
        ...secret('azure-key-vault', 'client_secret'),
        ...secret('azure-key-vault', 'pfx_password'),
      },
      ...['google-cas', 'google-certificate-manager', 'google-compute', 'google-iam'].map((type) => ({
        name: type,
        type,
        ...AGAIN,
        projects: ['my-project-1'],
        endpoint: plain,
        ...google(type),
      })),
      {
        name: 'google-federated',
        type: 'google-compute',
        ...AGAIN,
        projects: ['my-project-1'],
        endpoint: plain,
        credentials_file: federation(folder, `${plain}/sts/token`, canaries.file('google federation subject token')),
      },
    ],
    channels: [
      { name: 'good', type: 'webhook', url: `${good}/told` },
      {
        name: 'hook',
        type: 'webhook',
        ...hookUrl(stage, form),
        ...secret('webhook', 'secret'),
        ...secret('webhook', 'token'),
      },
      {
        name: 'wrong',
        type: 'webhook',
        url_file: canaries.file('wrong webhook.url_file', (text) => `ht!tp://${text}`),
      },
      { name: 'beyond', type: 'webhook', url: 'http://receiver.example/x' },
      { name: 'chat', type: 'slack', ...secret('slack', 'webhook_url', (text) => `${plain}/${text}`) },
      { name: 'bot', type: 'slack', ...secret('slack', 'token'), channel: '#x', api_url: `${plain}/api/` },
      { name: 'team', type: 'teams', ...secret('teams', 'webhook_url', (text) => `${plain}/${text}`) },
      {
        name: 'pager',
        type: 'pagerduty',
        ...secret('pagerduty', 'routing_key', (text) => text.padEnd(32, 'x')),
        url: `${plain}/v2/enqueue`,
      },
      {
        name: 'am-password',
        type: 'alertmanager',
        urls: [plain],
        username: 'u',
        ...secret('alertmanager', 'password'),
      },
      { name: 'am-token', type: 'alertmanager', urls: [plain], ...secret('alertmanager', 'token') },
      {
        name: 'mail',
        type: 'email',
        smtp: { host: '127.0.0.1', port: parrots.mail, secure: 'none', username: 'u', ...secret('email', 'password') },
        from: 'a@b.test',
        to: ['c@d.test'],
      },
      {
        name: 'command',
        type: 'exec',
        command: ['/bin/sh', '-c', 'echo "no: $NOTAFTER_TEST_PASSED" >&2; exit 1'],
        pass_environment: ['NOTAFTER_TEST_PASSED'],
      },
    ],
    notifications: { minimum_severity: 'info' },
    heartbeat: { url_file: canaries.file('heartbeat.url_file', (text) => `${plain}/${text}`), every: '1s' },
    network: { proxy: { url: plain, username: 'u', ...secret('network.proxy', 'password') } },
    web: {
      listen: '127.0.0.1:0',
      tls_server_config: { cert_file: certificateFile('page', page), key_file: keyFile('page', page) },
      basic_auth_users: { somebody: hashOf(canaries) },
      tokens: [
        { name: 'reader', scope: 'read', ...secret('web', 'token') },
        { name: 'writer', scope: 'write', token_file: path.join(folder, 'writer') },
      ],
      rate_limit: { burst: 10_000 },
    },
    log: { level: 'debug', format: 'json' },
    store: `sqlite:${path.join(folder, 'data', 'notafter.db')}`,
  };
}

/** A URL that is a secret cannot be given by a variable of its own name: it is part of the config. */
function hookUrl({ canaries, parrots }: SecretStage, form: SecretForm): Record<string, string> {
  const plain = `http://127.0.0.1:${parrots.plain}`;
  return form === 'file'
    ? { url_file: canaries.file('webhook.url_file', (text) => `${plain}/${text}`) }
    : { url: `${plain}/plain` };
}

/** A bcrypt hash of nothing in particular. */
function hashOf(canaries: Canaries): string {
  const hash = canaries.make('web.basic_auth_users').padEnd(53, 'q');
  return `$2b$04$${hash}`;
}

function serviceAccount(authority: Authority, text: string): string {
  return JSON.stringify({
    type: 'service_account',
    client_email: 'notafter@my-project-1.iam.gserviceaccount.com',
    private_key_id: text,
    private_key: authority.issue({ keyType: 'rsa' }).keyPem,
  });
}

function federation(folder: string, tokenUrl: string, subject: string): string {
  const file = path.join(folder, 'federation.json');
  const credentials = {
    type: 'external_account',
    audience: '//iam.googleapis.com/x',
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    token_url: tokenUrl,
    credential_source: { file: subject },
  };
  writeFileSync(file, JSON.stringify(credentials));
  return file;
}

function kubeconfig(server: string, authority: Authority, token: string): string {
  const ca = Buffer.from(authority.certificate.pem).toString('base64');
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server, 'certificate-authority-data': ca } }],
    users: [{ name: 'u', user: { token } }],
  });
}

/** The authority whose servers and page the daemon believes, with a certificate for all of them. */
export function createSecretAuthority(): { readonly authority: Authority; readonly certificate: TestCertificate } {
  const authority = createAuthority({ name: 'Secrets CA' });
  const names = [
    '127.0.0.1',
    'login.microsoftonline.com',
    'oauth2.googleapis.com',
    '*.googleapis.com',
    '*.vault.azure.net',
  ];
  return { authority, certificate: authority.issue({ names }) };
}

/** What is read of the machine, and not of the config. */
export function secretEnvironment({
  canaries,
  parrots,
  folder,
  authority,
}: Omit<SecretStage, 'good' | 'page'>): Record<string, string> {
  const roots = path.join(folder, 'roots.pem');
  writeFileSync(roots, authority.certificate.pem);
  return {
    ...canaries.environment,
    NOTAFTER_TEST_PASSED: canaries.make('exec.pass_environment'),
    AWS_ACCESS_KEY_ID: 'AKIATEST',
    AWS_SECRET_ACCESS_KEY: canaries.make('AWS_SECRET_ACCESS_KEY'),
    AWS_SESSION_TOKEN: canaries.make('AWS_SESSION_TOKEN'),
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    NODE_EXTRA_CA_CERTS: roots,
    HTTPS_PROXY: `http://127.0.0.1:${parrots.plain}`,
    NO_PROXY: '127.0.0.1',
    HOME: '/nonexistent',
  };
}

/** What a file holds, as text, byte for byte. */
export function bytesOf(file: string): string {
  return readFileSync(file, 'latin1');
}
