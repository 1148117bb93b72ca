import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/** Where certificates usually lie, and what they are for. Only what is there is written into the config. */
const USUAL_PATHS: readonly { readonly path: string; readonly name: string }[] = [
  { path: '/etc/letsencrypt/live', name: 'letsencrypt' },
  { path: '/etc/kubernetes/pki', name: 'kubernetes-pki' },
  { path: '/var/lib/kubelet/pki', name: 'kubelet' },
  { path: '/etc/nginx', name: 'nginx' },
  { path: '/etc/apache2', name: 'apache' },
  { path: '/etc/httpd', name: 'httpd' },
  { path: '/etc/haproxy', name: 'haproxy' },
  { path: '/etc/postfix', name: 'postfix' },
  { path: '/etc/dovecot', name: 'dovecot' },
  { path: '/etc/openvpn', name: 'openvpn' },
  { path: '/var/lib/postgresql', name: 'postgresql' },
  { path: '/etc/pki/tls', name: 'pki-tls' },
  { path: '/etc/ssl', name: 'system' },
  { path: '/usr/local/share/ca-certificates', name: 'local-authorities' },
];

/** Ports that speak TLS from the first byte. */
const TLS_PORTS: ReadonlySet<number> = new Set([
  443, 465, 563, 636, 853, 989, 990, 993, 995, 2376, 2379, 3269, 5061, 5671, 5986, 6443, 8443, 8883, 9443, 10250,
]);

/** A config for this machine, with comments that show how to go on. */
export async function initialConfig(): Promise<string> {
  const paths = USUAL_PATHS.filter(({ path }) => existsSync(path));
  const ports = await listeningTlsPorts();
  const lines = [
    '# What notafter watches, and who is told. All keys: notafter config schema',
    'sources:',
    ...paths.flatMap(({ path, name }) => [
      `  - name: ${name}`,
      '    type: file',
      '    every: 1h',
      `    paths: [${path}]`,
    ]),
    ...(ports.length > 0
      ? [
          '  - name: this-machine',
          '    type: endpoint',
          '    every: 15m',
          `    targets: [${ports.map((port) => `localhost:${port}`).join(', ')}]`,
        ]
      : []),
    ...(paths.length + ports.length === 0
      ? ['  # Nothing was found on this machine. Begin with a host:', ...example('  # ')]
      : ['  # The hosts that matter to you:', ...example('  # ')]),
    '',
    '# Who is told. Try one with: notafter channel test mail',
    '# channels:',
    '#   - name: mail',
    '#     type: email',
    '#     smtp: {host: mail.example.com, port: 587, username: notafter, password_file: /run/secrets/smtp}',
    '#     to: [oncall@example.com]',
  ];
  const empty = paths.length + ports.length === 0;
  return lines.map((line) => (empty && line === 'sources:' ? 'sources: []' : line)).join('\n');
}

function example(prefix: string): string[] {
  return [
    '- name: partners',
    '  type: endpoint',
    '  every: 15m',
    '  targets: [api.example.com, payments.example.com:8443]',
  ].map((line) => prefix + line);
}

/** Usual TLS ports on which something listens here, from the kernel's table; none where there is no such table. */
async function listeningTlsPorts(): Promise<readonly number[]> {
  const ports = new Set<number>();
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    let text = '';
    try {
      text = await readFile(file, 'utf8');
    } catch {
      continue;
    }
    for (const line of text.split('\n').slice(1)) {
      const [, local, , state] = line.trim().split(/\s+/);
      const port = Number.parseInt(local?.split(':')[1] ?? '', 16);
      if (state === '0A' && TLS_PORTS.has(port)) ports.add(port);
    }
  }
  return [...ports].toSorted((a, b) => a - b);
}
