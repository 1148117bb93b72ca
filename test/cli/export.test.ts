import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import ICAL from 'ical.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { applyObservation } from '../../src/inventory/record.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import { runCli } from '../helpers/cli.ts';
import { selfSigned } from '../helpers/pki.ts';

const DAY = 86_400_000;
const now = Date.now();
/** More than one read of the store. */
const FILES = 600;

const folder = mkdtempSync(path.join(tmpdir(), 'notafter-export-'));
const config = path.join(folder, 'notafter.yaml');
const notafter = (...words: readonly string[]): ReturnType<typeof runCli> =>
  runCli(['export', '--config', config, ...words]);

const soon = selfSigned({
  commonName: '=HYPERLINK("x"), soon',
  notBefore: new Date(now - 50 * DAY),
  notAfter: new Date(now + 40 * DAY),
});
const late = selfSigned({
  commonName: 'late.example',
  notBefore: new Date(now - 50 * DAY),
  notAfter: new Date(now + 300 * DAY),
});

beforeAll(async () => {
  const file = path.join(folder, 'notafter.db');
  writeFileSync(config, `sources:\n  - {name: disk, type: file, paths: [${folder}]}\nstore: sqlite:${file}\n`);
  const store = await openSqlite(file);
  await store.transaction(async ({ inventory }) => {
    await inventory.saveTarget({ source: 'disk', key: folder, labels: {}, data: null }, now);
    const saved = Array.from({ length: FILES }, (_, index) => {
      const item = {
        kind: 'certificate',
        der: index === 0 ? late.der : soon.der,
        place: { key: 'pem' },
        role: 'server',
      } as const;
      const observation = { location: `/etc/${index}.pem`, items: [item], problems: [] } as const;
      const owner = index === 0 ? 'shop' : 'bank';
      const meta = { source: 'disk', type: 'file', target: folder, labels: { owner } };
      return applyObservation(undefined, observation, meta, now);
    });
    await inventory.saveLocations(saved);
  });
  await store.close();
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('notafter export', () => {
  test('writes each certificate once as JSON, what ends first first', async () => {
    const { stdout, stderr, exitCode } = await notafter();
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toMatchObject([
      { title: '=HYPERLINK("x"), soon', places: FILES - 1, sources: ['disk'], roles: ['server'], days_left: 39 },
      { title: 'late.example', places: 1, not_after_status: 'known' },
    ]);
  });

  test('writes CSV that no spreadsheet calculates', async () => {
    const { stdout } = await notafter('--format', 'csv');
    const [head, first, second, ...rest] = stdout.split('\r\n');
    expect(head).toMatch(/^kind,id,title,/);
    expect(first).toContain(`"'=HYPERLINK(""x""), soon"`);
    expect(second).toContain('late.example');
    expect(rest).toEqual(['']);
  });

  test('writes a calendar with an event for each cause', async () => {
    const { stdout } = await notafter('--format', 'ics');
    const calendar = new ICAL.Component(ICAL.parse(stdout) as unknown[]);
    const events = calendar.getAllSubcomponents('vevent').map((event) => new ICAL.Event(event));
    expect(events.map(({ summary }) => summary)).toEqual(['=HYPERLINK("x"), soon ends', 'late.example ends']);
    expect(events.map(({ startDate }) => startDate.toJSDate().getTime())).toEqual(
      [40, 300].map((days) => Math.floor((now + days * DAY) / 1_000) * 1_000),
    );
  });

  test('leaves out what is not asked for', async () => {
    const titles = async (...words: readonly string[]): Promise<readonly string[]> =>
      (JSON.parse((await notafter(...words)).stdout) as { title: string }[]).map(({ title }) => title);
    expect(await titles('--owner', 'shop')).toEqual(['late.example']);
    expect(await titles('--from', '90d')).toEqual(['late.example']);
    expect(await titles('--until', '90d', '--role', 'server')).toEqual(['=HYPERLINK("x"), soon']);
    expect(await titles('--role', 'client')).toEqual([]);
    const { stdout } = await notafter('--format', 'ics', '--owner', 'shop');
    expect(stdout.match(/^SUMMARY:.*$/gm)).toEqual(['SUMMARY:late.example ends']);
  });

  test.each([
    [['--format', 'xml'], /Allowed choices are json, csv, ics/],
    [['--until', 'soon'], /'soon'/],
    [['--format', 'ics', '--role', 'client'], /--source and --role are for json and csv/],
  ])('refuses %j with a word about it', async (words, said) => {
    const { exitCode, stdout, stderr } = await notafter(...words);
    expect([exitCode, stdout]).toEqual([3, '']);
    expect(stderr).toMatch(said);
  });
});
