import { readFile, stat } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { isIPv6 } from 'node:net';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

import type { KubeConfig } from '@kubernetes/client-node';

import { withDeadline } from '../../src/cloud/deadline.ts';
import { quoteFirstLine } from '../../src/cloud/failure.ts';
import type { Context } from '../../src/plugin/context.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Options } from './options.ts';

/** Where the kubelet puts the service account of a pod. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** A plugin of a kubeconfig may ask a cloud for a token. */
const LOGIN_DEADLINE_MS = 30_000;

type TlsSettings = NonNullable<Parameters<Context['network']['stream']>[1]['tls']>;

/** How a cluster is reached: made anew for each request, since tokens and certificates rotate. */
export interface Access {
  /** Without a slash at its end. */
  readonly server: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls?: TlsSettings;
}

export interface AccessSource {
  /** Throws CollectError. */
  open(signal: AbortSignal): Promise<Access>;
  /** The credentials were refused: what is remembered of them is not used again. */
  forget(): void;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The way to a cluster. The service account and a token file are read here, without the vendor's package, which takes as
 * much memory as everything else together; kubeconfigs, with their plugins, are the package's.
 */
export function createAccess(
  given: Pick<Options, 'server' | 'token_file' | 'ca_file' | 'kubeconfig'>,
  context: string | undefined,
  host: Pick<Context, 'secret'>,
  environment: Environment = process.env,
): AccessSource {
  if (given.server !== undefined) {
    return tokenAccess(given.server, { token: given.token_file, ca: given.ca_file }, host);
  }
  const address = environment['KUBERNETES_SERVICE_HOST'];
  const files = kubeconfigFiles(given.kubeconfig, environment);
  if (given.kubeconfig === undefined && context === undefined && address !== undefined && address !== '') {
    const port = environment['KUBERNETES_SERVICE_PORT'] ?? '443';
    const folder = environment['NOTAFTER_SERVICE_ACCOUNT'] ?? SERVICE_ACCOUNT;
    return tokenAccess(
      `https://${isIPv6(address) ? `[${address}]` : address}:${port}`,
      {
        token: join(folder, 'token'),
        ca: join(folder, 'ca.crt'),
      },
      host,
    );
  }
  return kubeconfigAccess(files, context);
}

function kubeconfigFiles(given: string | undefined, environment: Environment): readonly string[] {
  if (given !== undefined) return [given];
  const named = (environment['KUBECONFIG'] ?? '').split(delimiter).filter((path) => path !== '');
  return named.length > 0 ? named : [join(homedir(), '.kube', 'config')];
}

function tokenAccess(
  server: string,
  files: { readonly token: string | undefined; readonly ca: string | undefined },
  host: Pick<Context, 'secret'>,
): AccessSource {
  return {
    async open() {
      const [token, ca] = await Promise.all([
        files.token === undefined ? undefined : readToken(files.token, host),
        files.ca === undefined ? undefined : readCa(files.ca),
      ]);
      return {
        server: server.replace(/\/+$/, ''),
        headers: token === undefined ? {} : { authorization: `Bearer ${token.trim()}` },
        ...(ca === undefined ? {} : { tls: { ca } }),
      };
    },
    forget: () => undefined,
  };
}

/** As a secret: what is written anywhere never holds it. */
async function readToken(path: string, host: Pick<Context, 'secret'>): Promise<string> {
  try {
    return await host.secret({ file: path });
  } catch (error) {
    throw unreadable('the token', path, error instanceof Error ? error.cause : undefined, error);
  }
}

async function readCa(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw unreadable('the CA', path, error, error);
  }
}

function unreadable(what: string, path: string, why: unknown, cause: unknown): CollectError {
  const { code } = (why ?? {}) as NodeJS.ErrnoException;
  return new CollectError(
    code === 'EACCES' || code === 'EPERM' ? 'permission_denied' : 'not_found',
    `${what} of the cluster cannot be read: ${path} (${code ?? 'it is empty'}); in a pod, see that automountServiceAccountToken is not false`,
    { cause },
  );
}

interface Loaded {
  readonly stamp: string;
  readonly config: KubeConfig;
}

function kubeconfigAccess(files: readonly string[], context: string | undefined): AccessSource {
  let loaded: Loaded | undefined;

  /** Read anew when a file has changed; plugins keep their tokens until then. */
  async function load(): Promise<KubeConfig> {
    const stamp = await stampOf(files);
    if (loaded?.stamp === stamp) return loaded.config;
    const { KubeConfig: Config } = await import('@kubernetes/client-node');
    const config = new Config();
    try {
      for (const [rank, file] of files.entries()) {
        if (rank === 0) {
          config.loadFromFile(file);
          continue;
        }
        const more = new Config();
        more.loadFromFile(file);
        config.mergeConfig(more, true);
      }
    } catch (error) {
      throw new CollectError(
        'malformed',
        `the kubeconfig ${files.join(delimiter)} cannot be read: ${quoteFirstLine(messageOf(error))}`,
        { cause: error },
      );
    }
    if (context !== undefined) config.setCurrentContext(context);
    loaded = { stamp, config };
    return config;
  }

  return {
    async open(signal) {
      const config = await load();
      const where = `the context ${config.getCurrentContext()} of ${files.join(delimiter)}`;
      const cluster = config.getCurrentCluster();
      if (cluster === null) {
        throw new CollectError('not_found', `${where} does not exist, or names a cluster that does not`);
      }
      if (cluster.proxyUrl !== undefined) {
        throw new CollectError(
          'unsupported',
          `${where}: the proxy-url of a kubeconfig is not used; set it as network.proxy`,
        );
      }
      const settings: Login = {};
      try {
        await withDeadline(
          `the login of ${where}`,
          signal,
          () => config.applyToHTTPSOptions(settings as RequestOptions),
          LOGIN_DEADLINE_MS,
        );
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof CollectError) throw error;
        throw new CollectError(
          'authentication_failed',
          `${where}: the login could not be prepared: ${quoteFirstLine(messageOf(error))}`,
          { cause: error },
        );
      }
      return { server: cluster.server.replace(/\/+$/, ''), headers: headersOf(settings), tls: tlsOf(settings) };
    },
    forget() {
      loaded = undefined;
    },
  };
}

/** What the package writes into the options of a request. */
interface Login {
  headers?: Record<string, unknown>;
  auth?: string;
  ca?: unknown;
  cert?: unknown;
  key?: unknown;
  servername?: string;
  rejectUnauthorized?: boolean;
}

function headersOf({ headers = {}, auth }: Login): Record<string, string> {
  const given = Object.entries(headers).flatMap(([name, value]) =>
    typeof value === 'string' ? [[name.toLowerCase(), value] as const] : [],
  );
  const basic = auth === undefined ? {} : { authorization: `Basic ${Buffer.from(auth).toString('base64')}` };
  return { ...basic, ...Object.fromEntries(given) };
}

function tlsOf({ ca, cert, key, servername, rejectUnauthorized }: Login): TlsSettings {
  return {
    ...textOf('ca', ca),
    ...textOf('cert', cert),
    ...textOf('key', key),
    ...(servername === undefined ? {} : { serverName: servername }),
    ...(rejectUnauthorized === false ? { verify: false } : {}),
  };
}

function textOf<Name extends string>(name: Name, value: unknown): Partial<Record<Name, string>> {
  if (typeof value !== 'string' && !Buffer.isBuffer(value)) return {};
  return { [name]: value.toString('utf8') } as Record<Name, string>;
}

async function stampOf(files: readonly string[]): Promise<string> {
  const stamps = files.map(async (file) => {
    try {
      const { mtimeMs, size, ino } = await stat(file);
      return `${mtimeMs}:${size}:${ino}`;
    } catch (error) {
      const { code = 'error' } = error as NodeJS.ErrnoException;
      throw new CollectError(
        code === 'EACCES' ? 'permission_denied' : 'not_found',
        `the kubeconfig ${file} cannot be read (${code}); name one with kubeconfig, or run notafter in the cluster`,
        { cause: error },
      );
    }
  });
  return (await Promise.all(stamps)).join(' ');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
