import { describe, expect, test } from 'vitest';

import { parseConfig } from '../../src/config/load.ts';

const HASH = '$2y$10$UpNIAFy/0VH.dl5amKpbO.t6bfgqLFgBllvl6Lw.xXwFdU4VeMI92';
const parse = (web: string, more = '') =>
  parseConfig('notafter.yaml', `web: ${web}\n${more}`, { T: 'a-token-of-some-length' }).web;

describe('who may ask', () => {
  test('is everybody on this machine, unless something else is said', () => {
    const { host, port, users, tokens, hosts, rate, tls } = parseConfig('notafter.yaml', '', {}).web;
    expect([host, port, users.size, tokens, hosts, tls]).toEqual(['127.0.0.1', 9919, 0, [], ['127.0.0.1'], undefined]);
    expect(rate).toEqual({ intervalMs: 10, burst: 500 });
  });

  test.each([
    '{listen: ":9919"}',
    '{listen: "0.0.0.0:9919"}',
    '{listen: "[::]:9919"}',
    '{listen: "10.0.0.1:9919"}',
    '{listen: "watch.example.com:9919"}',
    '{listen: "0.0.0.0:9919", tls_server_config: {cert_file: a, key_file: b}}',
    '{listen: "0.0.0.0:9919", tls_server_config: {cert_file: a, key_file: b, client_ca_file: c, client_auth_type: NoClientCert}}',
  ])('must be said beyond it: %s', (web) => {
    expect(() => parse(web)).toThrow(
      /1:\d+: web\.listen: everybody who reaches this address could read all: give basic/,
    );
  });

  test.each([
    ['{listen: "0.0.0.0:9919", insecure_listen: true}'],
    [`{listen: "0.0.0.0:9919", basic_auth_users: {anna: "${HASH}"}}`],
    ['{listen: "0.0.0.0:9919", tokens: [{name: a, scope: read, token: "${T}"}]}'],
    ['{listen: "0.0.0.0:9919", tls_server_config: {cert_file: a, key_file: b, client_ca_file: c}}'],
    ['{listen: "127.9.9.9:1"}'],
    ['{listen: "[::1]:1"}'],
    ['{listen: "localhost:1"}'],
  ])('and then is: %s', (web) => {
    expect(parse(web).port).toBeGreaterThan(0);
  });

  test('has names that may be asked for: those of the page and of the config', () => {
    expect(
      parse('{listen: "127.0.0.1:1", allowed_hosts: [a.example]}', 'external_url: https://watch.example.com/x\n').hosts,
    ).toEqual(['127.0.0.1', 'watch.example.com', 'a.example']);
  });

  test('is read as exporter-toolkit would', () => {
    const web = parse(
      `{listen: "0.0.0.0:9919", tls_server_config: {cert_file: a.pem, key_file: a.key, client_ca_file: ca.pem, client_auth_type: RequireAndVerifyClientCert, client_allowed_sans: [x.example], min_version: TLS13}, basic_auth_users: {anna: "${HASH}"}, rate_limit: {interval: 1s, burst: 20}}`,
    );
    expect(web.tls).toEqual({
      certificateFile: 'a.pem',
      keyFile: 'a.key',
      clientAuthorityFile: 'ca.pem',
      clientNames: ['x.example'],
      minVersion: 'TLSv1.3',
    });
    expect([...web.users]).toEqual([['anna', HASH]]);
    expect(web.rate).toEqual({ intervalMs: 1_000, burst: 20 });
  });

  test('has headers of exporter-toolkit, of which a blank one is none', () => {
    const { headers } = parse(
      '{http_server_config: {http2: false, headers: {Content-Security-Policy: "", X-Frame-Options: deny, X-Content-Type-Options: nosniff, X-XSS-Protection: "1; mode=block", Strict-Transport-Security: "max-age=31536000; includeSubDomains"}}}',
    );
    expect([...headers]).toEqual([
      ['X-Frame-Options', 'deny'],
      ['X-Content-Type-Options', 'nosniff'],
      ['X-XSS-Protection', '1; mode=block'],
      ['Strict-Transport-Security', 'max-age=31536000; includeSubDomains'],
    ]);
    expect([...parse('{}').headers]).toEqual([]);
  });

  test.each([
    ['{http_server_config: {http2: true}}', 'notafter serves HTTP/1.1 alone: leave http2 out, or say false'],
    ['{http_server_config: {headers: {X-Powered-By: me}}}', 'X-Powered-By'],
    ['{http_server_config: {headers: {X-Frame-Options: allow}}}', 'deny or sameorigin'],
    ['{http_server_config: {headers: {X-Content-Type-Options: sniff}}}', 'nosniff'],
    ['{http_server_config: {headers: {Strict-Transport-Security: forever}}}', 'max-age=SECONDS'],
    ['{http_server_config: {headers: {Content-Security-Policy: "a\\r\\nSet-Cookie: b"}}}', 'on one line'],
    ['{basic_auth_users: {anna: secret}}', 'a bcrypt hash'],
    [`{basic_auth_users: {anna: "${HASH.replace('$10$', '$20$')}"}}`, 'a bcrypt hash'],
    ['{basic_auth_users: {"a:b": "x"}}', 'basic_auth_users'],
    ['{tokens: [{name: a, scope: read}]}', 'web.tokens[0]: give token or token_file'],
    ['{tokens: [{name: a, scope: read, token: "${T}", token_file: x}]}', 'give either token or token_file'],
    ['{tokens: [{name: a, scope: all, token: "${T}"}]}', 'web.tokens[0].scope'],
    ['{tokens: [{name: a, scope: read, token: hunter2-hunter2}]}', 'a secret is not written into the config'],
    ['{tls_server_config: {cert_file: a}}', 'key_file'],
    [
      '{tls_server_config: {cert_file: a, key_file: b, client_auth_type: RequireAndVerifyClientCert}}',
      'needs a client_ca_file',
    ],
    ['{tls_server_config: {cert_file: a, key_file: b, client_allowed_sans: [x]}}', 'needs a client_ca_file'],
    ['{allowed_hosts: ["https://x"]}', 'a host name without a port'],
  ])('refuses %s', (web, message) => {
    expect(() => parse(web)).toThrow(message);
    expect(() => parse(web)).not.toThrow('hunter2');
  });
});
