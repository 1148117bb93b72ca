import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { safeText } from '../../src/text/safe-text.ts';
import type { Survey } from '../../src/web/parts.ts';
import { createWebStage, NOW, type WebStage } from '../helpers/web-stage.ts';
import { DAY, endpointLocation, fileLocation, leaf, showing, sighting } from '../policy/places.ts';

let stage: WebStage;
beforeEach(async () => {
  stage = await createWebStage();
});
afterEach(() => stage.close());

async function page(path: string, status = 200): Promise<string> {
  const answer = await stage.ask(path);
  expect([path, answer.status]).toEqual([path, status]);
  expect(answer.type).toBe('text/html; charset=UTF-8');
  return answer.text;
}

/** What a reader reads: without tags, with single spaces. */
async function words(path: string, status = 200): Promise<string> {
  return plain(await page(path, status));
}

function plain(html: string): string {
  return html
    .replace(/<[^>]*>/g, ' ')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')
    .replace(/\s+/g, ' ');
}

async function alertOf(rule: string): Promise<string> {
  const alerts = await stage.store.alerts.alerts();
  const found = alerts.find(({ places }) => places.some(({ findings }) => findings.some((one) => one.rule === rule)));
  return found?.id ?? '';
}

async function post(path: string, fields: Readonly<Record<string, string>>, headers = {}) {
  return stage.ask(path, {
    method: 'POST',
    body: new URLSearchParams(fields).toString(),
    headers: { 'content-type': 'application/x-www-form-urlencoded', origin: 'http://127.0.0.1:9919', ...headers },
  });
}

describe('many alerts', () => {
  test('come in pages that lead from one to the next, each alert once, and are found by severity, source and owner', async () => {
    await stage.close();
    stage = await createWebStage(
      Array.from({ length: 230 }, (_, number) =>
        fileLocation([sighting(leaf(`host${number}.example.com`, { left: (number % 9) * DAY }))], {
          location: `/etc/ssl/${number}.pem`,
          source: number < 200 ? 'disk' : 'nas',
          labels: { owner: number < 5 ? 'web' : 'shop' },
        }),
      ),
    );
    const open = (await stage.store.alerts.alerts({ state: 'open' })).length;
    expect(open).toBeGreaterThan(200);
    const seen: string[] = [];
    let path: string | undefined = '/alerts';
    while (path !== undefined) {
      const html: string = await page(path);
      expect(plain(html)).toContain(`${open} found.`);
      seen.push(...[...html.matchAll(/href="\.\/alerts\/([0-9a-f]{16})"/g)].map(([, id = '']) => id));
      const next = /rel="next" href="([^"]*)"/.exec(html)?.[1];
      path = next === undefined ? undefined : `/alerts${next.replaceAll('&amp;', '&')}`;
    }
    expect([seen.length, new Set(seen).size]).toEqual([open, open]);
    expect(await words('/alerts?owner=web&source=disk')).toContain('5 found.');
    expect(await words('/alerts?owner=web&source=nas')).toContain('0 found. As CSV None of them fits.');
    expect(await words('/alerts?severity=deadly', 400)).toContain('severity: ');
    expect(await words('/alerts?after=x', 400)).toContain('after: is not the next of an earlier answer');
  });
});

describe('while not all was read', () => {
  /** The page as it is after a restart: as much of a survey as there is. */
  async function reading(value: Partial<Survey>, making: Partial<Survey> = value): Promise<void> {
    const { value: whole } = await stage.parts.survey();
    await stage.close();
    const had = { value: { ...whole, ...value }, making: { ...whole, ...making } };
    stage = await createWebStage(undefined, { survey: async () => had });
  }
  const nothing = {
    isWhole: false,
    read: 0,
    locations: 0,
    ending: [],
    clients: { certain: [], possible: [], possibleCount: 0 },
  };

  test('every page that rests on it says so, how far it is, and never that all is well', async () => {
    await reading({
      ...nothing,
      read: 2_000,
      locations: 100_000,
      coverage: { sources: [], findings: [], unwatched: [] },
    });
    const alert = await alertOf('expired');
    const paths = [
      '/',
      '/clients',
      '/coverage',
      `/certificates/${leaf('api.example.com').id}`,
      `/runbooks/alerts/${alert}`,
    ];
    for (const path of paths) {
      const text = await words(path);
      expect(text, path).toContain('Still reading what is known. 2,000 of 100,000 locations so far');
      expect(await page(path), path).toContain('data-reading');
    }
    expect(await words('/')).toContain('Nothing of what was read so far breaks within 12 weeks.');
    expect(await words('/clients')).toContain('No login with a client certificate was read so far.');
    expect(await words('/coverage')).not.toContain('All that was looked at was read');
    expect(await words('/coverage')).not.toContain('Every name in a certificate is looked at');
  });

  test('a calendar and a CSV of all are not given out: whoever subscribed would believe the rest is over', async () => {
    await reading(nothing);
    for (const path of ['/calendar.ics', '/api/v1/clients?format=csv']) {
      const answer = await stage.ask(path);
      expect([path, answer.status, answer.type]).toEqual([path, 503, 'application/problem+json']);
    }
    expect((await stage.ask('/calendar.ics')).headers.get('retry-after')).toBe('10');
    expect(JSON.parse((await stage.ask('/api/v1/clients')).text)).toMatchObject({ complete: false });
  });

  test('what was put together before is shown as such', async () => {
    await reading({ at: NOW - 3 * 60_000 }, nothing);
    expect(await words('/')).toContain('Reading everything anew. What stands here was put together 3 minutes ago.');
    expect(await words('/')).toContain('Next to break: billing-secret');
    expect((await stage.ask('/calendar.ics')).status).toBe(200);
    await reading({ ending: [] }, nothing);
    expect(await words('/')).toContain('Nothing of what was read so far breaks within 12 weeks.');
  });

  test('a source whose first round is not over is named', async () => {
    expect(await words('/')).not.toContain('first round');
    await stage.store.transaction((tx) =>
      tx.inventory.saveSource({ name: 'new<b>', type: 'file', intervalMs: 60_000, firstSeenAt: NOW }),
    );
    for (const path of ['/', '/coverage']) {
      expect(await words(path)).toContain('The first round of new<b> is not over: more may be found there.');
    }
  });
});

describe('the pages', () => {
  test('Next says what breaks next, for whom, and shows the weeks to come', async () => {
    const text = await words('/');
    expect(text).toContain('Next to break: billing-secret in 3 days , at 1 place, owned by payments.');
    expect(text).toContain('1 cause ended already.');
    expect(text).toContain('What ends within 12 weeks: 8 causes, the first in 3 days');
    expect(text).toMatch(/Within five weeks .*Example Issuing CA payments-api, shop-api: /);
    expect(await words('/?weeks=1')).not.toContain('shop.example.com');
  });

  test('Certificates lists, filters, and leads to the next page', async () => {
    expect(await words('/certificates')).toContain('9 found.');
    expect(await words('/certificates?q=&role=client&until=30d')).toMatch(
      /1 found\..* billing CN=Partner CA,O=Partner client 1 partners/,
    );
    expect(await words('/certificates?q=nothing')).toContain('Nothing fits.');
    const html = await page('/certificates?owner=payments&order=-ends');
    expect(html).toContain('value="payments"');
    expect(html).toContain('href="./api/v1/certificates?owner=payments&amp;order=-ends&amp;format=csv"');
  });

  test('a long list is read a page at a time', async () => {
    await stage.close();
    const many = Array.from({ length: 120 }, (_, number) => sighting(leaf(`host${number}`), { place: `${number}` }));
    stage = await createWebStage([fileLocation(many)]);
    const seen = new Set<string>();
    let path: string | undefined = '/certificates?order=name';
    let pages = 0;
    while (path !== undefined) {
      const html = await page(path);
      for (const [, name] of html.matchAll(/>(host\d+)<\/a>/g)) if (name !== undefined) seen.add(name);
      const next = /rel="next" href="([^"]*)"/.exec(html)?.[1];
      path = next === undefined ? undefined : `/certificates${next.replaceAll('&amp;', '&')}`;
      pages += 1;
    }
    expect([seen.size, pages]).toEqual([120, 3]);
  });

  test('Certificate says what breaks, shows the chain with what limits it, every place, and leads to the runbook', async () => {
    const text = await words(`/certificates/${leaf('api.example.com').id}`);
    expect(text).toContain('critical It ends in 5 days, 2026-02-06 12:00 UTC .');
    expect(text).toContain('This endpoint fails for everybody: api.example.com:443@10.0.0.1 payments');
    expect(text).toContain(
      'Chain at api.example.com:443@10.0.0.1, trusted, from the top: Example Root (ends 2036-01-30, in 3650 days · in the trust store); Example Issuing CA',
    );
    expect(text).toContain('ends 2026-02-06, in 5 days · sent as 0 · LIMITS THE CHAIN');
    expect(text).toContain('Places (1)');
    const runbook = /href="\.\.(\/runbooks\/alerts\/[0-9a-f]{16})"/.exec(
      await page(`/certificates/${leaf('api.example.com').id}`),
    )?.[1];
    expect(await words(runbook ?? 'none')).toContain('api.example.com');
    const client = await words(`/certificates/${leaf('billing').id}`);
    expect(client).toMatch(
      /These logins are refused: .*billing shop\.example\.com:443@10\.0\.0\.2 ✓ accepted HTTP 200 2026-02-13/,
    );
    expect(await words('/certificates/nosuch', 404)).toContain('There is no such certificate');
  });

  test('Clients shows each client at each endpoint, with the verdict and the day', async () => {
    const text = await words('/clients');
    expect(text).toContain('1 login with a client certificate. None is refused today.');
    expect(text).toMatch(
      /billing shop\.example\.com:443@10\.0\.0\.2 ✓ accepted HTTP 200 2026-02-13 12:00 in 12 days its own certificate/,
    );
    expect(text).toMatch(/May log in .* partner-client shop\.example\.com:443@10\.0\.0\.2 not tried/);
  });

  test('Coverage shows the sources, what is not read, and why', async () => {
    const text = await words('/coverage');
    expect(text).toContain('3 sources, 6 locations. 1 could not be read at the last look.');
    expect(text).toMatch(/\/etc\/ssl\/broken\.pem disk malformed: the file is no certificate 4/);
    expect(text).toContain('unreadable');
  });

  test('Alerts shows what is open and who was told', async () => {
    const text = await words('/alerts');
    expect(text).toMatch(/\d+ open alerts, \d+ critical/);
    expect(text).toMatch(/■ critical login\.example\.com expired 1 2026-01-30 12:00 2 days ago told mail/);
    expect(text).toContain('Silences None is in force.');
    expect(text).toContain('Something waits since');
  });

  test('a certificate lets its alert be acknowledged and silenced', async () => {
    const id = await alertOf('expired');
    const { cause } = (await stage.store.alerts.alertsById([id]))[0] ?? { cause: '' };
    const path = `/certificates/${cause}`;
    const html = await page(path);
    const actions = [...html.matchAll(/<form class="act" method="post" action="([^"]*)"/g)].map(([, to]) => to);
    expect(actions).toEqual([`../alerts/${id}/ack`, '../silences']);
    const form = { author: 'anna', comment: 'on it' };
    expect((await post(`/alerts/${id}/ack`, form)).status).toBe(303);
    const after = await page(path);
    expect(plain(after)).toContain('acknowledged by anna');
    // It is taken on already; it can still be silenced.
    expect(after).not.toContain(`${id}/ack"`);
    expect(after).toContain('../silences');
  });

  test('an alert leads to its runbook, and the runbook back', async () => {
    const id = await alertOf('expired');
    expect(await words(`/alerts/${id}`)).toMatch(/critical login\.example\.com .* ended 2 days ago/);
    const runbook = await words(`/runbooks/alerts/${id}`);
    expect(runbook).toContain('The alert: who was told, acknowledge, silence');
    expect(runbook).toContain('When it is over');
    for (const path of ['/alerts/ffffffffffffffff', '/alerts/x', '/runbooks/alerts/ffffffffffffffff']) {
      expect(await words(path, 404)).toContain('There is no such alert.');
    }
  });

  test('refuse what cannot be meant, in words', async () => {
    expect(await words('/certificates?until=soon', 400)).toContain('"soon" is neither a date');
    expect(await words('/certificates?role=king', 400)).toContain('role:');
    expect(await words('/certificates?q=a&q=b', 400)).toContain('q: is given twice');
    expect(await words('/certificates?after=x', 400)).toContain('after: is not the next of an earlier answer');
    expect(await words('/?weeks=1000', 400)).toContain('weeks:');
    for (const path of [
      '/assets/../app.ts',
      '/assets/..%2fapp.ts',
      '/assets/',
      '/assets/style.css%00',
      '/..%2f..%2fetc/passwd',
    ]) {
      expect((await stage.ask(path)).status, path).toBe(404);
    }
  });

  test('are small', async () => {
    for (const path of [
      '/',
      '/certificates',
      `/certificates/${leaf('api.example.com').id}`,
      '/clients',
      '/coverage',
      '/alerts',
    ]) {
      expect((await page(path)).length, path).toBeLessThan(100_000);
    }
  });

  test('have their style and script from the same origin, for good while they do not change', async () => {
    const html = await page('/');
    for (const [, href] of html.matchAll(/(?:href|src)="\.\/(assets\/[^"]+)"/g)) {
      const answer = await stage.ask(`/${href}`);
      expect([href, answer.status, answer.headers.get('cache-control')]).toEqual([
        href,
        200,
        'public, max-age=31536000, immutable',
      ]);
    }
    expect((await stage.ask('/assets/style.css')).headers.get('cache-control')).toBe('no-cache');
    expect(html).not.toMatch(/ style=|<style|<script>| on\w+=/);
  });
});

describe('the forms', () => {
  test('acknowledge an alert', async () => {
    const id = await alertOf('expired');
    const done = await post(`/alerts/${id}/ack`, { author: 'anna', comment: '<b>mine</b>' });
    expect([done.status, done.headers.get('location')]).toEqual([303, `../../alerts/${id}`]);
    expect((await stage.store.alerts.alertsById([id]))[0]?.acknowledgement).toMatchObject({
      author: 'anna',
      comment: '<b>mine</b>',
    });
    expect(await words(`/alerts/${id}`)).toContain('Acknowledged by anna, 2026-02-01 12:00');
    expect(await page(`/alerts/${id}`)).not.toContain('<b>mine');
    expect(await words('/alerts')).toContain('acknowledged by anna');
  });

  test('silence, and end a silence', async () => {
    const done = await post('/silences', {
      matchers: 'owner="payments"\r\n\r\nenv=~"prod.*"',
      hours: '24',
      author: 'anna',
    });
    expect([done.status, done.headers.get('location')]).toEqual([303, './alerts']);
    expect(await stage.store.alerts.silences()).toMatchObject([
      { matchers: ['owner="payments"', 'env=~"prod.*"'], until: NOW + DAY, author: 'anna' },
    ]);
    expect(await words('/alerts')).toContain('owner="payments", env=~"prod.*" 2026-02-02 12:00 in 1 day anna');
    expect((await post('/silences/silence-1/end', {})).status).toBe(303);
    expect(await words('/alerts')).toContain('None is in force.');
  });

  test.each<[string, string, Readonly<Record<string, string>>, number, string]>([
    [
      'a matcher that is none',
      '/silences',
      { matchers: 'x', hours: '4', author: 'a' },
      400,
      'one of = != =~ !~ is missing',
    ],
    ['no name', '/silences', { matchers: 'a="b"', hours: '4', author: ' ' }, 400, 'author is empty'],
    ['a time that is not offered', '/silences', { matchers: 'a="b"', hours: '1e9', author: 'a' }, 400, 'For how long?'],
    ['an alert that is none', '/alerts/ffffffffffffffff/ack', { author: 'a' }, 404, 'There is no such alert.'],
    ['a silence that is none', '/silences/x/end', {}, 404, 'There is no such silence.'],
    ['a form that is too long', '/silences', { matchers: 'x'.repeat(70_000) }, 413, 'The form is too long.'],
  ])('say what is wrong with %s', async (_name, path, fields, status, detail) => {
    const answer = await post(path, fields);
    expect([answer.status, plain(answer.text)]).toEqual([status, expect.stringContaining(detail)]);
  });

  test('of another origin, and what is no form, change nothing', async () => {
    const id = await alertOf('expired');
    for (const origin of ['https://evil.example', 'null']) {
      expect((await post(`/alerts/${id}/ack`, { author: 'x' }, { origin })).status).toBe(403);
      expect((await post('/silences', { matchers: 'a="b"', hours: '4', author: 'x' }, { origin })).status).toBe(403);
    }
    const json = { 'content-type': 'application/json' };
    expect((await post(`/alerts/${id}/ack`, { author: 'x' }, json)).status).toBe(415);
    expect((await stage.ask(`/alerts/${id}/ack`)).status).toBe(404);
    expect((await stage.store.alerts.alertsById([id]))[0]?.acknowledgement).toBeUndefined();
    expect(await stage.store.alerts.silences()).toEqual([]);
  });
});

/** Pieces of which somebody makes a name that wants to be more than a text. */
const PIECES = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='alert(1)",
  '</textarea>',
  '</title>',
  '</svg><style>*{}</style>',
  '<!--',
  ']]>',
  'javascript:alert(1)',
  '&lt;b&gt;',
  '&#x3c;',
  '\u202egnp.exe',
  '\u0000',
  '\r\nX: y',
  '\u2028',
  '\ufeff',
  '<a href="//evil.example">',
  '{{7*7}}',
  '${7*7}',
  '`',
  '../../etc/passwd',
  '%3Cscript%3E',
  'A'.repeat(300),
  'é\u0301\u0301\u0301\u0301\u0301\u0301',
  '\ud800',
];
const NAMES = fc.sample(
  fc.array(fc.oneof(fc.constantFrom(...PIECES), fc.string({ unit: 'binary', maxLength: 6 })), {
    minLength: 1,
    maxLength: 4,
  }),
  { numRuns: 500, seed: 5 },
);
/** Every tag that a page has, with every attribute; a value in quotes that does not end early. */
const TAG =
  /^<\/?(?:!doctype|html|head|meta|title|link|script|body|a|header|nav|form|label|input|button|main|footer|h[1-3]|p|span|strong|em|time|figure|figcaption|div|svg|line|text|rect|g|table|caption|thead|tbody|tr|th|td|section|ul|ol|li|dl|dt|dd|select|option|datalist|textarea|details|summary|pre|code)(?:\s+(?:html|lang|charset|name|content|rel|href|type|src|defer|class|id|aria-[a-z]+|role|action|for|placeholder|maxlength|value|tabindex|viewBox|[xy][12]?|width|height|scope|rowspan|datetime|method|required|autocomplete|rows|selected|list|min|max|data-label|data-reading)(?:="[^"<>]*")?)*\s*\/?>$/;

describe('500 hostile names', () => {
  const batches = Array.from({ length: 10 }, (_, batch) =>
    NAMES.slice(batch * 50, batch * 50 + 50).map((one) => one.join('')),
  );

  test.each(batches.map((names, batch) => ({ batch, names })))(
    'are only text, on every page: $batch',
    async ({ names }) => {
      await stage.close();
      stage = await createWebStage(names.flatMap((name, number) => hostilePlaces(name, number)));
      const alerts = await stage.store.alerts.alerts();
      await post('/silences', {
        matchers: `owner="${names[0]?.replaceAll(/["\\\n\r]/g, '') ?? ''}x"`,
        hours: '4',
        author: names[1] ?? '',
      });
      await post(`/alerts/${alerts[0]?.id ?? ''}/ack`, { author: names[2] ?? '', comment: names[3] ?? '' });
      const [name = ''] = names;
      const paths = [
        '/',
        '/certificates',
        `/certificates?q=${encodeURIComponent(name.slice(0, 400))}`,
        `/certificates?owner=${encodeURIComponent(name.slice(0, 400))}&source=${encodeURIComponent(name.slice(0, 400))}`,
        `/certificates/${leaf(`${name}0`).id}`,
        `/certificates/${encodeURIComponent(name.slice(0, 400))}`,
        '/clients',
        '/coverage',
        '/alerts',
        `/alerts/${alerts[0]?.id ?? ''}`,
        `/runbooks/alerts/${alerts[1]?.id ?? ''}`,
        `/alerts/${encodeURIComponent(name.slice(0, 400))}`,
      ];
      for (const path of paths) {
        const { text, status } = await stage.ask(path);
        expect(status, path).not.toBe(500);
        for (const [tag] of text.matchAll(/<[^>]*>?/g)) expect(tag).toMatch(TAG);
        expect(text, path).not.toMatch(/[^\P{Cc}\n]|[\u2028-\u202e\u2066-\u2069\ufeff]/u);
        for (const [, href] of text.matchAll(/(?:href|action|src)="([^"]*)"/g)) {
          expect(href).toMatch(/^(?:\.{1,2}\/|\?|#main$)/);
        }
      }
      expect(stage.logged).toEqual([]);
    },
  );
});

/** The name wherever a place can carry one; names of places are made harmless before they are remembered. */
function hostilePlaces(name: string, number: number) {
  const place = safeText(`${name}${number}`, { max: 2_000 });
  const own = leaf(`${name}${number}`, {
    left: (number % 20) * DAY - 5 * DAY,
    subject: `CN=${name}`,
    issuer: `CN=${name}`,
    names: [name],
    serial: name,
    keyAlgorithm: name,
    problems: [name],
  });
  const at = { source: `s${number % 3}`, labels: { owner: name, service: name, runbook: name } };
  if (number % 3 === 0) {
    return [
      fileLocation([sighting(own, { key: { at: place, match: 'yes' }, place })], {
        ...at,
        location: `/${place}`,
        ...(number % 2 === 0 ? { failure: { reason: 'malformed' as const, detail: name }, failures: 1 } : {}),
        problems: [{ reason: 'malformed', place: name, detail: name }],
      }),
    ];
  }
  const endpoint = endpointLocation([own], {
    ...at,
    target: place,
    location: `${place}@10.0.0.1`,
  });
  return [
    showing(endpoint, `${name}${number}`, [leaf(`client ${name}`, { issuer: name })], {
      status: number % 2 === 0 ? 'rejected' : 'unknown',
      evidence: name,
    }),
  ];
}
