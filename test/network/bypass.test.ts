import { describe, expect, test } from 'vitest';

import { createBypass } from '../../src/network/bypass.ts';

describe('createBypass', () => {
  test.each([
    ['example.com', 'example.com', 443, true],
    ['example.com', 'EXAMPLE.com.', 443, true],
    ['example.com', 'api.example.com', 443, true],
    ['example.com', 'badexample.com', 443, false],
    ['.example.com', 'api.example.com', 443, true],
    ['*.example.com', 'api.example.com', 443, true],
    ['.example.com', 'example.com', 443, false],
    ['example.com:8443', 'example.com', 8443, true],
    ['example.com:8443', 'example.com', 443, false],
    ['10.0.0.7', '10.0.0.7', 443, true],
    ['10.0.0.0/8', '10.200.0.1', 443, true],
    ['10.0.0.0/8', '11.0.0.1', 443, false],
    ['10.0.0.0/8:80', '10.0.0.1', 81, false],
    ['2001:db8::/32', '[2001:db8::1]', 443, true],
    ['[2001:db8::1]:443', '2001:db8::1', 443, true],
    ['2001:db8::1', '2001:db8::2', 443, false],
    ['*', 'anything.example', 1, true],
    ['10.0.0.0/8', 'ten.example', 443, false],
  ])('with %s in the list, %s port %i is bypassed: %s', (entry, host, port, expected) => {
    expect(createBypass([entry])(host, port)).toBe(expected);
  });

  test.each(['localhost', 'db.localhost', '127.0.0.1', '127.8.8.8', '::1', '[::1]'])(
    'never sends %s through a proxy',
    (host) => {
      expect(createBypass([])(host, 80)).toBe(true);
    },
  );

  test.each([
    '',
    'a b',
    '10.0.0.0/33',
    '10.0.0.0/x',
    '::1/129',
    'example.com/8',
    'example.com:99999',
    'example.com:0',
    'http://x',
  ])('refuses the entry "%s", and says what one looks like', (entry) => {
    expect(() => createBypass([entry])).toThrow(`"${entry}" is no name, address or network such as example.com`);
  });
});
