import { createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';

import { expandLabel, hmac, label, prf } from '../../../src/tls/hkdf.ts';
import { protectTls12, protectTls13, TLS12_SUITES, TLS13_SUITES } from '../../../src/tls/record-protection.ts';

describe('the key schedule', () => {
  test.each(['sha256', 'sha384'] as const)(
    'computes the same HMAC-%s as the library, for keys of any length',
    (name) => {
      for (const length of [0, 1, 31, 32, 48, 63, 64, 65, 66, 127, 128, 129, 200]) {
        const key = randomBytes(length);
        const [first, second, third] = [randomBytes(length), randomBytes(7), randomBytes(1)];
        const expected = createHmac(name, key).update(first).update(second).update(third).digest();
        expect(hmac(name, key, first, second, third).equals(expected)).toBe(true);
        expect(hmac(name, key, first).equals(createHmac(name, key).update(first).digest())).toBe(true);
      }
    },
  );

  test('expands labels as HKDF does', () => {
    const secret = randomBytes(32);
    const context = randomBytes(32);
    const info = Buffer.concat([
      Buffer.from([0, 32, 18]),
      Buffer.from('tls13 s hs traffic'),
      Buffer.from([32]),
      context,
    ]);
    // The extract step of hkdfSync has to be undone: an expansion alone is one HMAC.
    const expected = createHmac('sha256', secret)
      .update(info)
      .update(Buffer.from([1]))
      .digest();
    expect(expandLabel('sha256', secret, label('s hs traffic', 32, 32), context).equals(expected)).toBe(true);
    const extracted = hmac('sha256', Buffer.alloc(32), secret);
    const expanded = hmac('sha256', extracted, Buffer.from('info'), Buffer.from([1]));
    expect(expanded.equals(Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(32), 'info', 32)))).toBe(true);
  });

  // https://mailarchive.ietf.org/arch/msg/tls/fzVCzk-z3FShgGJ6DOXqM1ydxms/
  test('computes the published test vector of the TLS 1.2 PRF', () => {
    const secret = Buffer.from('9bbe436ba940f017b17652849a71db35', 'hex');
    const seed = Buffer.from('a0ba9f936cda311827a6f796ffd5198c', 'hex');
    expect(prf('sha256', secret, 'test label', seed, 100).toString('hex')).toBe(
      'e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa0' +
        '22f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66',
    );
  });

  test.each([...TLS13_SUITES, ...TLS12_SUITES])(
    'opens with suite %i what it sealed, in order and unchanged',
    (number, suite) => {
      const isNew = TLS13_SUITES.has(number);
      const secret = randomBytes(48);
      const ivLength = suite.aead === 'chacha20-poly1305' ? 12 : 4;
      const create = () =>
        isNew
          ? protectTls13(suite, secret)
          : protectTls12(suite, secret.subarray(0, suite.keyLength), secret.subarray(48 - ivLength));
      const [writer, reader] = [create(), create()];
      const first = writer.seal(22, Buffer.from('first'));
      const second = writer.seal(21, Buffer.from('second'));
      const open = (record: Buffer) => reader.open(record.subarray(0, 5), record.subarray(5));

      expect(open(second)).toBeUndefined();
      expect(open(first)).toEqual({ type: 22, content: Buffer.from('first') });
      expect(open(first)).toBeUndefined();
      const changed = Buffer.from(second);
      changed.writeUInt8(changed.readUInt8(changed.length - 1) ^ 1, changed.length - 1);
      expect(open(changed)).toBeUndefined();
      expect(open(second)).toEqual({ type: 21, content: Buffer.from('second') });
      expect(open(first.subarray(0, 10))).toBeUndefined();
    },
  );
});
