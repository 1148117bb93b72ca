import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';

import * as shapes from '../../src/web/api/schemas.ts';
import { createWebStage, NOW, type WebStage } from '../helpers/web-stage.ts';
import { DAY, leaf } from '../policy/places.ts';

let stage: WebStage;
beforeEach(async () => {
  stage = await createWebStage();
});
afterEach(() => stage.close());

async function json<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.output<Schema>> {
  const answer = await stage.ask(path);
  expect([path, answer.status, answer.text.slice(0, 200)]).toEqual([path, 200, expect.any(String)]);
  expect(answer.type).toBe('application/json');
  return schema.parse(JSON.parse(answer.text));
}

describe('certificates', () => {
  test('are listed once each, the first end first, with where they are', async () => {
    const { count, certificates, next } = await json('/api/v1/certificates', shapes.itemPage);
    expect(certificates.map(({ title }) => title)).toEqual([
      'login.example.com',
      'billing-secret',
      'api.example.com',
      'CRL of CN=Example Issuing CA,O=Example',
      'client.example.com',
      'billing',
      'Example Issuing CA',
      'shop.example.com',
      'partner-client',
    ]);
    expect([count, next]).toEqual([9, null]);
    expect(certificates[2]).toEqual({
      kind: 'certificate',
      id: leaf('api.example.com').id,
      fingerprint_sha256: leaf('api.example.com').id,
      title: 'api.example.com',
      subject: 'CN=api.example.com,O=Example',
      issuer: 'CN=Example Issuing CA,O=Example',
      serial: '0A1B',
      names: ['api.example.com'],
      not_before: new Date(NOW - 85 * DAY).toISOString(),
      not_after: new Date(NOW + 5 * DAY).toISOString(),
      not_after_status: 'known',
      days_left: 5,
      places: 1,
      roles: ['server'],
      sources: ['partners'],
    });
    expect(certificates[6]).toMatchObject({ places: 2, roles: ['intermediate'] });
  });

  test.each([
    ['q=api.example.com', ['api.example.com']],
    ['q=EXAMPLE+issuing&role=intermediate', ['Example Issuing CA']],
    ['owner=payments', ['billing-secret', 'api.example.com', 'Example Issuing CA']],
    ['source=cloud', ['billing-secret']],
    ['kind=crl', ['CRL of CN=Example Issuing CA,O=Example']],
    [
      'from=2026-02-01&until=10d&role=server',
      ['billing-secret', 'api.example.com', 'CRL of CN=Example Issuing CA,O=Example', 'client.example.com'],
    ],
    ['until=2026-02-01', ['login.example.com']],
    ['order=-name&limit=1', ['shop.example.com']],
    ['source=', expect.any(Array)],
  ])('are found by %s', async (query, titles) => {
    const { certificates } = await json(`/api/v1/certificates?${query}`, shapes.itemPage);
    expect(certificates.map(({ title }) => title)).toEqual(titles);
  });

  test('come in pages that lead from one to the next', async () => {
    const seen: string[] = [];
    let path: string = '/api/v1/certificates?limit=4';
    for (;;) {
      const { certificates, next } = await json(path, shapes.itemPage);
      seen.push(...certificates.map(({ id }) => id));
      if (next === null) break;
      path = `/api/v1/certificates?limit=4&after=${next}`;
    }
    expect([seen.length, new Set(seen).size]).toEqual([9, 9]);
  });

  test('have details: places, what fails, history, alerts', async () => {
    const details = await json(`/api/v1/certificates/${leaf('api.example.com').id}`, shapes.itemDetails);
    expect(details).toMatchObject({
      title: 'api.example.com',
      place_count: 1,
      places: [{ location: 'api.example.com:443@10.0.0.1', place: 'chain', labels: { owner: 'payments' } }],
      limits_count: 1,
      limits: [{ location: 'api.example.com:443@10.0.0.1' }],
      history: [{ title: 'api.example.com', ended: null }],
    });
    const [alert] = details.alerts;
    expect(
      (await json('/api/v1/alerts', z.object({ alerts: z.array(shapes.alert) }))).alerts.map(({ id }) => id),
    ).toContain(alert);
    expect(await stage.ask('/api/v1/certificates/00')).toMatchObject({
      status: 404,
      type: 'application/problem+json',
      text: expect.stringContaining('there is no certificate 00; GET /api/v1/certificates lists them'),
    });
  });

  test('are exported as CSV that no spreadsheet calculates with', async () => {
    await stage.close();
    const { fileLocation, sighting } = await import('../policy/places.ts');
    stage = await createWebStage([fileLocation([sighting(leaf('=HYPERLINK("http://x","y"),z'))])]);
    const answer = await stage.ask('/api/v1/certificates?format=csv');
    expect(answer.headers.get('content-disposition')).toBe('attachment; filename="notafter-certificates.csv"');
    const [head, line, rest] = answer.text.split('\r\n');
    expect(head).toBe(
      'kind,id,title,fingerprint_sha256,subject,issuer,serial,names,not_before,not_after,not_after_status,days_left,places,roles,sources',
    );
    expect(line).toContain(`,"'=HYPERLINK(""http://x"",""y""),z",`);
    expect(rest).toBe('');
  });
});

test('locations say how the last look went, and what is there', async () => {
  const { locations } = await json('/api/v1/locations?failing=true', shapes.locationPage);
  expect(locations).toMatchObject([
    { location: '/etc/ssl/broken.pem', ok: false, reason: 'malformed', failures: 4, items: [] },
  ]);
  const shop = await json('/api/v1/locations?q=shop.example', shapes.locationPage);
  expect(shop.locations).toMatchObject([
    {
      ok: true,
      limited_by: expect.any(String),
      items: [{ role: 'server' }, { role: 'intermediate' }, { role: 'client' }],
    },
  ]);
});

test('clients say who logs in where, with what verdict, until when, and who may', async () => {
  const { logins, possible, possible_count } = await json('/api/v1/clients', shapes.clientPage);
  expect(logins).toMatchObject([
    {
      location: 'shop.example.com:443@10.0.0.2',
      name: 'billing',
      verdict: { status: 'accepted', evidence: 'HTTP 200' },
      outage_at: new Date(NOW + 12 * DAY).toISOString(),
    },
  ]);
  expect(possible).toMatchObject([{ title: 'partner-client', joined_by: 'issuer' }]);
  expect(possible_count).toBe(1);
});

test('clients come in pages, those that log in first, and are found by endpoint, certificate and verdict', async () => {
  const whole = await json('/api/v1/clients', shapes.clientPage);
  const first = await json('/api/v1/clients?limit=1', shapes.clientPage);
  expect([first.logins, first.possible, first.login_count]).toEqual([whole.logins, [], 1]);
  const second = await json(`/api/v1/clients?limit=1&after=${first.next ?? ''}`, shapes.clientPage);
  expect([second.logins, second.possible, second.next]).toEqual([[], whole.possible, null]);
  const [login] = whole.logins;
  for (const query of [`client=${login?.client ?? ''}`, 'verdict=accepted']) {
    const found = await json(`/api/v1/clients?${query}`, shapes.clientPage);
    expect([query, found.logins, found.possible]).toEqual([query, [login], []]);
  }
  expect(await json('/api/v1/clients?source=nosuch', shapes.clientPage)).toMatchObject({ logins: [], possible: [] });
});

test('a forecast comes in pages that together are the whole, each of the same forecast', async () => {
  const whole = await json('/api/v1/forecast?until=90d', shapes.forecastPage);
  expect(whole.outlooks.length).toBeGreaterThan(4);
  expect([whole.count, whole.next]).toEqual([whole.outlooks.length, null]);
  const seen: unknown[] = [];
  let next: string | null = '';
  while (next !== null) {
    const one: z.output<typeof shapes.forecastPage> = await json(
      `/api/v1/forecast?until=90d&limit=2&after=${next}`,
      shapes.forecastPage,
    );
    expect(one.from).toBe(whole.from);
    seen.push(...one.outlooks);
    next = one.next;
    stage.clock.at += 1_000;
  }
  expect(seen).toEqual(whole.outlooks);
});

test('findings are those of the open alerts, at each place', async () => {
  const { findings, count } = await json('/api/v1/findings?rule=expired', shapes.findings);
  expect(findings).toMatchObject([
    {
      rule: 'expired',
      severity: 'critical',
      location: 'login.example.com:443@10.0.0.3',
      labels: { owner: 'identity' },
    },
  ]);
  expect(count).toBe(1);
  const all = await json('/api/v1/findings', shapes.findings);
  expect(all.count).toBeGreaterThan(4);
  expect(
    (await json('/api/v1/findings?owner=payments', shapes.findings)).findings.every(
      ({ labels }) => labels['owner'] === 'payments',
    ),
  ).toBe(true);
});

test('the status counts alerts and sources', async () => {
  const status = await json('/api/v1/status', shapes.status);
  expect(status).toMatchObject({
    version: '1.2.3<b>',
    ready: true,
    sources: [
      { name: 'cloud', locations: 1, failed: 0 },
      { name: 'disk', locations: 2, failed: 1 },
      { name: 'partners', locations: 3, failed: 0, interval_seconds: 3600 },
    ],
  });
  expect(status.alerts.critical).toBeGreaterThan(1);
});

describe('every answer', () => {
  test('has an ETag, and is not sent again to who has it', async () => {
    const lists = ['certificates', 'locations', 'clients', 'alerts', 'findings', 'silences', 'forecast', 'status'];
    const id = leaf('api.example.com').id;
    const paths = [...lists, `certificates/${id}`].map((list) => `/api/v1/${list}`);
    for (const path of [...paths, '/openapi.json', '/calendar.ics']) {
      const first = await stage.ask(path);
      const tag = first.headers.get('etag') ?? '';
      expect(tag, path).toMatch(/^"[\w-]{27}"$/);
      const second = await stage.ask(path, { headers: { 'if-none-match': `"other", W/${tag}` } });
      expect([second.status, second.text], path).toEqual([304, '']);
      expect((await stage.ask(path, { headers: { 'if-none-match': '"other"' } })).status, path).toBe(200);
    }
  });

  test.each([
    ['limit=0', 'limit: '],
    ['limit=1e9', 'limit: '],
    ['order=size', 'order: '],
    ['nonsense=1', 'the query: '],
    ['q=a&q=b', 'q: is given twice'],
    ['after=%00', 'after: is not the next of an earlier answer'],
    ['after=WzEsMiwzXQ', 'after: is not the next of an earlier answer'],
    ['until=soon', 'until: "soon" is neither a date'],
    [`q=${'x'.repeat(9_000)}`, 'the query is longer than'],
    [`q=${'x'.repeat(501)}`, 'q: '],
  ])('to a broken query says what is wrong with it: %#', async (query, detail) => {
    const answer = await stage.ask(`/api/v1/certificates?${query}`);
    expect([answer.status, answer.type]).toEqual([400, 'application/problem+json']);
    expect(JSON.parse(answer.text)).toEqual({
      type: 'about:blank',
      title: 'The request cannot be understood',
      status: 400,
      detail: expect.stringContaining(detail),
    });
  });

  test('about what is not there is a problem, too', async () => {
    expect(await stage.ask('/api/v1/nosuch')).toMatchObject({ status: 404, type: 'application/problem+json' });
    expect(await stage.ask('/api/v1/certificates', { method: 'POST' })).toMatchObject({ status: 404 });
  });
});
