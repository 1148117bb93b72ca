import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** The tools of others that make keystores, and how they are asked for their version. */
export const TOOLS = {
  OpenSSL: ['openssl', 'version'],
  keytool: ['java', '-version'],
  NSS: ['dpkg-query', '--show', '--showformat=NSS ${Version}', 'libnss3-tools'],
  GnuTLS: ['certtool', '--version'],
  'Bouncy Castle': ['dpkg-query', '--show', '--showformat=Bouncy Castle ${Version}', 'libbcprov-java'],
} as const satisfies Record<string, readonly string[]>;

export type Tool = keyof typeof TOOLS;

export const PASSWORD = 'secret-1';
export const UMLAUTS = 'pässwörd€';

const BOUNCY_CASTLE = '/usr/share/java/bcprov.jar';
/** Fixtures outlive whoever made them. */
const DAYS = '36500';

/** A folder with a CA, a certificate of it, their keys and a list, in which the tools work. */
export interface KeystoreWorkshop {
  readonly folder: string;
  run(program: string, ...args: readonly string[]): void;
  openssl(...args: readonly string[]): void;
  /** `openssl pkcs12 -export` of the certificate, its key and its CA. */
  pkcs12(file: string, password: string, ...args: readonly string[]): void;
  keytool(...args: readonly string[]): void;
  /** keytool with Bouncy Castle as a further provider. */
  bouncy(...args: readonly string[]): void;
  /** `pk12util` of a database that holds the certificate, its key and its CA. */
  nss(file: string, password: string, ...args: readonly string[]): void;
  /** `certtool --to-p12` of the certificate, its key and its CA. */
  gnutls(file: string, ...args: readonly string[]): void;
}

export function openKeystoreWorkshop(folder: string): KeystoreWorkshop {
  const run = (program: string, ...args: readonly string[]): void => {
    const env = { ...process.env, LC_ALL: 'C.UTF-8' };
    const { status, stderr, stdout, error } = spawnSync(program, args, { cwd: folder, encoding: 'utf8', env });
    if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? `${stdout}${stderr}`}`);
  };
  const openssl = (...args: readonly string[]): void => run('openssl', ...args);
  mkdirSync(folder, { recursive: true });
  openssl('req', '-x509', ...EC, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=ca', '-days', DAYS);
  openssl('req', ...EC, '-keyout', 'leaf.key', '-out', 'leaf.csr', '-subj', '/CN=leaf');
  openssl('x509', '-req', '-in', 'leaf.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-out', 'leaf.pem', '-days', DAYS);
  writeFileSync(path.join(folder, 'ca.conf'), CA_CONFIG);
  writeFileSync(path.join(folder, 'index.txt'), '');
  openssl('ca', '-config', 'ca.conf', '-gencrl', '-cert', 'ca.pem', '-keyfile', 'ca.key', '-out', 'crl.pem');
  const pkcs12 = (file: string, password: string, ...args: readonly string[]): void =>
    openssl('pkcs12', '-export', ...LEAF, '-name', 'leaf', '-out', file, '-passout', `pass:${password}`, ...args);
  const keytool = (...args: readonly string[]): void => run('keytool', '-J-XX:TieredStopAtLevel=1', ...args);
  let hasDatabase = false;
  return {
    folder,
    run,
    openssl,
    pkcs12,
    keytool,
    bouncy: (...args) => keytool('-J-Dorg.bouncycastle.bks.enable_v1=true', ...args, ...PROVIDER),
    nss(file, password, ...args) {
      if (!hasDatabase) {
        hasDatabase = true;
        mkdirSync(path.join(folder, 'nss'));
        run('certutil', '-N', '-d', 'nss', '--empty-password');
        pkcs12('nss.p12', PASSWORD);
        run('pk12util', '-i', 'nss.p12', '-d', 'nss', '-W', PASSWORD, '-K', '');
      }
      run('pk12util', '-o', file, '-n', 'leaf', '-d', 'nss', '-W', password, '-K', '', ...args);
    },
    gnutls: (file, ...args) =>
      run('certtool', '--to-p12', ...CERTTOOL_LEAF, '--p12-name', 'leaf', '--outder', '--outfile', file, ...args),
  };
}

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'] as const;
const LEAF = ['-inkey', 'leaf.key', '-in', 'leaf.pem', '-certfile', 'ca.pem'] as const;
const CERTTOOL_LEAF = [
  '--load-privkey',
  'leaf.key',
  '--load-certificate',
  'leaf.pem',
  '--load-ca-certificate',
  'ca.pem',
] as const;
const PROVIDER = [
  '-providerpath',
  BOUNCY_CASTLE,
  '-provider',
  'org.bouncycastle.jce.provider.BouncyCastleProvider',
] as const;
const CA_CONFIG = `[ca]
default_ca = one
[one]
database = index.txt
default_md = sha256
default_crl_days = ${DAYS}
`;

/** The first line in which a tool tells of its version. */
export function versionOf(tool: Tool): string {
  const [program, ...args] = TOOLS[tool];
  const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  return `${stdout}${stderr}`.split('\n')[0]?.trim() ?? '';
}
