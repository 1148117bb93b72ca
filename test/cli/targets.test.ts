import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, describe, expect, test } from 'vitest';

import { classify } from '../../src/cli/check/targets.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'notafter-targets-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('classify', () => {
  test.each([
    'example.com',
    'example.com:8443',
    'localhost',
    'localhost:443',
    '10.0.0.7',
    '10.0.0.7:636',
    '2001:db8::1',
    '[2001:db8::1]:443',
    'https://example.com/path?query',
    'smtp://mail.example.com:25',
    'tls://x',
    'nonsense',
  ])('takes %s for a host', (text) => {
    expect(classify(text)).toEqual({ kind: 'endpoint', text });
  });

  test.each([
    ['/etc/ssl', '/etc/ssl'],
    ['./certs', path.resolve('certs')],
    ['..', path.resolve('..')],
    ['certs/a', path.resolve('certs/a')],
    ['*.pem', path.resolve('*.pem')],
    ['/etc/ssl/**/*.{pem,crt}', '/etc/ssl/**/*.{pem,crt}'],
    ['nosuch.pem', path.resolve('nosuch.pem')],
    ['NOSUCH.P12', path.resolve('NOSUCH.P12')],
    ['keystore.jks', path.resolve('keystore.jks')],
    ['~', homedir()],
    ['~/certs', path.join(homedir(), 'certs')],
    ['package.json', path.resolve('package.json')],
  ])('takes %s for a path', (text, expected) => {
    expect(classify(text)).toEqual({ kind: 'file', text: expected });
  });

  test.each([
    ['https://user:pw@example.com', 'https://example.com'],
    ['user:pw@example.com', 'example.com'],
  ])('forgets who logs in with %s', (text, expected) => {
    expect(classify(text)).toEqual({ kind: 'endpoint', text: expected });
  });

  test('takes for a path what is there, whatever it looks like', () => {
    const file = path.join(folder, 'example.com');
    expect(classify(path.relative(process.cwd(), file)).kind).toBe('file');
    writeFileSync(file, '');
    expect(classify(file)).toEqual({ kind: 'file', text: file });
  });
});
