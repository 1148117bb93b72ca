import { describe, expect, test } from 'vitest';

import { table, type Column } from '../../src/cli/table.ts';

interface Row {
  readonly state: string;
  readonly name: string;
  readonly where: string;
}

const columns: readonly Column<Row>[] = [
  { title: 'STATE', text: (row) => row.state, paint: (cell) => `<${cell}>` },
  { title: 'NAME', text: (row) => row.name, shrinks: true },
  { title: 'WHERE', text: (row) => row.where, shrinks: true },
];

const rows: readonly Row[] = [
  { state: 'ok', name: 'api.example.com', where: '/etc/letsencrypt/live/api.example.com/fullchain.pem' },
  { state: 'critical', name: 'b', where: 'b:443' },
];

describe('table', () => {
  test('lines columns up by their widest cell, and paints what it has padded', () => {
    expect(table(columns, rows, Number.POSITIVE_INFINITY).split('\n')).toEqual([
      'STATE     NAME             WHERE',
      '<ok      >  api.example.com  /etc/letsencrypt/live/api.example.com/fullchain.pem',
      '<critical>  b                b:443',
    ]);
  });

  test.each([200, 80, 70, 60, 50, 40])('fits %i columns: the widest gives way first, in its middle', (width) => {
    const plain = columns.map(({ title, text, shrinks }) => ({
      title,
      text,
      ...(shrinks === undefined ? {} : { shrinks }),
    }));
    const lines = table(plain, rows, width).split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width);
    expect(lines[1]).toMatch(/^ok {8}api/);
    expect(lines[1]?.endsWith('.pem')).toBe(true);
    expect(lines[1]?.includes('api.example.com  ')).toBe(width > 40);
  });

  test('does not cut a column below what can be read', () => {
    expect(table(columns, rows, 1).split('\n')[1]).toBe('<ok      >  api.ex…e.com  /etc/l…n.pem');
  });

  test('leaves no half of a character', () => {
    const line =
      table([{ title: 'X', text: (text: string) => text, shrinks: true }], ['😀'.repeat(20)], 13).split('\n')[1] ?? '';
    expect(line).toBe('😀😀😀…😀😀😀');
  });

  test('of nothing is its titles', () => {
    expect(table(columns, [], 80)).toBe('STATE  NAME  WHERE');
  });
});
