import { describe, expect, test } from 'vitest';

import { formatEndpoint, parseEndpoint } from '../../../collectors/endpoint/target.ts';

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
  ])('reads %s', (text, expected) => {
    expect(formatEndpoint(parseEndpoint(text))).toBe(expected);
  });

  test.each([
    [
      'smtp://mail.example.com:25',
      'smtp://mail.example.com:25: the scheme smtp:// is not supported; a target is host, host:port, [IPv6]:port, https://host or tls://host:port',
    ],
    ['postgres://db', /the scheme postgres:\/\/ is not supported/],
    ['example.com:0', /a port is a number from 1 to 65535/],
    ['example.com:65536', /a port is a number/],
    ['example.com:https', /is not a target/],
    ['example.com:', /is not a target/],
    ['', /is not a target/],
    ['https://', /is not a target/],
    ['https://user:password@example.com', /is not a target/],
    ['exa mple.com', /is not a target/],
    ['[example.com]:443', /between brackets stands an IPv6 address/],
    ['2001:db8::7:99999', /is not a target/],
  ])('refuses %j with a text that helps', (text, message) => {
    expect(() => parseEndpoint(text)).toThrow(message);
  });
});
