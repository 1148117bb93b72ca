import type { Field } from './field.ts';
import type { Part } from './text-line.ts';

/** The servers whose log formats are understood as they stand in their configuration. */
export type Dialect = 'nginx' | 'apache' | 'haproxy' | 'envoy';

interface Syntax {
  /** Finds a variable: its first group that is there is its name. */
  readonly variable: RegExp;
  /** The field that a variable stands for; undefined for any other. */
  field(name: string): Field | undefined;
}

/** https://nginx.org/en/docs/http/ngx_http_ssl_module.html#variables and ngx_http_core_module */
const NGINX: Readonly<Record<string, Field>> = {
  time_iso8601: 'time',
  time_local: 'time',
  msec: 'time',
  ssl_client_verify: 'verify',
  ssl_client_fingerprint: 'sha1',
  ssl_client_serial: 'serial',
  ssl_client_i_dn: 'issuer',
  ssl_client_s_dn: 'subject',
  ssl_client_v_start: 'not_before',
  ssl_client_v_end: 'not_after',
  ssl_client_escaped_cert: 'certificate',
  http_x_forwarded_client_cert: 'xfcc',
  host: 'host',
  server_name: 'host',
  ssl_server_name: 'host',
  server_port: 'port',
  uri: 'path',
  request_uri: 'path',
  request: 'request',
};

/** https://httpd.apache.org/docs/2.4/mod/mod_log_config.html#formats and mod_ssl.html#envvars */
const APACHE: Readonly<Record<string, Field>> = {
  t: 'time',
  'SSL_CLIENT_VERIFY:x': 'verify',
  'SSL_CLIENT_M_SERIAL:x': 'serial',
  'SSL_CLIENT_I_DN:x': 'issuer',
  'SSL_CLIENT_S_DN:x': 'subject',
  'SSL_CLIENT_V_START:x': 'not_before',
  'SSL_CLIENT_V_END:x': 'not_after',
  'SSL_CLIENT_CERT:x': 'certificate',
  v: 'host',
  V: 'host',
  'Host:i': 'host',
  'SSL_TLS_SNI:x': 'host',
  p: 'port',
  U: 'path',
  r: 'request',
};

/** https://docs.haproxy.org/3.2/configuration.html#8.2.6 and #7.3.4 */
const HAPROXY: Readonly<Record<string, Field>> = {
  t: 'time',
  tr: 'time',
  T: 'time',
  Ts: 'time',
  ssl_c_verify: 'verify',
  'ssl_c_sha1,hex': 'sha1',
  'ssl_c_der,sha2(256),hex': 'sha256',
  'ssl_c_serial,hex': 'serial',
  ssl_c_i_dn: 'issuer',
  ssl_c_s_dn: 'subject',
  ssl_c_notbefore: 'not_before',
  ssl_c_notafter: 'not_after',
  'ssl_c_der,base64': 'certificate',
  ssl_fc_sni: 'host',
  'req.hdr(host)': 'host',
  'capture.req.hdr(0)': 'host',
  fp: 'port',
  HU: 'path',
  HP: 'path',
  HPO: 'path',
  path: 'path',
  'capture.req.uri': 'path',
  r: 'request',
};

/** https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage */
const ENVOY: Readonly<Record<string, Field>> = {
  START_TIME: 'time',
  DOWNSTREAM_PEER_FINGERPRINT_256: 'sha256',
  DOWNSTREAM_PEER_FINGERPRINT_1: 'sha1',
  DOWNSTREAM_PEER_SERIAL: 'serial',
  DOWNSTREAM_PEER_ISSUER: 'issuer',
  DOWNSTREAM_PEER_SUBJECT: 'subject',
  DOWNSTREAM_PEER_CERT: 'certificate',
  DOWNSTREAM_PEER_CERT_V_START: 'not_before',
  DOWNSTREAM_PEER_CERT_V_END: 'not_after',
  'REQ(X-FORWARDED-CLIENT-CERT)': 'xfcc',
  REQUESTED_SERVER_NAME: 'host',
  'REQ(:AUTHORITY)': 'host',
  DOWNSTREAM_LOCAL_PORT: 'port',
  'REQ(:PATH)': 'path',
  'REQ(X-ENVOY-ORIGINAL-PATH?:PATH)': 'path',
  PATH: 'path',
};

const SYNTAX: Readonly<Record<Dialect, Syntax>> = {
  nginx: { variable: /\$(?:\{([a-z0-9_]+)\}|([a-z0-9_]+))/, field: (name) => own(NGINX, name) },
  apache: { variable: /%[<>!,\d]*((?:\{[^}]*\})?(?:\^(?:ti|to|FU|FB)|[a-zA-Z%]))/, field: apacheField },
  haproxy: {
    variable: /%((?:\{[^}]*\})?(?:\[(?:[^\]'"]|'[^']*'|"[^"]*")*\]|[a-zA-Z]+|%))/,
    field: haproxyField,
  },
  envoy: { variable: /%([A-Za-z_0-9]+(?:\([^)]*\))?(?::\d+)?)%/, field: envoyField },
};

function own(table: Readonly<Record<string, Field>>, name: string): Field | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

function apacheField(name: string): Field | undefined {
  const [, argument, letter = ''] = /^(?:\{([^}]*)\})?(.*)$/.exec(name) ?? [];
  if (letter === 't') return 'time';
  return argument === undefined ? own(APACHE, letter) : own(APACHE, `${argument}:${letter}`);
}

function haproxyField(name: string): Field | undefined {
  const expression = /\[(.*)\]$/.exec(name)?.[1];
  if (expression === undefined) return own(HAPROXY, name.replace(/^\{[^}]*\}/, ''));
  const plain = expression.replaceAll(/\s/g, '');
  // ssl_c_s_dn(,0,rfc2253) is ssl_c_s_dn in the notation of RFC 4514; one part of it, ssl_c_s_dn(cn), is not.
  const dn = /^(ssl_c_[is]_dn)(?:\(,(?:0?,rfc2253|0)\))?$/.exec(plain)?.[1];
  return own(HAPROXY, dn ?? plain);
}

function envoyField(name: string): Field | undefined {
  return own(ENVOY, name.startsWith('START_TIME') ? 'START_TIME' : name.toUpperCase().replace(/:\d+$/, ''));
}

const NAMED: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r' };

/**
 * Takes a log format apart as it stands in the configuration of the server. Throws an Error that says what is wrong with
 * it: two variables without anything in between cannot be told apart in a line.
 */
export function parseTemplate(dialect: Dialect, format: string): readonly Part[] {
  const { variable, field } = SYNTAX[dialect];
  const parts: Part[] = [];
  const all = new RegExp(variable, 'g');
  let literal = '';
  let at = 0;
  let isOpen = false;
  let quotesAll = false;
  const close = (): void => {
    if (isOpen && literal === '') {
      throw new Error('two variables follow each other with nothing in between: put a tab between them');
    }
  };
  for (const found of format.matchAll(all)) {
    literal += unescape(format.slice(at, found.index));
    at = found.index + found[0].length;
    const name = found.slice(1).find((group) => group !== undefined) ?? '';
    if (name === '%') {
      literal += '%';
      continue;
    }
    const flags = dialect === 'haproxy' ? /^\{([^}]*)\}/.exec(name)?.[1] : undefined;
    if (flags !== undefined && /^\{[^}]*\}o$/.test(name)) {
      quotesAll = flags.includes('+Q');
      continue;
    }
    const isQuoted =
      dialect === 'haproxy' && (quotesAll ? flags?.includes('-Q') !== true : flags?.includes('+Q') === true);
    if (isQuoted) literal += '"';
    close();
    parts.push({ literal, field: field(name) });
    isOpen = true;
    literal = isQuoted ? '"' : '';
  }
  literal += unescape(format.slice(at));
  if (parts.length === 0) throw new Error('there is no variable in it');
  if (literal !== '') parts.push({ literal, field: null });
  return parts;
}

/** As servers read a quoted text of their configuration. */
function unescape(text: string): string {
  return text.replace(/\\(.)/g, (_, character: string) => NAMED[character] ?? character);
}
