import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_PEM_BLOCKS, readPem, type PemBlock } from '../../src/certificate/pem.ts';
import { pem } from '../helpers/der.ts';
import { createAuthority, createKey } from '../helpers/pki.ts';

const authority = createAuthority({ name: 'Root' });
const one = authority.issue({ commonName: 'one' });
const two = authority.issue({ commonName: 'two' });
const body = one.pem.split('\n').slice(1, -2);

function read(text: string): PemBlock[] {
  return readPem(Buffer.from(text, 'utf8'));
}

function hex(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString('hex');
}

describe('spellings that OpenSSL accepts are read without remark', () => {
  test.each([
    ['as written', one.pem],
    ['text before it', `Bag Attributes\n    friendlyName: one\nsubject=CN = one\n${one.pem}`],
    ['text behind it', `${one.pem}\n# end of file: bye\n`],
    ['a UTF-8 BOM', `\ufeff${one.pem}`],
    ['CRLF', one.pem.replaceAll('\n', '\r\n')],
    ['no final newline', one.pem.trimEnd()],
    ['trailing spaces', one.pem.replaceAll('\n', '  \n')],
    ['one long base64 line', `-----BEGIN CERTIFICATE-----\n${body.join('')}\n-----END CERTIFICATE-----\n`],
    ['NUL padding at the end', one.pem + '\0'.repeat(512)],
    ['other label', one.pem.replaceAll('CERTIFICATE', 'X509 CERTIFICATE')],
  ])('%s', (_, text) => {
    const blocks = read(text);
    expect(blocks).toHaveLength(1);
    expect(hex(blocks[0]?.der)).toBe(hex(one.der));
    expect(blocks[0]).not.toHaveProperty('problem');
    expect(blocks[0]).not.toHaveProperty('mended');
  });
});

describe('spellings that OpenSSL refuses are read, and the fault is told', () => {
  test.each([
    ['CR-only line ends', one.pem.replaceAll('\n', '\r'), 'CR alone'],
    ['an indented paste', one.pem.replace(/^/gm, '  '), 'indented'],
    ['everything on one line', one.pem.replaceAll('\n', ' '), 'one line'],
    ['everything on one line without spaces', one.pem.replaceAll('\n', ''), 'one line'],
    ['literal \\n', one.pem.replaceAll('\n', '\\n'), 'written as \\n'],
    ['literal \\r\\n', one.pem.replaceAll('\n', '\\r\\n'), 'written as \\n'],
    ['a JSON string with escaped slashes', JSON.stringify(one.pem).replaceAll('/', '\\/'), 'written as \\n'],
    ['blank lines between the lines', one.pem.replaceAll('\n', '\n\n'), 'blank lines'],
    ['headers', one.pem.replace('-----\n', '-----\nFoo: bar\n  more of it\nX: y\n\n'), 'headers'],
    ['a missing END line', one.pem.split('-----END')[0] ?? '', 'END line is missing'],
    ['a missing END line before text', `${one.pem.split('-----END')[0]}\nThat was it.\n`, 'END line is missing'],
    ['four dashes', one.pem.replaceAll('-----', '----'), 'five dashes'],
    ['six dashes', one.pem.replaceAll('-----', '------'), 'five dashes'],
    ['another END', one.pem.replace('END CERTIFICATE', 'END X509 CERTIFICATE'), 'END line says X509 CERTIFICATE'],
    [
      'lower case',
      one.pem.replace('BEGIN CERTIFICATE', 'BEGIN Certificate').replace('END CERTIFICATE', 'END certificate'),
      '',
    ],
  ])('%s', (_, text, fault) => {
    const blocks = read(text);
    expect(blocks).toHaveLength(1);
    expect(hex(blocks[0]?.der.subarray(0, one.der.length))).toBe(hex(one.der));
    expect(blocks[0]).not.toHaveProperty('problem');
    expect(blocks[0]?.mended ?? '').toContain(fault);
  });

  test.each(['utf16le', 'utf16be'] as const)('UTF-16 (%s) with and without a BOM', (encoding) => {
    for (const text of [`\ufeff${one.pem}`, one.pem]) {
      const bytes = Buffer.from(text, 'utf16le');
      const blocks = readPem(encoding === 'utf16le' ? bytes : bytes.swap16());
      expect(blocks.map(({ der }) => hex(der))).toEqual([hex(one.der)]);
      expect(blocks[0]?.mended).toBe('the file is UTF-16');
    }
  });

  test('files put together without a line break between them', () => {
    const blocks = read(one.pem.trimEnd() + two.pem);
    expect(blocks.map(({ der }) => hex(der))).toEqual([hex(one.der), hex(two.der)]);
    expect(blocks.map(({ mended }) => mended)).toEqual([
      'an END line and the next BEGIN line are one line',
      'an END line and the next BEGIN line are one line',
    ]);
  });

  test('a block whose END is missing ends where the next one begins', () => {
    const blocks = read(`${one.pem.split('-----END')[0]}${two.pem}`);
    expect(blocks.map(({ der }) => hex(der))).toEqual([hex(one.der), hex(two.der)]);
    expect(blocks.map(({ mended }) => mended)).toEqual(['the END line is missing', undefined]);
  });
});

describe('blocks that cannot be read are reported', () => {
  test.each([
    ['characters that are not base64', one.pem.replace('\nM', '\n*'), 'malformed', 'not base64'],
    ['a digit too few', `-----BEGIN CERTIFICATE-----\nMIIBA\n-----END CERTIFICATE-----`, 'malformed', 'not base64'],
    [
      'padding in the middle',
      `-----BEGIN CERTIFICATE-----\nMI==BA==\n-----END CERTIFICATE-----`,
      'malformed',
      'not base64',
    ],
    ['an ellipsis', `-----BEGIN CERTIFICATE-----\n...\n-----END CERTIFICATE-----`, 'malformed', 'not base64'],
    ['nothing', `-----BEGIN CERTIFICATE-----\n\n-----END CERTIFICATE-----`, 'empty', 'empty'],
    ['a BEGIN line alone', `-----BEGIN CERTIFICATE-----`, 'empty', 'empty'],
  ])('%s', (_, text, kind, detail) => {
    const [block, ...others] = read(text);
    expect(others).toEqual([]);
    expect(block).toMatchObject({ label: 'CERTIFICATE', problem: { kind, detail: expect.stringContaining(detail) } });
    expect(block?.der).toHaveLength(0);
  });

  test('a broken one does not hide the good ones around it', () => {
    const blocks = read(`${one.pem}-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n${two.pem}`);
    expect(blocks.map(({ der, problem }) => (problem === undefined ? hex(der) : problem.kind))).toEqual([
      hex(one.der),
      'malformed',
      hex(two.der),
    ]);
  });

  test('tells where each block is, whatever ends a line', () => {
    for (const end of ['\n', '\r\n', '\r']) {
      const text = `# first${end}${end}${one.pem.replaceAll('\n', end)}between${end}${two.pem.replaceAll('\n', end)}`;
      const blocks = read(text);
      const lines = text.split(end);
      expect(blocks.map(({ line }) => line)).toEqual([3, lines.lastIndexOf('-----BEGIN CERTIFICATE-----') + 1]);
      expect(blocks.map(({ offset }) => text.slice(offset, offset + 10))).toEqual(['-----BEGIN', '-----BEGIN']);
    }
  });
});

describe('private keys are noticed and not kept, unless they are encrypted', () => {
  const encrypted = createKey('rsa').export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' });
  const legacy = createKey('rsa').export({ type: 'pkcs1', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' });
  const ssh = (cipher: string): string => {
    const name = Buffer.alloc(4);
    name.writeUInt32BE(cipher.length);
    return pem(
      'OPENSSH PRIVATE KEY',
      Buffer.concat([Buffer.from('openssh-key-v1\0'), name, Buffer.from(cipher), name]),
    );
  };
  test.each([
    ['PKCS#8', one.keyPem, 'PRIVATE KEY', false],
    ['PKCS#8, encrypted', String(encrypted), 'ENCRYPTED PRIVATE KEY', true],
    ['PKCS#1', String(createKey('rsa').export({ type: 'pkcs1', format: 'pem' })), 'RSA PRIVATE KEY', false],
    ['PKCS#1, encrypted', String(legacy), 'RSA PRIVATE KEY', true],
    ['SEC 1', String(createKey('ec').export({ type: 'sec1', format: 'pem' })), 'EC PRIVATE KEY', false],
    ['OpenSSH', ssh('none'), 'OPENSSH PRIVATE KEY', false],
    ['OpenSSH, encrypted', ssh('aes256-ctr'), 'OPENSSH PRIVATE KEY', true],
    ['broken', '-----BEGIN PRIVATE KEY-----\n!!!\n-----END PRIVATE KEY-----', 'PRIVATE KEY', false],
  ])('%s', (_, text, label, isEncrypted) => {
    const blocks = read(`${text}${one.pem}`);
    expect(blocks).toHaveLength(2);
    expect(blocks[0]).toMatchObject({ label, encrypted: isEncrypted, offset: 0, line: 1 });
    const kept = label === 'ENCRYPTED PRIVATE KEY' ? Buffer.from(text.split('\n').slice(1, -2).join(''), 'base64') : '';
    expect(hex(blocks[0]?.der)).toBe(Buffer.from(kept).toString('hex'));
    expect(hex(blocks[1]?.der)).toBe(hex(one.der));
  });
});

describe('text that has no block', () => {
  test.each([
    '',
    'BEGIN CERTIFICATE',
    '-BEGIN CERTIFICATE-',
    'see the -----BEGIN marker',
    '-----BEGIN -----',
    `-----BEGIN ${'A'.repeat(65)}-----`,
    '-----BEGIN A\nB-----',
    '-----END CERTIFICATE-----',
  ])('%j', (text) => {
    expect(read(text)).toEqual([]);
  });
});

describe('hostile files take linear time', () => {
  test.each([
    ['BEGIN lines without an END', '-----BEGIN CERTIFICATE-----\n'.repeat(200_000)],
    ['END lines without a BEGIN', '-----END CERTIFICATE-----\n'.repeat(200_000)],
    ['dashes', '-'.repeat(5_000_000)],
    ['half markers', '-BEGIN '.repeat(700_000)],
    ['one endless block', `-----BEGIN CERTIFICATE-----\n${'A'.repeat(5_000_000)}`],
    ['white space in a block', `-----BEGIN CERTIFICATE-----${' \n'.repeat(2_500_000)}-----END CERTIFICATE-----`],
    ['headers in a block', `-----BEGIN CERTIFICATE-----\n${'a: b\n'.repeat(1_000_000)}-----END CERTIFICATE-----`],
    ['backslashes in a block', `-----BEGIN CERTIFICATE-----\n${'\\'.repeat(5_000_000)}-----END CERTIFICATE-----`],
    ['padding', `-----BEGIN CERTIFICATE-----\n${'A='.repeat(2_500_000)}-----END CERTIFICATE-----`],
  ])('%s', (_, text) => {
    const bytes = Buffer.from(text, 'latin1');
    const started = performance.now();
    const blocks = readPem(bytes);
    // 5 MB each; quadratic behaviour would take minutes.
    expect(performance.now() - started).toBeLessThan(4000);
    expect(blocks.length).toBeLessThanOrEqual(MAX_PEM_BLOCKS + 1);
  });

  test('more blocks than the limit are said to be there', () => {
    const block = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    const blocks = read(block.repeat(MAX_PEM_BLOCKS + 5));
    expect(blocks).toHaveLength(MAX_PEM_BLOCKS + 1);
    expect(blocks.at(-1)).toMatchObject({
      label: '',
      line: MAX_PEM_BLOCKS * 3 + 1,
      problem: { kind: 'malformed', detail: expect.stringContaining('more than 10000') },
    });
    expect(read(block.repeat(MAX_PEM_BLOCKS)).every(({ problem }) => problem === undefined)).toBe(true);
  });
});

test('whatever is written as PEM is read back, in any company', () => {
  const text = fc.stringMatching(/^[A-Za-z0-9 :=\n]{0,40}$/);
  fc.assert(
    fc.property(
      fc.array(fc.record({ der: fc.uint8Array({ minLength: 1, maxLength: 200 }), before: text, crlf: fc.boolean() })),
      (entries) => {
        const file = entries
          .map(({ der, before, crlf }) => {
            const block = pem('CERTIFICATE', der);
            return `${before}\n${crlf ? block.replaceAll('\n', '\r\n') : block}`;
          })
          .join('');
        expect(read(file).map(({ der }) => hex(der))).toEqual(entries.map(({ der }) => hex(der)));
      },
    ),
    { numRuns: 300 },
  );
});

test('what is wrong with a block is found in regular lines as in any others', () => {
  // CRLF is as good as LF, and read the long way.
  const odd = fc.constantFrom('', ' ', '=', '-', '_', '\n', '\n\n', ':', '\\', '\0', 'A', 'AA', 'é');
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 200 }),
      fc.integer({ min: 0, max: 300 }),
      fc.integer({ min: 0, max: 3 }),
      odd,
      (der, at, cut, inserted) => {
        const digits = pem('CERTIFICATE', der).split('\n').slice(1, -2).join('\n');
        const changed = digits.slice(0, at) + inserted + digits.slice(at + cut);
        const text = `-----BEGIN CERTIFICATE-----\n${changed}\n-----END CERTIFICATE-----\n`;
        const [block] = read(text);
        const [expected] = read(text.replaceAll('\n', '\r\n'));
        expect({ ...block, der: hex(block?.der), offset: 0 }).toEqual({
          ...expected,
          der: hex(expected?.der),
          offset: 0,
        });
      },
    ),
    { numRuns: 2_000 },
  );
});

test('decoded contents have memory of their own', () => {
  // A view of a pool would be sent to a worker with the whole pool.
  expect(read(one.pem)[0]?.der.buffer.byteLength).toBe(one.der.length);
});

test('reads the CA bundle of the machine as OpenSSL would, where there is one', () => {
  const bundle = bundleOfThisMachine();
  const blocks = read(bundle);
  expect(blocks).toHaveLength(bundle.split('-----BEGIN').length - 1);
  expect(blocks.filter(({ problem, mended }) => problem !== undefined || mended !== undefined)).toEqual([]);
});

function bundleOfThisMachine(): string {
  for (const path of ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt', '/etc/ssl/cert.pem']) {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      continue;
    }
  }
  return '';
}
