import { spawnSync } from 'node:child_process';

import { buildGoPrograms } from '../helpers/go-programs.ts';

import { installLowkeyVault } from './lowkey-vault.ts';
import { installMoto } from './moto.ts';

/** Programs and files of other projects that the service tests use, and the Debian packages that bring them. */
const PROGRAMS: Readonly<Record<string, string>> = {
  '/usr/share/java/bcprov.jar': 'libbcprov-java',
  certtool: 'gnutls-bin',
  certutil: 'libnss3-tools',
  dovecot: 'dovecot-core',
  go: 'golang-go',
  haproxy: 'haproxy',
  imap: 'dovecot-imapd',
  initdb: 'postgresql',
  inspircd: 'inspircd',
  keytool: 'default-jre-headless',
  lmtp: 'dovecot-lmtpd',
  managesieve: 'dovecot-managesieved',
  mariadbd: 'mariadb-server',
  nginx: 'nginx-light',
  openssl: 'openssl',
  pk12util: 'libnss3-tools',
  pop3: 'dovecot-pop3d',
  postfix: 'postfix',
  postgres: 'postgresql',
  prometheus: 'prometheus',
  'prometheus-alertmanager': 'prometheus-alertmanager',
  'prometheus-blackbox-exporter': 'prometheus-blackbox-exporter',
  promtool: 'prometheus',
  prosody: 'prosody',
  slapd: 'slapd',
  vsftpd: 'vsftpd',
};

/** Debian keeps servers, and the programs of PostgreSQL and Dovecot, off the path. */
const SEARCH =
  'PATH="$PATH:/usr/sbin:/usr/lib/dovecot:$(echo /usr/lib/postgresql/*/bin | tr " " :)"; command -v "$1" >/dev/null || test -e "$1"';

function isInstalled(program: string): boolean {
  return spawnSync('sh', ['-c', SEARCH, 'sh', program]).status === 0;
}

function missingPrograms(): string[] {
  return Object.keys(PROGRAMS).filter((program) => !isInstalled(program));
}

function aptGet(...args: readonly string[]): boolean {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return (
    spawnSync('apt-get', ['--quiet', '--yes', ...args], { stdio: ['ignore', 'inherit', 'inherit'], env }).status === 0
  );
}

const wanted = missingPrograms();
if (wanted.length > 0) {
  const packages = [...new Set(wanted.map((program) => PROGRAMS[program] ?? program))];
  console.log(`installing ${packages.join(', ')} for ${wanted.join(', ')}`);
  if (process.getuid?.() === 0 && isInstalled('apt-get')) {
    // The lists are fetched first: on a fresh machine there are none, on an old one they name files that are gone.
    if (aptGet('update')) aptGet('install', '--no-install-recommends', ...packages);
  }
  const missing = missingPrograms();
  if (missing.length > 0) {
    console.error(
      `The service tests need ${missing.join(', ')}, and could not install ${missing.length === 1 ? 'it' : 'them'}: ` +
        `run this as root on a Debian system, or install by hand (Debian: apt-get install ${packages.join(' ')}).`,
    );
    process.exitCode = 1;
  }
}

const noMoto = installMoto();
if (noMoto !== undefined) console.warn(`the tests against moto will be skipped: ${noMoto}`);

const noLowkeyVault = installLowkeyVault();
if (noLowkeyVault !== undefined) console.warn(`the tests against lowkey-vault will be skipped: ${noLowkeyVault}`);

// Without them the chart is not rendered, and Grafana's linter does not run: their tests say so.
for (const reason of buildGoPrograms()) console.warn(reason);
