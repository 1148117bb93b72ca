import { columnReader } from './column-line.ts';
import { FIELDS, type Escaping, type Field, type Format } from './field.ts';
import { jsonReader } from './json-line.ts';
import { parseTemplate } from './template.ts';
import { textReader } from './text-line.ts';

export const FORMATS = ['nginx', 'apache', 'haproxy', 'envoy', 'alb', 'json'] as const;
export type FormatName = (typeof FORMATS)[number];

/** The log formats that the README recommends, as they stand in the configuration of the server. */
export const RECOMMENDED = {
  nginx:
    '$time_iso8601\\t$ssl_client_verify\\t$ssl_client_fingerprint\\t$ssl_client_serial\\t$ssl_client_v_end\\t$host\\t$uri\\t$ssl_client_i_dn\\t$ssl_client_s_dn',
  apache:
    '%{%Y-%m-%dT%H:%M:%S%z}t\\t%{SSL_CLIENT_VERIFY}x\\t%{SSL_CLIENT_M_SERIAL}x\\t%{SSL_CLIENT_V_END}x\\t%v\\t%U\\t%{SSL_CLIENT_I_DN}x\\t%{SSL_CLIENT_S_DN}x',
  haproxy: 'notafter %Ts %[ssl_c_verify] %[ssl_c_der,base64] %[ssl_fc_sni] %HPO',
  envoy:
    '%START_TIME%\\t%DOWNSTREAM_PEER_FINGERPRINT_256%\\t%DOWNSTREAM_PEER_CERT_V_END%\\t%REQ(:AUTHORITY)%\\t%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%\\t%DOWNSTREAM_PEER_ISSUER%\\t%DOWNSTREAM_PEER_SUBJECT%',
} as const;

/** https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-connection-logs.html */
const ALB: readonly (Field | undefined)[] = [
  'time',
  undefined,
  undefined,
  'port',
  undefined,
  undefined,
  undefined,
  'subject',
  'validity',
  'serial',
  'verify',
];

const ESCAPING: Readonly<Record<FormatName, Escaping>> = {
  nginx: 'backslash',
  apache: 'backslash',
  haproxy: 'backslash',
  envoy: 'none',
  alb: 'none',
  json: 'json',
};

export interface FormatOptions {
  readonly format: FormatName;
  /** As it stands in the configuration of the server; by default the recommended one. */
  readonly log_format?: string | undefined;
  /** For JSON: the keys, where they are called otherwise than the fields. */
  readonly fields?: Readonly<Partial<Record<Field, string>>> | undefined;
}

/** What tells one certificate from another, alone or with what stands beside it. */
const IDENTITIES: readonly (readonly Field[])[] = [
  ['sha256'],
  ['sha1'],
  ['certificate'],
  ['xfcc'],
  ['serial', 'issuer'],
  ['subject'],
];

/** The format that the options describe. Throws an Error that says what is wrong with them. */
export function openFormat({ format, log_format: given, fields }: FormatOptions): Format {
  const escaping = ESCAPING[format];
  switch (format) {
    case 'json': {
      const keys = Object.fromEntries(FIELDS.map((field) => [field, fields?.[field] ?? field]));
      return { readLine: jsonReader(keys), escaping };
    }
    case 'alb':
      return { readLine: columnReader(ALB), escaping };
    case 'nginx':
    case 'apache':
    case 'haproxy':
    case 'envoy': {
      const parts = parseTemplate(format, given ?? RECOMMENDED[format]);
      const named = new Set(parts.map(({ field }) => field));
      if (!IDENTITIES.some((identity) => identity.every((field) => named.has(field)))) {
        throw new Error(
          'the log format names nothing of the client certificate: see the README of access-log for one that does',
        );
      }
      return { readLine: textReader(parts), escaping };
    }
  }
}
