import { Hono } from 'hono';
import { beforeEach, describe, expect, test } from 'vitest';

import { createDesk } from '../../src/notify/desk.ts';
import { addAlerting } from '../../src/web/alerting.ts';
import { createScenario, DAY, finding, HOUR, looked, START, type Scenario } from '../helpers/notify-scenario.ts';

let scenario: Scenario;
let app: Hono;
let woken: number;

beforeEach(() => {
  scenario = createScenario();
  woken = 0;
  let ids = 0;
  app = new Hono();
  const desk = createDesk({
    alerts: scenario.store,
    transaction: (work) => work({ alerts: scenario.store }),
    now: () => scenario.now,
    newId: () => `silence-${++ids}`,
    onChange: () => (woken += 1),
  });
  addAlerting(app, { desk, now: () => scenario.now });
});

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly json: Record<string, unknown>;
}

async function ask(method: string, path: string, body?: unknown, type = 'application/json'): Promise<Answer> {
  const answer = await app.request(path, {
    method,
    ...(body === undefined
      ? {}
      : { body: typeof body === 'string' ? body : JSON.stringify(body), headers: { 'content-type': type } }),
  });
  return {
    status: answer.status,
    type: answer.headers.get('content-type') ?? '',
    json: (await answer.json()) as Record<string, unknown>,
  };
}

const iso = (at: number): string => new Date(at).toISOString();
const silence = { matchers: ['source="partners"'], until: iso(START + DAY), author: 'anna', comment: 'moving' };

describe('GET /api/v1/alerts', () => {
  test('lists open alerts, the worst first, with what they are about and who was told', async () => {
    await scenario.after(
      0,
      looked(1, 'good', [finding({ cause: 'a' })], { labels: { owner: 'web' } }),
      looked(2, 'good', [finding({ cause: 'b', severity: 'critical' })]),
      looked(3, 'good', [finding({ cause: 'c' })]),
    );
    await scenario.after(HOUR, looked(3, 'gone'));
    const { json } = await ask('GET', '/api/v1/alerts');
    expect(json).toMatchObject({
      count: 2,
      alerts: [
        { cause: 'b', severity: 'critical', state: 'open' },
        {
          cause: 'a',
          family: 'expiry',
          rules: ['expiring'],
          title: 'api.example.com',
          ends_at: iso(START + 20 * DAY),
          opened_at: iso(START),
          closed_at: null,
          place_count: 1,
          places: [{ source: 'partners', labels: { owner: 'web' }, state: 'open' }],
          acknowledgement: null,
          told: [{ channel: 'mail', reason: 'first', at: iso(START) }],
          held: [],
        },
      ],
    });
    expect((await ask('GET', '/api/v1/alerts?state=all')).json).toMatchObject({ count: 3 });
  });

  test.each(['state=odd', 'limit=0', 'limit=x', 'limit=99999'])('refuses ?%s', async (query) => {
    expect(await ask('GET', `/api/v1/alerts?${query}`)).toMatchObject({ status: 400, json: { status: 400 } });
  });
});

/** All rows of a list, page after page; between two pages something happens. */
async function paged(path: string, key: string, limit: number, between = async () => {}): Promise<unknown[]> {
  const rows: unknown[] = [];
  let next: string | null = '';
  while (next !== null) {
    const { json, status } = await ask('GET', `${path}${path.includes('?') ? '&' : '?'}limit=${limit}&after=${next}`);
    expect(status).toBe(200);
    expect((json[key] as unknown[]).length).toBeLessThanOrEqual(limit);
    rows.push(...(json[key] as unknown[]));
    next = json['next'] as string | null;
    await between();
  }
  return rows;
}

describe('lists', () => {
  beforeEach(async () => {
    const some = Array.from({ length: 7 }, (_, number) =>
      looked(number, 'good', [
        finding({
          cause: `cause ${number}`,
          severity: number % 3 === 0 ? 'critical' : 'warning',
          ...(number % 2 === 0 ? { endsAt: START + (20 - number) * DAY } : {}),
        }),
        finding({ cause: `cause ${number}`, rule: 'renewal-overdue', family: 'renewal' }),
      ]),
    );
    await scenario.after(0, ...some, looked(8, 'good', [finding({ cause: 'cause 1' })], { labels: { owner: 'web' } }));
  });

  test.each([
    ['/api/v1/alerts', 'alerts', 14],
    ['/api/v1/alerts?family=expiry', 'alerts', 7],
    ['/api/v1/findings', 'findings', 15],
    ['/api/v1/findings?owner=web', 'findings', 1],
  ])('%s comes in pages that together are the whole, in one order', async (path, key, count) => {
    const whole = (await ask('GET', path)).json;
    expect([(whole[key] as unknown[]).length, whole['count'], whole['next']]).toEqual([count, count, null]);
    for (const limit of [1, 3, 14]) expect(await paged(path, key, limit)).toEqual(whole[key]);
  });

  test('findings are those of one alert, at all its places', async () => {
    const { alerts } = (await ask('GET', '/api/v1/alerts?family=expiry&owner=web')).json as {
      alerts: { id: string }[];
    };
    const { json } = await ask('GET', `/api/v1/findings?alert=${alerts[0]?.id ?? ''}`);
    expect(json).toMatchObject({ count: 2, findings: [{ cause: 'cause 1' }, { cause: 'cause 1' }] });
  });

  test('what is closed between two pages makes no other be left out or come twice', async () => {
    const before = (await ask('GET', '/api/v1/alerts?family=expiry')).json['alerts'] as { cause: string }[];
    const [first, ...others] = before.map(({ cause }) => cause);
    const number = Number(first?.slice('cause '.length));
    let pages = 0;
    const seen = await paged('/api/v1/alerts?family=expiry', 'alerts', 2, async () => {
      if (pages++ === 0) await scenario.after(HOUR, looked(number, 'gone'));
    });
    expect(seen.map((one) => (one as { cause: string }).cause)).toEqual([first, ...others]);
  });

  test.each(['alerts', 'findings', 'silences'])('of %s are CSV, too, all pages in one', async (list) => {
    await ask('POST', '/api/v1/silences', silence);
    const answer = await app.request(`/api/v1/${list}?format=csv&limit=1`);
    expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    const [head, ...lines] = (await answer.text()).split('\r\n');
    expect(head?.split(',')).toEqual(
      expect.arrayContaining(list === 'silences' ? ['id', 'matchers'] : ['severity', 'cause', 'title']),
    );
    expect(lines.length - 1).toBe({ alerts: 14, findings: 15, silences: 1 }[list]);
  });

  test.each(['after=x', 'after=WzFd', 'after=WyJhIiwiYiIsImMiXQ'])('refuse ?%s', async (query) => {
    for (const list of ['alerts', 'findings', 'silences']) {
      expect(await ask('GET', `/api/v1/${list}?${query}`)).toMatchObject({
        status: 400,
        json: { detail: expect.stringContaining('after: is not the next of an earlier answer') },
      });
    }
  });
});

describe('silences', () => {
  test('come in pages, those that hold longest first, and those in force alone', async () => {
    for (const hours of [3, 9, 5, 1, 7]) {
      await ask('POST', '/api/v1/silences', { ...silence, until: iso(START + hours * HOUR) });
    }
    scenario.now += 4 * HOUR;
    const untils = (rows: readonly unknown[]): unknown[] => rows.map((row) => (row as { until: string }).until);
    const ordered = [9, 7, 5, 3, 1].map((hours) => iso(START + hours * HOUR));
    expect(untils(await paged('/api/v1/silences', 'silences', 2))).toEqual(ordered);
    expect(untils(await paged('/api/v1/silences?state=active', 'silences', 1))).toEqual(ordered.slice(0, 3));
  });

  test('are a thousand at most: one more is refused, and all that are in force are listed', async () => {
    for (let number = 0; number < 1_000; number++) {
      await scenario.store.saveSilence({ ...silence, id: `s${number}`, createdAt: START, until: START + DAY });
    }
    const answer = await ask('POST', '/api/v1/silences', silence);
    expect(answer).toMatchObject({
      status: 409,
      json: { detail: expect.stringContaining('1000 silences are in force') },
    });
    expect((await ask('GET', '/api/v1/silences?limit=1000')).json['silences']).toHaveLength(1_000);
  });

  test('are added, listed and ended, and what they kept back is told', async () => {
    const added = await ask('POST', '/api/v1/silences', silence);
    expect(added).toMatchObject({
      status: 201,
      json: { id: 'silence-1', state: 'active', created_at: iso(START), ...silence },
    });
    await scenario.after(HOUR, looked(1, 'good', [finding()]));
    expect(scenario.news()).toEqual([]);
    expect((await ask('GET', '/api/v1/alerts')).json).toMatchObject({
      alerts: [{ held: [{ channel: 'mail', why: 'silence', until: iso(START + DAY) }] }],
    });

    expect((await ask('DELETE', '/api/v1/silences/silence-1')).json).toMatchObject({ state: 'expired' });
    expect(woken).toBe(1);
    await scenario.repeats();
    expect(scenario.news()).toEqual(['mail first']);
    expect((await ask('GET', '/api/v1/silences')).json).toMatchObject({
      silences: [{ id: 'silence-1', state: 'expired', until: iso(START + HOUR) }],
    });
  });

  test.each([
    ['no JSON', '{', 400, 'the body is no JSON'],
    ['a matcher that is none', { ...silence, matchers: ['owner'] }, 400, 'one of = != =~ !~ is missing'],
    ['matchers that match everything', { ...silence, matchers: ['owner=~".*"'] }, 400, 'match everything'],
    ['no matcher', { ...silence, matchers: [] }, 400, 'matchers'],
    ['an end in the past', { ...silence, until: iso(START) }, 400, 'in the past'],
    ['an end in three years', { ...silence, until: iso(START + 1_100 * DAY) }, 400, 'more than a year'],
    ['a date that is none', { ...silence, until: 'tomorrow' }, 400, 'until'],
    ['nobody who asks', { ...silence, author: ' \u200b' }, 400, 'author'],
    ['what it does not know', { ...silence, extra: 1 }, 400, 'extra'],
    ['too much', { ...silence, comment: 'x'.repeat(70_000) }, 413, 'longer than'],
  ])('are refused with %s', async (_what, body, status, detail) => {
    const answer = await ask('POST', '/api/v1/silences', body);
    expect(answer).toMatchObject({ status, type: 'application/problem+json' });
    expect(answer.json['detail']).toContain(detail);
    expect((await ask('GET', '/api/v1/silences')).json).toEqual({ count: 0, silences: [], next: null });
  });

  test('take JSON alone: no form of another page can send that', async () => {
    expect((await ask('POST', '/api/v1/silences', JSON.stringify(silence), 'text/plain')).status).toBe(415);
  });

  test('that are not there are said to be so', async () => {
    expect(await ask('DELETE', '/api/v1/silences/nothing')).toMatchObject({ status: 404 });
  });

  test('keep what hostile text they are given harmless', async () => {
    const { json } = await ask('POST', '/api/v1/silences', { ...silence, author: 'a\r\nBcc: x\u202e' });
    expect(json['author']).toBe('a Bcc: x');
  });
});

describe('POST /api/v1/alerts/{id}/ack', () => {
  test('keeps an alert quiet until it gets worse', async () => {
    await scenario.after(0, looked(1, 'good', [finding()]));
    const { id } = await scenario.alert();
    const answer = await ask('POST', `/api/v1/alerts/${id}/ack`, { author: 'anna', comment: 'renewing' });
    expect(answer).toMatchObject({
      status: 200,
      json: { id, acknowledgement: { author: 'anna', comment: 'renewing', at: iso(START) } },
    });
    scenario.now = START + 8 * DAY;
    await scenario.repeats();
    expect(scenario.news()).toEqual(['mail first']);
    await scenario.after(HOUR, looked(1, 'good', [finding({ severity: 'critical' })]));
    expect(scenario.news()).toEqual(['mail worse']);
  });

  test('an expired one can be acknowledged', async () => {
    const expired = finding({ rule: 'expired', severity: 'critical', endsAt: START - HOUR });
    await scenario.after(0, looked(1, 'good', [expired]));
    const { id } = await scenario.alert();
    expect((await ask('POST', `/api/v1/alerts/${id}/ack`, { author: 'anna' })).status).toBe(200);
    for (let hour = 0; hour < 30; hour += 1) {
      scenario.now += HOUR;
      await scenario.repeats();
    }
    expect(scenario.news()).toEqual(['mail first']);
  });

  test('is refused for what is over, and for what is not there', async () => {
    await scenario.after(0, looked(1, 'good', [finding()]));
    await scenario.after(HOUR, looked(1, 'gone'));
    const { id } = await scenario.alert();
    expect(await ask('POST', `/api/v1/alerts/${id}/ack`, { author: 'anna' })).toMatchObject({ status: 409 });
    expect(await ask('POST', '/api/v1/alerts/none/ack', { author: 'anna' })).toMatchObject({ status: 404 });
  });
});
