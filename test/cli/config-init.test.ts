import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { findSources } from '../../src/cli/config/found.ts';
import { configFor } from '../../src/cli/config/init.ts';
import { parseConfig } from '../../src/config/load.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'notafter-init-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function write(path: string, text = ''): void {
  mkdirSync(join(root, dirname(path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function found(): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(findSources(root).map(({ name, paths }) => [name, paths]));
}

test.each([
  [
    'nginx',
    '/etc/nginx/sites-available/pay.conf',
    'server {\n  listen 443 ssl;\n  ssl_certificate /srv/tls/a.pem;\n  ssl_certificate_key /srv/tls/a.key;\n  # ssl_certificate /srv/tls/old.pem;\n  proxy_ssl_certificate "/srv/tls/b.pem";\n  ssl_certificate $dynamic;\n}\n',
  ],
  [
    'apache',
    '/etc/apache2/sites-enabled/000.conf',
    '<VirtualHost *:443>\n  SSLCertificateFile /srv/tls/a.pem\n  SSLCertificateKeyFile /srv/tls/a.key\n  SSLCACertificateFile "/srv/tls/b.pem"\n</VirtualHost>\n',
  ],
  [
    'haproxy',
    '/etc/haproxy/haproxy.cfg',
    'frontend f\n  bind :443 ssl crt /srv/tls/a.pem alpn h2\n  # bind :444 ssl crt /srv/tls/old.pem\nbackend b\n  server s 10.0.0.1:443 ssl ca-file /srv/tls/b.pem\n',
  ],
  [
    'postfix',
    '/etc/postfix/main.cf',
    'smtpd_tls_cert_file=/srv/tls/a.pem\nsmtpd_tls_key_file=/srv/tls/a.key\nsmtp_tls_CAfile = /srv/tls/b.pem\n',
  ],
  [
    'dovecot',
    '/etc/dovecot/conf.d/10-ssl.conf',
    'ssl_cert = </srv/tls/a.pem\nssl_key = </srv/tls/a.key\nssl_ca = </srv/tls/b.pem\n',
  ],
  [
    'postgresql',
    '/etc/postgresql/17/main/postgresql.conf',
    "ssl = on\nssl_cert_file = '/srv/tls/a.pem'\nssl_key_file = '/srv/tls/a.key'\nssl_ca_file = '/srv/tls/b.pem' # clients\n#ssl_crl_file = '/x'\n",
  ],
  [
    'mysql',
    '/etc/mysql/mysql.conf.d/tls.cnf',
    '[mysqld]\nssl-cert=/srv/tls/a.pem\nssl-key=/srv/tls/a.key\nssl_ca = /srv/tls/b.pem\n',
  ],
  [
    'docker',
    '/etc/docker/daemon.json',
    '{"tls": true, "tlscert": "/srv/tls/a.pem", "tlskey": "/srv/tls/a.key", "tlscacert":"/srv/tls/b.pem"}',
  ],
])('finds the certificates that %s is configured with', (name, path, text) => {
  write(path, text);
  for (const file of ['/srv/tls/a.pem', '/srv/tls/b.pem', '/srv/tls/a.key', '/srv/tls/old.pem']) write(file);
  expect(found()).toEqual({ [name]: ['/srv/tls/a.pem', '/srv/tls/b.pem'] });
});

test('finds usual places, each where it is there', () => {
  write('/etc/letsencrypt/live/README');
  write('/etc/kubernetes/pki/ca.crt');
  write('/var/lib/kubelet/pki/kubelet.crt');
  write('/etc/ssl/certs/java/cacerts');
  write('/usr/lib/jvm/java-21/lib/security/cacerts');
  mkdirSync(join(root, '/usr/lib/jvm/java-17/lib/security'), { recursive: true });
  symlinkSync('/etc/ssl/certs/java/cacerts', join(root, '/usr/lib/jvm/java-17/lib/security/cacerts'));
  expect(found()).toEqual({
    letsencrypt: ['/etc/letsencrypt/live'],
    kubernetes: ['/etc/kubernetes', '/var/lib/kubelet/pki'],
    java: ['/etc/ssl/certs/java/cacerts', '/usr/lib/jvm/java-21/lib/security/cacerts'],
    system: ['/etc/ssl'],
  });
});

test('is not stopped by loops, by what is no text and by names that would break YAML', () => {
  mkdirSync(join(root, '/etc/nginx'), { recursive: true });
  symlinkSync('.', join(root, '/etc/nginx/loop'));
  write('/etc/nginx/binary.conf', '\u0000\u0001ssl_certificate');
  write('/etc/nginx/odd.conf', 'ssl_certificate /srv/a:b#c.pem;\nssl_certificate /srv/gone.pem;\n');
  write('/srv/a:b#c.pem');
  const text = configFor({ sources: findSources(root), ports: [] });
  expect(parseConfig('new.yaml', text, {}).sources.map(({ options }) => options)).toMatchObject([
    { paths: ['/srv/a:b#c.pem'] },
  ]);
  expect(text).toContain('# nginx: /srv/gone.pem is configured and is not there');
});

test.each([
  ['nothing', [], [], 0],
  ['services', ['/etc/nginx/x.conf', '/etc/letsencrypt/live/pay/fullchain.pem'], [], 2],
  ['ports', [], [22, 25, 443, 5432, 8443], 1],
  ['ports that only may speak TLS', [], [25], 0],
])('writes a config that can be used for a machine with %s', (_what, paths, ports, count) => {
  for (const path of paths) write(path, 'ssl_certificate /etc/letsencrypt/live/pay/fullchain.pem;\n');
  const text = configFor({ sources: findSources(root), ports });
  const { sources } = parseConfig('new.yaml', text, {});
  expect(sources).toHaveLength(count);
});

test('watches nothing twice', () => {
  write('/etc/nginx/x.conf', 'ssl_certificate /etc/letsencrypt/live/pay/fullchain.pem;\n');
  write('/etc/letsencrypt/live/pay/fullchain.pem');
  const text = configFor({ sources: findSources(root), ports: [] });
  const [nginx, letsencrypt] = parseConfig('new.yaml', text, {}).sources.map(({ options }) => options);
  expect(nginx).toMatchObject({ paths: ['/etc/letsencrypt/live/pay/fullchain.pem'], exclude: [] });
  expect(letsencrypt).toMatchObject({ exclude: ['/etc/letsencrypt/live/pay/fullchain.pem'] });
});

test('watches what several services use for the first of them', () => {
  write('/etc/nginx/x.conf', 'ssl_certificate /srv/shared.pem;\n');
  write('/etc/postfix/main.cf', 'smtpd_tls_cert_file = /srv/shared.pem\nsmtpd_tls_CApath = /etc/ssl/certs\n');
  write('/srv/shared.pem');
  expect(found()).toEqual({ nginx: ['/srv/shared.pem'] });
});
