import { isIP } from 'node:net';

import { z } from 'zod';

import type { SecretRef } from '../plugin/context.ts';
import { durationOption, secretFields, secretOf } from '../plugin/options.ts';
import { headersOf, httpServerSection } from './web-headers.ts';

/** What the config says of who may ask, and how. */
export interface WebConfig {
  readonly host: string;
  readonly port: number;
  /** Absent: plain HTTP. */
  readonly tls?: {
    readonly certificateFile: string;
    readonly keyFile: string;
    /** Whose clients may connect; a client then needs a certificate. */
    readonly clientAuthorityFile?: string;
    /** Names, one of which a client's certificate must have; empty: any name. */
    readonly clientNames: readonly string[];
    readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  };
  /** User names with the bcrypt hashes of their passwords. */
  readonly users: ReadonlyMap<string, string>;
  readonly tokens: readonly { readonly name: string; readonly scope: 'read' | 'write'; readonly secret: SecretRef }[];
  /** Host names by which this may be asked for, beside addresses and names inside. */
  readonly hosts: readonly string[];
  /** Headers of every answer, beside those that notafter sends, or instead of them. */
  readonly headers: ReadonlyMap<string, string>;
  /** Each client address gets a request back after this time, up to so many. */
  readonly rate: { readonly intervalMs: number; readonly burst: number };
}

const MAX_PORT = 65_535;

const listen = z
  .string()
  .regex(/^(?:\[[0-9a-fA-F:.]+\]|[^:\s]*):\d{1,5}$/, {
    error: 'address:port, e.g. 127.0.0.1:9919 or [::]:9919',
    abort: true,
  })
  .refine((text) => Number(text.slice(text.lastIndexOf(':') + 1)) <= MAX_PORT, `a port is at most ${MAX_PORT}`);

const BCRYPT = /^\$2[aby]\$(?:0[4-9]|1[0-4])\$[./A-Za-z0-9]{53}$/;

/** The `web:` section; the names are those of exporter-toolkit's web configuration. */
export const webSection = z.strictObject({
  listen: listen.default('127.0.0.1:9919').describe('Where /metrics, the API and the page are served.'),
  insecure_listen: z
    .boolean()
    .default(false)
    .describe('Listen beyond this machine without a login: everybody who reaches it may read. Changes still need one.'),
  allowed_hosts: z
    .array(z.string().regex(/^[A-Za-z0-9_.-]{1,253}$/, 'a host name without a port'))
    .max(100)
    .optional()
    .describe(
      'Host names by which people ask for it, beside that of external_url; others are refused (DNS rebinding).',
    ),
  tls_server_config: z
    .strictObject({
      cert_file: z.string().min(1).describe('PEM: the certificate and its chain. Read again when it changes.'),
      key_file: z.string().min(1).describe('PEM: its private key.'),
      client_ca_file: z.string().min(1).optional().describe('PEM: the CAs whose clients may connect.'),
      client_auth_type: z
        .enum(['NoClientCert', 'RequireAndVerifyClientCert'])
        .optional()
        .describe('Default: RequireAndVerifyClientCert with a client_ca_file, else NoClientCert.'),
      client_allowed_sans: z
        .array(z.string().min(1))
        .optional()
        .describe('Names, one of which the certificate of a client must have.'),
      min_version: z.enum(['TLS12', 'TLS13']).default('TLS12'),
    })
    .optional()
    .describe('Serve by TLS.'),
  http_server_config: httpServerSection.optional().describe('How it is served.'),
  basic_auth_users: z
    .record(
      z.string().regex(/^[^:]{1,100}$/, 'a user name: no colon'),
      z.string().regex(BCRYPT, 'a bcrypt hash of a cost from 4 to 14, as "htpasswd -nBC 10 NAME" makes it'),
    )
    .optional()
    .describe('Who may log in, with the bcrypt hash of the password. They may read and write.'),
  tokens: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, 'letters, digits, "_", "." and "-"'),
        scope: z.enum(['read', 'write']).describe('write: also acknowledge, silence, reload, test a channel.'),
        ...secretFields('token', 'At least 16 characters'),
      }),
    )
    .optional()
    .describe(
      'For programs: Authorization: Bearer TOKEN; or, where only basic is to be had, as the password of any user.',
    ),
  rate_limit: z
    .strictObject({
      interval: durationOption('A client address gets a request back after this time.', '10ms'),
      burst: z.int().min(1).max(100_000).default(500).describe('Requests at once.'),
    })
    .optional(),
});

type Report = (path: readonly PropertyKey[], message: string) => void;

/** What the section means; what does not fit together is reported. */
export function webConfig(
  raw: z.output<typeof webSection> | undefined,
  externalUrl: string | undefined,
  report: Report,
): WebConfig {
  const section = raw ?? webSection.parse({});
  const colon = section.listen.lastIndexOf(':');
  const host = section.listen.slice(0, colon).replace(/^\[|\]$/g, '') || '0.0.0.0';
  const tls = tlsOf(section.tls_server_config, report);
  const users = new Map(Object.entries(section.basic_auth_users ?? {}));
  const tokens = (section.tokens ?? []).flatMap((token, index) => {
    const path = ['web', 'tokens', index];
    try {
      const secret = secretOf(token, 'token');
      if (secret !== undefined) return [{ name: token.name, scope: token.scope, secret }];
      report(path, 'give token or token_file');
    } catch (error) {
      report(path, error instanceof Error ? error.message : String(error));
    }
    return [];
  });
  const hasLogin = users.size > 0 || tokens.length > 0 || tls?.clientAuthorityFile !== undefined;
  if (!isLoopback(host) && !hasLogin && !section.insecure_listen) {
    report(
      ['web', 'listen'],
      'everybody who reaches this address could read all: give basic_auth_users, tokens or a client_ca_file, listen on 127.0.0.1, or say insecure_listen: true',
    );
  }
  return {
    host,
    port: Number(section.listen.slice(colon + 1)),
    ...(tls === undefined ? {} : { tls }),
    users,
    tokens,
    hosts: [
      host,
      ...(externalUrl === undefined ? [] : [new URL(externalUrl).hostname]),
      ...(section.allowed_hosts ?? []),
    ],
    headers: headersOf(section.http_server_config),
    rate: { intervalMs: section.rate_limit?.interval ?? 10, burst: section.rate_limit?.burst ?? 500 },
  };
}

function tlsOf(section: z.output<typeof webSection>['tls_server_config'], report: Report): WebConfig['tls'] {
  if (section === undefined) return undefined;
  const { client_ca_file: file, client_auth_type: type, client_allowed_sans: names = [] } = section;
  const path = ['web', 'tls_server_config'];
  if (type === 'RequireAndVerifyClientCert' && file === undefined) {
    report([...path, 'client_auth_type'], 'needs a client_ca_file: the CAs whose clients may connect');
  }
  const isRequired = file !== undefined && type !== 'NoClientCert';
  if (names.length > 0 && !isRequired) {
    report(
      [...path, 'client_allowed_sans'],
      'needs a client_ca_file, and client_auth_type: RequireAndVerifyClientCert',
    );
  }
  return {
    certificateFile: section.cert_file,
    keyFile: section.key_file,
    ...(isRequired ? { clientAuthorityFile: file } : {}),
    clientNames: names,
    minVersion: section.min_version === 'TLS13' ? 'TLSv1.3' : 'TLSv1.2',
  };
}

/** An address of this machine alone. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '::1') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}
