import { basename, extname } from 'node:path';

import type { z } from 'zod';

import type { Context } from '../../src/plugin/context.ts';
import { proxyUrl } from '../../src/plugin/proxy.ts';
import { safeText } from '../../src/text/safe-text.ts';
import { CLIENT_NAME, clientsOption, faultsOf, type ClientFault } from './clients.ts';
import { METHODS, rehearseOption } from './rehearsals.ts';

type ClientConfig = NonNullable<z.input<typeof clientsOption>>[number];
type ClientFiles = Omit<ClientConfig, 'name'>;

/** What the command line of `check` says about a rehearsal. */
export interface RehearsalFlags {
  /** `--client-cert FILE`, as often as it was given. */
  readonly clientCert?: readonly string[];
  /** `--client-key FILE`: the n-th belongs to the n-th certificate. */
  readonly clientKey?: readonly string[];
  /** `--client-pkcs12 FILE`: these identities come after the others. */
  readonly clientPkcs12?: readonly string[];
  /** `--password-file FILE` */
  readonly passwordFile?: readonly string[];
  /** `--request "GET /path"`, `grpc`, `grpc SERVICE`, `postgres USER DATABASE`, or `none`. */
  readonly request?: string;
  /** `--proxy URL` */
  readonly proxy?: string;
}

/** Options of the endpoint collector, as they would stand in a config. */
export interface RehearsalConfig {
  readonly proxy?: string;
  readonly clients?: ClientConfig[];
  readonly rehearse?: z.input<typeof rehearseOption>;
}

/** The name of a client whose file is not called in a way that can be its name. */
const NAME = 'check';

/** Characters of an error: paths may be long. */
const MAX_TEXT = 5_000;

/**
 * The collector's options for these flags, after everything that they name was read. Throws an Error that names the flag
 * or the file at fault and what to do about it.
 */
export async function prepareRehearsal(
  flags: RehearsalFlags,
  context: Context,
  signal: AbortSignal,
): Promise<RehearsalConfig> {
  const config = rehearsalConfig(flags);
  if (!rehearseOption.safeParse(config.rehearse).success) throw badRequest(flags.request ?? '');
  const proxy = proxyUrl.optional().safeParse(flags.proxy);
  if (!proxy.success) throw new Error(`--proxy: ${proxy.error.issues[0]?.message ?? 'see --help'}`);
  // A password that nobody asks for is read all the same: a wrong path is better told now.
  for (const file of flags.passwordFile ?? []) await readPasswordFile(file, context);
  const clients = clientsOption.safeParse(config.clients);
  if (!clients.success) {
    throw new Error(`the client identities cannot be used: ${clients.error.issues[0]?.message ?? 'see --help'}`);
  }
  const [fault] = await faultsOf(clients.data, context, signal);
  if (fault !== undefined) throw new Error(safeText(fault.detail + adviceOn(fault, flags), { max: MAX_TEXT }));
  return config;
}

/** The collector's options for these flags, for its schema to parse. Throws an Error that names the flag at fault. */
export function rehearsalConfig(flags: RehearsalFlags): RehearsalConfig {
  const clients = clientsOf(flags);
  const request = requestOf(flags.request);
  return {
    ...(clients.length === 0 ? {} : { clients }),
    ...(request === undefined ? {} : { rehearse: request }),
    ...(flags.proxy === undefined ? {} : { proxy: flags.proxy }),
  };
}

async function readPasswordFile(file: string, context: Context): Promise<void> {
  try {
    await context.secret({ file });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`${why}; give --password-file a file with one password a line`, { cause: error });
  }
}

function clientsOf(flags: RehearsalFlags): ClientConfig[] {
  const { clientCert = [], clientKey = [], clientPkcs12 = [], passwordFile = [] } = flags;
  for (const [flag, files] of Object.entries({ cert: clientCert, key: clientKey, pkcs12: clientPkcs12 })) {
    if (files.includes('')) throw new Error(`--client-${flag} needs the name of a file`);
  }
  if (clientCert.length !== clientKey.length) {
    throw new Error(
      `--client-cert and --client-key go together, one key for each certificate in the same order: ${clientCert.length} of the one and ${clientKey.length} of the other are given`,
    );
  }
  const password = passwordFile.length === 0 ? {} : { password_file: [...passwordFile] };
  return named([
    ...clientCert.map((file, index) => ({
      certificate_file: file,
      key_file: clientKey[index] ?? '',
      ...password,
    })),
    ...clientPkcs12.map((file) => ({ pkcs12_file: file, ...password })),
  ]);
}

/** Each is called as its file, where all of the files have names that can be told apart; else they are numbered. */
function named(clients: readonly ClientFiles[]): ClientConfig[] {
  const names = clients.map(({ certificate_file: certificate, pkcs12_file: keystore }) => {
    const file = certificate ?? keystore ?? '';
    return basename(file, extname(file));
  });
  const areNames = names.every((name) => CLIENT_NAME.test(name)) && new Set(names).size === names.length;
  return clients.map((files, index) => {
    const number = clients.length === 1 ? NAME : `${NAME}-${index + 1}`;
    return { name: areNames ? (names[index] ?? number) : number, ...files };
  });
}

/** What to do about a client that cannot be used, where the fault itself does not say it. */
function adviceOn({ reason, part }: ClientFault, { passwordFile }: RehearsalFlags): string {
  if (part === undefined || reason === 'unsupported') return '';
  if (reason === 'wrong_password') {
    return `; give a file with the ${passwordFile === undefined ? '' : 'right '}password by --password-file`;
  }
  switch (part) {
    case 'certificate':
      return '; --client-cert takes a certificate with its intermediates behind it (PEM)';
    case 'key':
      return '; --client-key takes the private key that the certificate was issued for (PEM)';
    case 'keystore':
      return '; --client-pkcs12 takes a keystore with a key (.p12, .pfx), PEM goes to --client-cert and --client-key';
    default:
      return part satisfies never;
  }
}

function requestOf(text: string | undefined): RehearsalConfig['rehearse'] {
  if (text === undefined || text === 'none') return text;
  const [kind = '', first, second, ...more] = text.trim().split(/[ \t]+/);
  if (kind === 'grpc' && second === undefined) return { grpc: first === undefined ? {} : { service: first } };
  if (kind === 'postgres' && first !== undefined && second !== undefined && more.length === 0) {
    return { postgres: { user: first, database: second } };
  }
  const method = METHODS.find((known) => known === kind.toUpperCase());
  if (method === undefined || first?.startsWith('/') !== true || second !== undefined) throw badRequest(text);
  return { http: { method, path: first } };
}

function badRequest(text: string): Error {
  return new Error(
    `--request takes a method and a path, such as "GET /status", grpc with a service or without, postgres with a user and a database, or none, and not ${JSON.stringify(text)}`,
  );
}
