import { expect, test } from 'vitest';

import { addressKind, isInBlock, parseBlock } from '../../src/network/address-kind.ts';

test.each([
  ['public', '1.1.1.1 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1 169.253.255.255'],
  [
    'public',
    '169.255.0.0 172.15.255.255 172.32.0.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255',
  ],
  ['public', '2606:4700::1111 2a00::1 2001:4860:4860::8888 2400:: ::ffff:1.1.1.1 ::ffff:101:101 64:ff9b::1.1.1.1'],
  [
    'private',
    '10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 192.168.0.0 192.168.255.255 100.64.0.0 100.127.255.255',
  ],
  ['private', 'fc00:: fd12:3456::1 fdff:ffff::1 ::ffff:10.0.0.1 ::ffff:c0a8:101 64:ff9b::a00:1 64:ff9b::192.168.0.1'],
  [
    'loopback',
    '127.0.0.0 127.0.0.1 127.255.255.255 ::1 0:0:0:0:0:0:0:1 ::ffff:127.0.0.1 ::ffff:7f00:1 64:ff9b::7f00:1',
  ],
  ['link-local', '169.254.0.0 169.254.169.254 169.254.255.255 fe80::1 fe80::1%lo febf::1 ::ffff:169.254.169.254'],
  [
    'link-local',
    '::ffff:a9fe:a9fe 0:0:0:0:0:ffff:a9fe:a9fe 64:ff9b::a9fe:a9fe 168.63.129.16 100.100.100.200 fd00:ec2::254',
  ],
  [
    'special',
    '0.0.0.0 0.255.255.255 192.0.0.1 192.0.2.1 192.88.99.1 198.18.0.0 198.19.255.255 198.51.100.7 203.0.113.9',
  ],
  ['special', '224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 ::ffff:0.0.0.0 ::ffff:224.0.0.1 64:ff9b::0.0.0.0'],
  ['special', ':: ::2 ::169.254.169.254 ::a9fe:a9fe ::127.0.0.1 ::ffff:0:127.0.0.1 2002:a9fe:a9fe:: 2002:7f00:1::1'],
  [
    'special',
    '2001::1 2001:0:a9fe:a9fe::1 2001:db8::1 3fff::1 64:ff9b:1::a9fe:a9fe 100::1 ff02::1 fec0::1 4000::1 5f00::1',
  ],
  ['special', '2a00::5efe:10.0.0.1 2a00::200:5efe:7f00:1 2001:1ff:ffff::1'],
] as const)('is %s: %s', (kind, addresses) => {
  expect(addresses.split(' ').map((address) => `${address} ${addressKind(address)}`)).toEqual(
    addresses.split(' ').map((address) => `${address} ${kind}`),
  );
});

test.each(['', 'example.com', '127.1', '0x7f.1', '1.2.3.4.5', '::g', '[::1]'])('%j is no address', (text) => {
  expect(() => addressKind(text)).toThrow(TypeError);
});

test.each([
  ['10.0.0.0/8', '10.1.2.3', true],
  ['10.0.0.0/8', '11.1.2.3', false],
  ['10.0.0.0/8', '::ffff:10.1.2.3', true],
  ['10.0.0.0/8', '64:ff9b::a01:203', false],
  ['::ffff:10.0.0.0/104', '10.1.2.3', true],
  ['::ffff:10.0.0.0/104', '11.1.2.3', false],
  ['10.1.2.0/23', '10.1.3.255', true],
  ['10.1.2.0/23', '10.1.4.0', false],
  ['10.1.2.3', '10.1.2.3', true],
  ['10.1.2.3', '10.1.2.4', false],
  ['0.0.0.0/0', '8.8.8.8', true],
  ['0.0.0.0/0', '2a00::1', false],
  ['2001:db8::/33', '2001:db8:7fff::1', true],
  ['2001:db8::/33', '2001:db8:8000::1', false],
] as const)('%s holds %s: %s', (text, address, expected) => {
  const block = parseBlock(text);
  expect(block !== undefined && isInBlock(address, block)).toBe(expected);
});

test.each([
  '10.0.0.0/33',
  '10.0.0.0/',
  '10.0.0.0/-1',
  '10.0.0.0/8/8',
  'fe80::1%lo',
  'example.com/8',
  '::/129',
  '::ffff:0:0/1',
])('%j is no block', (text) => {
  expect(parseBlock(text)).toBeUndefined();
});
