import fc from 'fast-check';
import { isIP } from 'node:net';
import { describe, expect, test } from 'vitest';

import { parseHost } from '../../src/network/host.ts';
import { NetworkError } from '../../src/network/network.ts';

/** What is read is an address as written, or a name that nobody takes for one; what is not read is refused in our words. */
function isReadSafely(text: string): boolean {
  try {
    const host = parseHost(text);
    if (host.kind === 'address') return host.address === text && isIP(text) === host.family;
    const url = `http://${host.name}/`;
    const asUrl = URL.canParse(url) ? isIP(new URL(url).hostname) : 0;
    return /^[a-z0-9_.-]+$/.test(host.name) && isIP(host.name) === 0 && asUrl === 0;
  } catch (error) {
    return error instanceof NetworkError;
  }
}

describe('parseHost', () => {
  test.each([
    ['127.0.0.1', 4],
    ['::1', 6],
    ['2001:db8::7', 6],
    ['::ffff:127.0.0.1', 6],
  ])('takes %s for the address that it is', (text, family) => {
    expect(parseHost(text)).toEqual({ kind: 'address', address: text, family });
  });

  test.each([
    ['api.example.com', 'api.example.com', false],
    ['API.Example.com', 'api.example.com', false],
    ['api.example.com.', 'api.example.com', true],
    ['localhost', 'localhost', false],
    ['_sip._tls.example.com', '_sip._tls.example.com', false],
    ['bücher.example', 'xn--bcher-kva.example', false],
    ['1.2.3.example', '1.2.3.example', false],
    ['0x7f.example', '0x7f.example', false],
  ])('takes %s for a name', (text, name, absolute) => {
    expect(parseHost(text)).toEqual({ kind: 'name', name, absolute });
  });

  test.each([
    '2130706433',
    '0x7f000001',
    '0x7F000001',
    '017700000001',
    '0x7f.1',
    '0177.0.0.1',
    '127.1',
    '127.0.0.1.',
    '0',
    '0x0',
    '0x',
    '2852039166',
    '0251.0376.0251.0376',
    '1.2.3.4.5',
    '１２７.0.0.1',
    '①②⑦.0.0.1',
    '127。0。0。1',
    'example.0x7f',
    '256.1.1.1',
  ])('refuses %s, which a lenient parser turns into an address', (text) => {
    expect(() => parseHost(text)).toThrow(NetworkError);
    expect(() => parseHost(text)).toThrow(/not a host name|is not an address|usual form/);
  });

  test.each([
    '',
    '.',
    'a..b',
    '-a.example',
    'a b',
    'a/b',
    'a@b',
    'a:b',
    'x\r\nHost: y',
    `${'a'.repeat(64)}.example`,
    `${'a.'.repeat(130)}b`,
  ])('refuses %j, which is no host name', (text) => {
    expect(() => parseHost(text)).toThrow(expect.objectContaining({ name: 'NetworkError', reason: 'dns' }));
  });

  test('shows what it refused in printable ASCII only', () => {
    let message = '';
    try {
      parseHost('evil\u202e\u001b[2J\n.example');
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toMatch(/^[\x20-\x7e]+$/);
    expect(message).toContain('\\u202e');
  });

  test('gives, for any text at all, an address as written, a plain name, or an error of its own', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), fc.webUrl(), fc.ipV4Extended(), fc.ipV6(), fc.domain()),
        isReadSafely,
      ),
      { numRuns: 2000 },
    );
  });
});
