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
    expect((await ask('GET', '/api/v1/alerts?limit=1')).json['alerts']).toHaveLength(1);
  });

  test.each(['state=odd', 'limit=0', 'limit=x', 'limit=99999'])('refuses ?%s', async (query) => {
    expect(await ask('GET', `/api/v1/alerts?${query}`)).toMatchObject({ status: 400, json: { status: 400 } });
  });
});

describe('silences', () => {
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
    expect((await ask('GET', '/api/v1/silences')).json).toEqual({ silences: [] });
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
