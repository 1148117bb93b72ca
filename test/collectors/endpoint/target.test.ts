import { describe, expect, test } from 'vitest';

import { formatEndpoint, parseEndpoint, withoutUserinfo } from '../../../collectors/endpoint/target.ts';

describe('parseEndpoint', () => {
  test.each([
    ['example.com', 'example.com:443'],
    ['EXAMPLE.com:8443', 'example.com:8443'],
    ['https://example.com', 'example.com:443'],
    ['https://example.com:8443/path?query#part', 'example.com:8443'],
    ['HTTPS://example.com?x', 'example.com:443'],
    ['tls://db.example.com:5432', 'db.example.com:5432'],
    ['127.0.0.1:8443', '127.0.0.1:8443'],
    ['[2001:db8::7]', '[2001:db8::7]:443'],
    ['[2001:DB8::7]:636', '[2001:db8::7]:636'],
    ['https://[::1]:8443/', '[::1]:8443'],
    ['::1', '[::1]:443'],
    ['bücher.example', 'bücher.example:443'],
    ['SMTP://mail.example.com', 'smtp://mail.example.com:25'],
    ['smtp://mail.example.com:2525', 'smtp://mail.example.com:2525'],
    ['submission://mail.example.com', 'smtp://mail.example.com:587'],
    ['postgresql://db/ledger?sslmode=require', 'postgres://db:5432'],
    ['mariadb://db', 'mysql://db:3306'],
    ['xmpp-server://[::1]', 'xmpp-server://[::1]:5269'],
    ['postgres+tls://db', 'postgres+tls://db:5432'],
    // TLS comes first there: the scheme gives no more than the port.
    ['imaps://mail.example.com', 'mail.example.com:993'],
    ['ldaps://dir', 'dir:636'],
    ['mqtts://broker:443', 'broker:443'],
  ])('reads %s', (text, expected) => {
    expect(formatEndpoint(parseEndpoint(text))).toBe(expected);
  });

  test.each([
    [
      'gopher://x',
      /^gopher:\/\/x: the scheme gopher:\/\/ is not supported; there are https:\/\/, .*postgres:\/\/, .*smtp:\/\//,
    ],
    ['example.com:0', /a port is a number from 1 to 65535/],
    ['example.com:65536', /a port is a number/],
    ['example.com:https', /is not a target/],
    ['example.com:', /is not a target/],
    ['', /^"" is not a target; write host/],
    ['https://', /is not a target/],
    ['https://user:password@example.com', /^"https:\/\/example\.com" is not a target with a user name or password/],
    ['exa mple.com', /is not a target/],
    ['[example.com]:443', /between brackets stands an IPv6 address/],
    ['2001:db8::7:99999', /is not a target/],
  ])('refuses %j with a text that helps', (text, message) => {
    expect(() => parseEndpoint(text)).toThrow(message);
  });

  test.each([
    ['gopher://x', 'unsupported'],
    ['exa mple.com', 'malformed'],
    ['example.com:0', 'malformed'],
    ['[example.com]', 'malformed'],
  ])('tells of %s that it is %s', (text, reason) => {
    expect(() => parseEndpoint(text)).toThrow(expect.objectContaining({ name: 'TargetError', reason }));
  });

  test.each([
    'https://me:hunter2@example.com',
    'https://me:hunter2@example.com:0',
    'https://me:hunter2@[example.com]',
    'https://me:x/hunter2@example.com',
    'gopher://me:hunter2@mail.example.com',
    'smtp://me:hunter2@mail.example.com',
    'me:hunter2@example.com',
  ])('repeats no password of %s', (text) => {
    expect(() => parseEndpoint(text)).toThrow(
      expect.objectContaining({ message: expect.not.stringMatching(/hunter2|me:/) }),
    );
  });
});

test.each([
  ['https://user:pw@example.com:8443/a@b', 'https://example.com:8443/a@b'],
  ['https://example.com/a@b?c@d', 'https://example.com/a@b?c@d'],
  ['https://user@[::1]', 'https://[::1]'],
  ['https://user:p/w@example.com', 'https://example.com'],
  ['https://user:p@w@example.com', 'https://example.com'],
  ['user:pw@example.com:443', 'example.com:443'],
  ['example.com', 'example.com'],
  ['', ''],
])('the user name and password of %j are left out', (text, expected) => {
  expect(withoutUserinfo(text)).toBe(expected);
});
