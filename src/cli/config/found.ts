import { existsSync, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** What a source of type `file` could watch, and why. */
export interface FoundSource {
  readonly name: string;
  /** Where it was found, for a comment. */
  readonly why: string;
  readonly paths: readonly string[];
  /** Configured, and not there. */
  readonly missing: readonly string[];
}

/** A service whose configuration names certificates. */
interface Service {
  readonly name: string;
  /** Files, and folders with everything below them. */
  readonly configs: readonly string[];
  /** Which files of a folder are its configuration. */
  readonly files: RegExp;
  /** A line that names a certificate, a bundle or a CRL: its group is the path. Folders of everybody's authorities are watched as such. */
  readonly line: RegExp;
}

const ANY = /^[^.]/;
/** A value: quoted, or up to the next blank or semicolon. */
const VALUE = String.raw`["']?(\/[^\s"';]+)`;

/** Keys of the services' own documents; private keys are found beside what they name. */
const SERVICES: readonly Service[] = [
  {
    name: 'nginx',
    configs: ['/etc/nginx', '/usr/local/etc/nginx'],
    files: ANY,
    line: lineOf(String.raw`\s*(?:\w+_)?ssl_(?:certificate|client_certificate|trusted_certificate|crl)\s+`),
  },
  {
    name: 'apache',
    configs: ['/etc/apache2', '/etc/httpd'],
    files: ANY,
    line: lineOf(
      String.raw`\s*SSL(?:Certificate|CertificateChain|CACertificate|CARevocation|ProxyMachineCertificate|ProxyCACertificate)File\s+`,
    ),
  },
  {
    name: 'haproxy',
    configs: ['/etc/haproxy'],
    files: /\.(?:cfg|conf)$/,
    line: new RegExp(String.raw`^[^#\n]*?\s(?:crt|ca-file|ca-verify-file|crl-file)\s+${VALUE}`, 'gm'),
  },
  {
    name: 'postfix',
    configs: ['/etc/postfix/main.cf', '/etc/postfix/master.cf'],
    files: ANY,
    line: lineOf(String.raw`\s*(?:-o\s+)?\w*_tls_(?:\w*cert_file|chain_files|CAfile)\s*=\s*`),
  },
  {
    name: 'dovecot',
    configs: ['/etc/dovecot'],
    files: /\.(?:conf|ext)$/,
    line: lineOf(
      String.raw`\s*(?:ssl_cert|ssl_ca|ssl_client_ca_file|ssl_server_cert_file|ssl_server_ca_file|ssl_client_cert)\s*=\s*<?\s*`,
    ),
  },
  {
    name: 'postgresql',
    configs: ['/etc/postgresql', '/var/lib/pgsql/data/postgresql.conf', '/var/lib/postgresql/data/postgresql.conf'],
    files: /\.conf$/,
    line: lineOf(String.raw`\s*ssl_(?:cert|ca|crl)_file\s*=?\s*`),
  },
  {
    name: 'mysql',
    configs: ['/etc/mysql', '/etc/my.cnf', '/etc/my.cnf.d'],
    files: /\.cnf$/,
    line: lineOf(String.raw`\s*ssl[-_](?:cert|ca|crl)\s*=\s*`),
  },
  {
    name: 'docker',
    configs: ['/etc/docker/daemon.json'],
    files: ANY,
    line: new RegExp(String.raw`"tls(?:ca)?cert"\s*:\s*${VALUE}`, 'g'),
  },
];

/** Where certificates usually lie, and what they are for. */
const FOLDERS: readonly { readonly name: string; readonly paths: readonly string[] }[] = [
  { name: 'letsencrypt', paths: ['/etc/letsencrypt/live'] },
  {
    name: 'kubernetes',
    paths: [
      '/etc/kubernetes',
      '/var/lib/kubelet/pki',
      '/var/lib/rancher/k3s/server/tls',
      '/etc/rancher/k3s/k3s.yaml',
      '/var/lib/etcd/pki',
    ],
  },
  { name: 'docker-registries', paths: ['/etc/docker/certs.d'] },
  { name: 'openvpn', paths: ['/etc/openvpn'] },
  { name: 'java', paths: ['/etc/ssl/certs/java/cacerts', '/etc/pki/java/cacerts'] },
  { name: 'local-authorities', paths: ['/usr/local/share/ca-certificates', '/etc/pki/ca-trust/source/anchors'] },
  { name: 'system', paths: ['/etc/ssl', '/etc/pki/tls'] },
];
/** Java installations bring trust stores of their own, where the system does not share one. */
const JAVA_FOLDER = '/usr/lib/jvm';

const MAX_CONFIG_FILES = 2_000;
const MAX_CONFIG_BYTES = 1024 * 1024;
const MAX_DEPTH = 6;
/** Paths of one service: a hosting server names thousands, which are better found by their folder. */
const MAX_PATHS = 200;

function lineOf(key: string): RegExp {
  return new RegExp(`^${key}${VALUE}`, 'gm');
}

/** What this machine has, below `root`. Reads configurations of services and looks which folders there are. Never throws. */
export function findSources(root = '/'): readonly FoundSource[] {
  /** Watched already: what several services use is watched for the first of them. */
  const taken = new Set<string>();
  const services = SERVICES.flatMap((service): FoundSource[] => {
    const found = findService(service, root);
    if (found === undefined) return [];
    const paths = found.paths.filter((path) => !taken.has(path));
    for (const path of paths) taken.add(path);
    return paths.length === 0 && found.missing.length === 0 ? [] : [{ ...found, paths }];
  });
  const folders = FOLDERS.flatMap(({ name, paths }): FoundSource[] => {
    const there = [...paths, ...(name === 'java' ? javaStores(root) : [])].filter(
      (path) => existsSync(join(root, path)) && !taken.has(path),
    );
    return there.length === 0 ? [] : [{ name, why: 'a usual place', paths: there, missing: [] }];
  });
  return [...services, ...folders];
}

function findService({ name, configs, files, line }: Service, root: string): FoundSource | undefined {
  const named = new Set<string>();
  const from = new Set<string>();
  for (const config of configs.flatMap((path) => configFiles(path, files, root))) {
    for (const match of readText(join(root, config)).matchAll(line)) {
      const path = match.at(-1) ?? '';
      // A variable of the service's own is not for us to fill in.
      if (path.includes('$') || path.includes('%')) continue;
      named.add(path.replace(/,$/, ''));
      from.add(config);
    }
  }
  if (named.size === 0) return undefined;
  const [first = '', ...others] = from;
  const all = [...named].toSorted().slice(0, MAX_PATHS);
  return {
    name,
    why: others.length === 0 ? first : `${first} and ${others.length} more`,
    paths: all.filter((path) => existsSync(join(root, path))),
    missing: all.filter((path) => !existsSync(join(root, path))),
  };
}

/** The configuration files at a path, without `root`; links are followed, as sites-enabled has them. */
function configFiles(path: string, files: RegExp, root: string): readonly string[] {
  const found: string[] = [];
  const open = [{ path, depth: 0 }];
  for (let next = open.pop(); next !== undefined && found.length < MAX_CONFIG_FILES; next = open.pop()) {
    const { path: at, depth } = next;
    try {
      const stats = statSync(join(root, at));
      if (stats.isFile()) {
        if (stats.size <= MAX_CONFIG_BYTES && (depth === 0 || files.test(at.slice(at.lastIndexOf('/') + 1)))) {
          found.push(at);
        }
      } else if (stats.isDirectory() && depth < MAX_DEPTH) {
        const names = readdirSync(join(root, at)).toSorted().toReversed();
        for (const name of names.slice(0, MAX_CONFIG_FILES)) open.push({ path: `${at}/${name}`, depth: depth + 1 });
      }
    } catch {
      // Not there, or not for us to read: nothing is proposed from it.
    }
  }
  return found;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Debian's stores are links to the one of the system. */
function isOwnFile(path: string): boolean {
  return existsSync(path) && lstatSync(path).isFile();
}

function javaStores(root: string): readonly string[] {
  const stores: string[] = [];
  try {
    for (const name of readdirSync(join(root, JAVA_FOLDER)).toSorted()) {
      const path = `${JAVA_FOLDER}/${name}/lib/security/cacerts`;
      if (!lstatSync(join(root, JAVA_FOLDER, name)).isSymbolicLink() && isOwnFile(join(root, path))) stores.push(path);
    }
  } catch {
    return [];
  }
  return stores;
}
