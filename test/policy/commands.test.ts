import { execFileSync } from 'node:child_process';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { checkCommand, lookCommand, reachOf } from '../../src/policy/commands.ts';
import { quote } from '../../src/text/shell.ts';
import { endpointLocation, fileLocation, leaf } from './places.ts';

describe('quote', () => {
  const shellWords = (words: readonly string[]): readonly string[] =>
    execFileSync('/bin/sh', ['-c', words.map((word) => `printf '%s\\0' ${word}`).join('\n')], { encoding: 'utf8' })
      .split('\0')
      .slice(0, -1);

  test('gives a shell back exactly the word, whatever is in it', () => {
    const nasty = [
      "it's",
      '$(reboot)',
      '`id`',
      'a b',
      '',
      '*',
      '~',
      '#x',
      '"',
      '\\',
      '!!',
      ';ls',
      '&',
      '|x',
      '<y',
      '{a,b}',
      '[x]',
      "'",
      "''",
      '-rf',
      'ü→',
      '%s',
    ];
    const words = [
      ...nasty,
      ...fc.sample(
        fc.string({
          unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
          maxLength: 40,
        }),
        { numRuns: 300, seed: 7 },
      ),
    ];
    expect(shellWords(words.map(quote))).toEqual(words);
  });

  test('leaves no line break and no control character, which a terminal would act on', () => {
    expect(quote('/etc/ssl/a\nrm -rf ~\r\u001b[2J.pem')).toBe("'/etc/ssl/a rm -rf ~ [2J.pem'");
  });
});

const endpoint = (target: string, serverName?: string, address = '10.0.0.7', port = 8443) => {
  const here = endpointLocation([leaf()], { target });
  const { serverName: _, ...facts } = here.endpoint;
  return { ...here, endpoint: { ...facts, address, port, ...(serverName === undefined ? {} : { serverName }) } };
};

describe('the commands for an endpoint behind a proxy', () => {
  const behind = (proxy: string, address = '10.0.0.7', serverName?: string): ReturnType<typeof endpoint> => {
    const here = endpoint('api.example.com:8443', serverName, address);
    return { ...here, endpoint: { ...here.endpoint, proxy } };
  };

  test('an HTTP proxy is one for OpenSSL, too', () => {
    const here = behind('http://proxy.example.com:3128', 'api.example.com', 'api.example.com');
    expect(lookCommand(here)).toMatch(
      /^openssl s_client -connect api\.example\.com:8443 -proxy proxy\.example\.com:3128 -servername api\.example\.com /,
    );
    expect(checkCommand(here)).toBe('notafter check api.example.com:8443 --proxy http://proxy.example.com:3128');
  });

  test('through another it is notafter that looks', () => {
    const here = behind('socks5://proxy.example.com:1080', '10.0.0.7', 'api.example.com');
    expect(lookCommand(here)).toBe('notafter check api.example.com:8443 --proxy socks5://proxy.example.com:1080');
  });

  test('OpenSSL is told to ask for no name where none was asked for and it would of itself', () => {
    expect(lookCommand(behind('http://[::1]:3128', 'api.example.com'))).toContain(
      "-connect api.example.com:8443 -proxy '[::1]:3128' -noservername ",
    );
    expect(lookCommand(endpoint('api.example.com:8443'))).not.toContain('servername');
  });
});

describe('lookCommand', () => {
  const show = '-showcerts </dev/null | openssl x509 -noout -subject -issuer -dates -fingerprint -sha256';

  test.each<[string, ReturnType<typeof endpoint>, string]>([
    [
      'a host',
      endpoint('api.example.com:8443', 'api.example.com'),
      `openssl s_client -connect 10.0.0.7:8443 -servername api.example.com ${show}`,
    ],
    [
      'an IPv6 address',
      endpoint('[2001:db8::7]:443', undefined, '2001:db8::7', 443),
      `openssl s_client -connect '[2001:db8::7]:443' ${show}`,
    ],
    [
      'a mail server',
      endpoint('smtp://mail.example.com:25', 'mail.example.com', '10.0.0.8', 25),
      `openssl s_client -connect 10.0.0.8:25 -servername mail.example.com -starttls smtp ${show}`,
    ],
    [
      'a database',
      endpoint('postgres://db:5432', 'db', '10.0.0.9', 5432),
      `openssl s_client -connect 10.0.0.9:5432 -servername db -starttls postgres ${show}`,
    ],
    [
      'a chat server',
      endpoint('xmpp-server://chat.example.com:5269', 'chat.example.com', '10.0.0.9', 5269),
      `openssl s_client -connect 10.0.0.9:5269 -servername chat.example.com -starttls xmpp-server -xmpphost chat.example.com ${show}`,
    ],
    ['a desktop', endpoint('rdp://desk:3389', 'desk', '10.0.0.9', 3389), 'notafter check rdp://desk:3389'],
    [
      'a name that is an attack',
      endpoint('x:443', 'a$(reboot)', '10.0.0.7', 443),
      `openssl s_client -connect 10.0.0.7:443 -servername 'a$(reboot)' ${show}`,
    ],
    [
      'a name that is an option',
      endpoint('x:443', '-engine=evil', '10.0.0.7', 443),
      `openssl s_client -connect 10.0.0.7:443 ${show}`,
    ],
  ])('shows what %s serves', (_, location, command) => {
    expect(lookCommand(location)).toBe(command);
  });

  test.each([
    ['/a/keystore.p12', 'openssl pkcs12 -in /a/keystore.p12 -nokeys -info'],
    ['/a/trust.JKS', 'keytool -list -v -keystore /a/trust.JKS'],
    ['/a/ca.crl', 'openssl crl -in /a/ca.crl -noout -issuer -lastupdate -nextupdate'],
    ['/a/cert.der', 'openssl x509 -inform der -in /a/cert.der -noout -subject -issuer -dates -fingerprint -sha256'],
    [
      "/a/it's here.pem",
      String.raw`openssl crl2pkcs7 -nocrl -certfile '/a/it'\''s here.pem' | openssl pkcs7 -print_certs -noout -text | grep -E 'Subject:|Not After'`,
    ],
  ])('shows what is in %s', (location, command) => {
    expect(lookCommand(fileLocation([], { location }))).toBe(command);
  });

  test('shows what a cloud store holds', () => {
    const arn = 'arn:aws:acm:eu-west-1:123456789012:certificate/abc-1';
    expect(lookCommand(fileLocation([], { type: 'aws-acm', location: arn }))).toBe(
      `aws acm describe-certificate --region eu-west-1 --certificate-arn ${arn}`,
    );
    const vault = 'https://v.vault.azure.net/certificates/api';
    expect(lookCommand(fileLocation([], { type: 'azure-key-vault', location: vault }))).toBe(
      `az keyvault certificate show --id ${vault}`,
    );
    expect(lookCommand(fileLocation([], { type: 'other', location: 'x/y' }))).toBeUndefined();
  });
});

test('checkCommand looks at the same place again', () => {
  expect(checkCommand(endpoint('smtp://mail.example.com:25'))).toBe('notafter check smtp://mail.example.com:25');
  expect(checkCommand(fileLocation([], { location: '/a b.pem' }))).toBe("notafter check '/a b.pem'");
  expect(checkCommand(fileLocation([], { type: 'aws-acm', location: 'arn:x' }))).toBeUndefined();
});

test.each<[string, ReturnType<typeof reachOf>]>([
  ['example.com', { host: 'example.com', port: 443 }],
  ['example.com:8443', { host: 'example.com', port: 8443 }],
  ['https://example.com/path', { host: 'example.com', port: 443 }],
  ['smtp://mail:25', { host: 'mail', port: 25, starttls: 'smtp' }],
  ['[2001:db8::1]:443', { host: '2001:db8::1', port: 443 }],
  ['-oProxyCommand=x:443', undefined],
  ['a b', undefined],
])('%s is reached at %o', (target, expected) => {
  const { endpoint: _, ...location } = endpointLocation([leaf()], { target });
  expect(reachOf(location)).toEqual(expected);
});
