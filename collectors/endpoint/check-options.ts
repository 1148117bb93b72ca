import type { z } from 'zod';

import type { clientsOption } from './clients.ts';

type ClientConfig = NonNullable<z.input<typeof clientsOption>>[number];

/** What the command line of `check` says about a rehearsal. */
export interface RehearsalFlags {
  /** `--client-cert FILE` */
  readonly clientCert?: string;
  /** `--client-key FILE` */
  readonly clientKey?: string;
  /** `--client-pkcs12 FILE` */
  readonly clientPkcs12?: string;
  /** `--password-file FILE`, as often as it was given. */
  readonly passwordFiles?: readonly string[];
  /** `--request "GET /path"`, or `none`. */
  readonly request?: string;
}

/** Options of the endpoint collector, as they would stand in a config. */
export interface RehearsalConfig {
  readonly clients?: ClientConfig[];
  readonly rehearse?: 'none' | { readonly http: { readonly method: string; readonly path: string } };
}

/** The name of the client in the place of its certificate. */
const NAME = 'check';

/** The collector's options for these flags, for its schema to parse. Throws an Error that names the flag at fault. */
export function rehearsalConfig(flags: RehearsalFlags): RehearsalConfig {
  const client = clientOf(flags);
  const request = requestOf(flags.request);
  return {
    ...(client === undefined ? {} : { clients: [client] }),
    ...(request === undefined ? {} : { rehearse: request }),
  };
}

function clientOf(flags: RehearsalFlags): ClientConfig | undefined {
  const { clientCert, clientKey, clientPkcs12, passwordFiles = [] } = flags;
  const password = passwordFiles.length === 0 ? {} : { password_file: [...passwordFiles] };
  if (clientPkcs12 !== undefined && (clientCert !== undefined || clientKey !== undefined)) {
    throw new Error('give either --client-cert and --client-key, or --client-pkcs12');
  }
  if (clientPkcs12 !== undefined) return { name: NAME, pkcs12_file: clientPkcs12, ...password };
  if (clientCert === undefined && clientKey === undefined) return undefined;
  if (clientCert === undefined || clientKey === undefined) {
    throw new Error(
      `--client-cert and --client-key go together: ${clientKey === undefined ? '--client-key' : '--client-cert'} is missing`,
    );
  }
  return { name: NAME, certificate_file: clientCert, key_file: clientKey, ...password };
}

function requestOf(text: string | undefined): RehearsalConfig['rehearse'] {
  if (text === undefined || text === 'none') return text;
  const [, method, path] = /^([A-Za-z]+)[ \t]+(\/\S*)$/.exec(text.trim()) ?? [];
  if (method === undefined || path === undefined) {
    throw new Error(
      `--request takes a method and a path, such as "GET /status", or none, and not ${JSON.stringify(text)}`,
    );
  }
  return { http: { method: method.toUpperCase(), path } };
}
