import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

import { SCHEMES } from '../../../collectors/endpoint/scheme.ts';
import { DIALOGUES } from '../../../src/tls/starttls/dialogues.ts';

const README = readFileSync(path.resolve(import.meta.dirname, '../../../collectors/endpoint/README.md'), 'utf8');

test('every dialogue has a scheme of its name', () => {
  for (const name of Object.keys(DIALOGUES)) expect(SCHEMES.get(name)).toMatchObject({ protocol: name });
});

test('a scheme that stands for another speaks as that does', () => {
  const others = [...SCHEMES.values()].filter(({ name }) => name !== undefined);
  expect(others.length).toBeGreaterThan(3);
  for (const { name = '', protocol, alpn } of others) {
    const named = SCHEMES.get(name);
    expect([named?.protocol, named?.alpn]).toEqual([protocol, alpn]);
  }
});

test('the README has every scheme with its port, and no other', () => {
  const rows = [...README.matchAll(/^\| (`[a-z0-9+-]+`(?:, `[a-z0-9+-]+`)*) +\| ([\d, ]+?) +\|/gm)];
  const told = rows.flatMap(([, names = '', ports = '']) => {
    const numbers = ports.split(', ');
    return names
      .replaceAll('`', '')
      .split(', ')
      .map((name, index) => `${name} ${numbers[index] ?? numbers[0]}`);
  });
  const actual = [...SCHEMES].map(([name, { port }]) => `${name} ${port}`);
  expect(told.toSorted()).toEqual(actual.toSorted());
});
