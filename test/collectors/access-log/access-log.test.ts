import { appendFileSync, copyFileSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { Item } from '../../../src/plugin/item.ts';
import type { Observation } from '../../../src/plugin/observation.ts';
import { DAY, HOUR, NOON, nginxLine, openLog, SECOND } from '../../helpers/access-log.ts';

let folder: string;
let log: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'notafter-access-log-'));
  log = path.join(folder, 'clients.log');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function itemsOf(observation: Observation | undefined): readonly (Item & { readonly kind: 'described' })[] {
  return (observation?.items ?? []).flatMap((item) => (item.kind === 'described' ? [item] : []));
}

const OLD = { fingerprint: 'a1'.repeat(20), serial: '01', ends: NOON + 20 * DAY };
const NEW = { fingerprint: 'b2'.repeat(20), serial: '02', ends: NOON + 385 * DAY };
const billing = (): string => `${log} client CN=billing,O=Partner`;

/** The count of the one certificate of the one client, as the host knows it after a look. */
function countOf(news: ReadonlyMap<string, Observation>): number | undefined {
  return news.get(billing())?.items[0]?.seenInUse?.count;
}

describe('a client in a log', () => {
  test('is told once with its end, who issued it, first and last use, how often, and what it calls', async () => {
    writeFileSync(
      log,
      [
        nginxLine({ at: NOON - 3 * HOUR, path: '/v1/payments/4711?amount=3' }),
        nginxLine({ at: NOON - 2 * HOUR, path: '/v1/payments' }),
        nginxLine({ at: NOON - HOUR, path: '/v2/refunds/0a9b/items' }),
      ].join(''),
    );
    const looks = await openLog(log);
    const news = await looks.look();

    expect([...news.keys()]).toEqual([billing(), log]);
    expect(news.get(billing())).toMatchObject({ labels: { client: 'billing' }, problems: [] });
    expect(news.get(billing())?.items).toEqual([
      {
        kind: 'described',
        names: ['billing'],
        issuer: 'CN=Partner CA,O=Partner',
        serial: '0A1B2C',
        sha1: 'a1'.repeat(20),
        notAfter: new Date(NOON + 20 * DAY),
        place: { key: 'client' },
        role: 'client',
        seenInUse: {
          first: new Date(NOON - 3 * HOUR),
          last: new Date(NOON - HOUR),
          count: 3,
          by: [
            { reference: { type: 'app', id: 'api.example.com/v1/payments' }, count: 2 },
            { reference: { type: 'app', id: 'api.example.com/v2/refunds' }, count: 1 },
          ],
        },
      },
    ]);
    expect(news.get(log)).toMatchObject({ items: [], problems: [] });

    expect([...(await looks.look()).keys()]).toEqual([log]);
    expect(looks.named).toEqual([billing(), log]);
  });

  test('does not count where the server did not accept its certificate, or there was none', async () => {
    writeFileSync(
      log,
      [
        nginxLine({ verify: 'FAILED:self-signed certificate', subject: 'CN=billing,O=Partner' }),
        nginxLine({ verify: 'FAILED:certificate has expired', subject: 'CN=late' }),
        nginxLine({ verify: 'NONE', fingerprint: '-', serial: '-', issuer: '-', subject: '-' }),
        'this is no line\n',
        nginxLine({ subject: 'CN=good', fingerprint: 'c3'.repeat(20) }),
      ].join(''),
    );
    const looks = await openLog(log);
    await looks.look();

    expect(looks.named).toEqual([`${log} client CN=good`, log]);
  });

  test('with a name that tries to be something else is told as what the server wrote', async () => {
    writeFileSync(log, nginxLine({ subject: String.raw`CN=a\x22,b\x0A\xC3\xBC\x1B[31m\x5C,c` }));
    const [location] = (await (await openLog(log)).look()).keys();

    expect(location).toBe(`${log} client CN=a",b\nü\u001b[31m\\,c`);
  });

  test('is one client with all its certificates, until one has not been used for the grace since its successor was', async () => {
    writeFileSync(log, nginxLine({ ...OLD, at: NOON - 30 * HOUR }) + nginxLine({ ...NEW, at: NOON - 25 * HOUR }));
    const looks = await openLog(log, { successor_grace: '2h' });
    appendFileSync(log, nginxLine({ ...OLD, at: NOON - 2 * HOUR }) + nginxLine({ ...NEW, at: NOON - HOUR }));

    // The old one was used an hour and two before the grace is over.
    looks.clock.at = NOON - SECOND;
    expect(itemsOf((await looks.look()).get(billing())).map(({ serial }) => serial)).toEqual(['02', '01']);
    looks.clock.at = NOON;
    expect(itemsOf((await looks.look()).get(billing())).map(({ serial }) => serial)).toEqual(['02']);

    // Somebody still has the old one.
    appendFileSync(log, nginxLine({ ...OLD, at: NOON + HOUR }));
    looks.clock.at = NOON + HOUR;
    const back = itemsOf((await looks.look()).get(billing()));
    expect(back.map(({ serial, seenInUse }) => [serial, seenInUse?.count])).toEqual([
      ['01', 3],
      ['02', 2],
    ]);
  });

  test('is not replaced by a certificate of the same subject that ends earlier, nor by silence', async () => {
    writeFileSync(log, nginxLine({ ...NEW, at: NOON - 30 * HOUR }) + nginxLine({ ...OLD, at: NOON - 20 * HOUR }));
    const looks = await openLog(log, { successor_grace: '1h' });
    await looks.look();
    looks.clock.at = NOON + 30 * DAY;

    await looks.look();
    expect(looks.named).toEqual([billing(), log]);
    expect(itemsOf((await (await openLog(log)).look()).get(billing()))).toHaveLength(2);
  });

  test('is forgotten when nobody has used it for long, and known again when it comes back', async () => {
    writeFileSync(log, nginxLine());
    const looks = await openLog(log, { forget_after: '30d' });
    await looks.look();
    looks.clock.at = NOON + 30 * DAY;
    expect((await looks.look()).get(billing())).toMatchObject({ gone: true });

    appendFileSync(log, nginxLine({ at: NOON + 30 * DAY }));
    expect(countOf(await looks.look())).toBe(2);
  });

  test('of which only the count moves is told of again, but of very many only within the hour', async () => {
    const many = Array.from({ length: 1_500 }, (_, index) => ({
      subject: `CN=client-${index}`,
      fingerprint: index.toString(16).padStart(40, '0'),
    }));
    writeFileSync(log, many.map((call) => nginxLine(call)).join(''));
    const looks = await openLog(log);
    expect((await looks.look()).size).toBe(1_501);

    const told: number[] = [];
    for (const minutes of [1, 2, 61]) {
      looks.clock.at = NOON + minutes * 60 * SECOND;
      appendFileSync(log, many.map((call) => nginxLine({ ...call, at: looks.clock.at })).join(''));
      told.push((await looks.look()).size - 1);
      expect(looks.named).toHaveLength(1_501);
    }
    expect(told).toEqual([1_000, 1_000, 1_500]);
  });
});

describe('a log is read on', () => {
  const call = (minutes: number): string => nginxLine({ at: NOON - HOUR + minutes * 60 * SECOND });

  /** What happens to a log between two looks at which it had two lines and then has four. */
  const CASES: Readonly<Record<string, () => void>> = {
    'when lines were added': () => appendFileSync(log, call(3) + call(4)),
    'when it was rotated by renaming': () => {
      appendFileSync(log, call(3));
      renameSync(log, `${log}.1`);
      writeFileSync(log, call(4));
    },
    'when it was rotated twice': () => {
      renameSync(log, `${log}.2`);
      writeFileSync(`${log}.1`, call(3));
      writeFileSync(log, call(4));
    },
    'when it was rotated by copying': () => {
      appendFileSync(log, call(3));
      copyFileSync(log, `${log}.1`);
      truncateSync(log);
      appendFileSync(log, call(4));
    },
    'when the rotated file was compressed': () => {
      appendFileSync(log, call(3));
      const content = call(1) + call(2) + call(3);
      writeFileSync(`${log}-20261123.gz`, gzipSync(content));
      rmSync(log);
      writeFileSync(log, call(4));
    },
    'when a line was cut in the middle by the look': () => {
      appendFileSync(log, call(3) + call(4).slice(0, 50));
    },
  };

  test.each(Object.entries(CASES))('%s', async (what, happens) => {
    writeFileSync(log, call(1) + call(2));
    writeFileSync(path.join(folder, 'clients-other.log'), call(9));
    const looks = await openLog(log);
    expect(countOf(await looks.look())).toBe(2);
    happens();
    const news = await looks.look();
    if (what.includes('cut')) {
      expect(countOf(news)).toBe(3);
      appendFileSync(log, call(4).slice(50));
      expect(countOf(await looks.look())).toBe(4);
    } else {
      expect(countOf(news)).toBe(4);
    }
    expect(news.get(log)?.problems).toEqual([]);
    expect((await looks.look()).get(billing())).toBeUndefined();
  });

  test.each(Object.entries(CASES).filter(([what]) => !what.includes('cut')))(
    '%s, also after a restart',
    async (_what, happens) => {
      writeFileSync(log, call(1) + call(2));
      const looks = await openLog(log);
      await looks.look();
      happens();
      await looks.restart();

      expect(countOf(await looks.look())).toBe(4);
    },
  );

  test('from where the last look was recorded, not from where one that was lost has come to', async () => {
    writeFileSync(log, call(1) + call(2));
    const looks = await openLog(log);
    await looks.look();
    appendFileSync(log, call(3) + call(4));
    await looks.look();
    looks.forgetLast();

    expect(countOf(await looks.look())).toBe(4);
  });

  test('from its beginning when another file has the same number', async () => {
    writeFileSync(log, call(1) + call(2));
    const looks = await openLog(log);
    await looks.look();
    truncateSync(log);
    writeFileSync(log, call(30) + call(31) + call(32), { flag: 'r+' });
    const news = await looks.look();

    expect(countOf(news)).toBe(5);
    expect(news.get(log)?.problems).toMatchObject([{ reason: 'partial', place: 'rotation' }]);
  });

  test('at the first look with the rotated files of the last days', async () => {
    writeFileSync(`${log}.2.gz`, gzipSync(call(1)));
    writeFileSync(`${log}.1`, call(2));
    writeFileSync(log, call(3));
    const looks = await openLog(log, { history: '52w' });
    looks.clock.at = Date.now();

    expect(countOf(await looks.look())).toBe(3);
  });

  test('past a line that never ends', async () => {
    writeFileSync(log, call(1) + 'x'.repeat(1_000_000));
    const looks = await openLog(log);
    expect(countOf(await looks.look())).toBe(1);
    appendFileSync(log, `${'x'.repeat(1_000_000)}\n${call(2)}`);

    expect(countOf(await looks.look())).toBe(2);
  });
});

describe('what is wrong with a log is told', () => {
  test('when it is not there, or nobody may read it', async () => {
    const looks = await openLog(log);

    await expect(looks.look()).rejects.toMatchObject({ reason: 'not_found' });
    await expect((await openLog(folder)).look()).rejects.toMatchObject({ reason: 'unsupported' });
  });

  test('when its lines are not of the format', async () => {
    writeFileSync(log, '127.0.0.1 - - [23/Nov/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 5\n'.repeat(20));
    const news = await (await openLog(log)).look();

    expect(news.get(log)?.problems).toMatchObject([
      { reason: 'malformed', place: 'lines', detail: expect.stringContaining('20 of 20 lines') as string },
    ]);
  });

  test('when there are more clients than there is room for, and those that are known stay', async () => {
    writeFileSync(
      log,
      Array.from({ length: 50 }, (_, index) =>
        nginxLine({ subject: `CN=c${index}`, fingerprint: index.toString(16).padStart(40, '0') }),
      ).join(''),
    );
    const looks = await openLog(log, { max_clients: 10 });
    const news = await looks.look();

    expect(news.size).toBe(11);
    expect(news.get(log)?.problems).toMatchObject([
      { reason: 'partial', place: 'clients', detail: expect.stringContaining('40 lines') as string },
    ]);
  });
});
