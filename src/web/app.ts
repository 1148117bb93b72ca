import { Hono } from 'hono';
import { html } from 'hono/html';
import { secureHeaders } from 'hono/secure-headers';

import type { InventoryReader } from '../inventory/port.ts';
import type { Desk } from '../notify/desk.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Logger } from '../plugin/logger.ts';
import type { Forecast, Period } from '../policy/forecast.ts';
import { parsePeriod, PeriodError } from '../policy/period.ts';
import { addAlerting } from './alerting.ts';
import { forecastJson } from './forecast.ts';
import { problem } from './problem.ts';
import { runbookPage, type ShownRunbook } from './runbook-page.ts';

/** See the identity of alerts. */
const ALERT_ID = /^[0-9a-f]{16}$/;

/** The parts of the daemon that the web reaches. */
export interface WebParts {
  readonly inventory: InventoryReader;
  readonly metrics: Metrics;
  readonly version: string;
  readonly log: Logger;
  readonly desk: Desk;
  /** Why the daemon is not ready; empty when it is. */
  notReady(): readonly string[];
  /** Applies the config file anew. */
  reload(): Promise<{ readonly ok: true } | { readonly ok: false; readonly problems: readonly string[] }>;
  /** The text of a rule's runbook page; `undefined`: there is no such rule. */
  runbook(rule: string): Promise<string | undefined>;
  /** What to do about an alert; `undefined`: there is no such alert. `busy`: too many ask. */
  alertRunbook(id: string): Promise<ShownRunbook | 'busy' | undefined>;
  /** What will be wrong within a period. */
  forecast(period: Period): Promise<Forecast>;
  now(): number;
  /** Sends a test notification. `undefined`: there is no such channel. */
  testChannel(name: string): Promise<{ readonly ok: boolean; readonly lines: readonly string[] } | undefined>;
}

/** Everything that is served over HTTP. Answers to the same origin and to clients that are no browser; changes nothing by GET. */
export function createApp(parts: WebParts): Hono {
  const app = new Hono();
  app.use(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
        baseUri: ["'none'"],
      },
      referrerPolicy: 'no-referrer',
    }),
  );
  // A page of another origin must not make a browser press our buttons.
  app.use(async (context, next) => {
    const origin = context.req.header('origin');
    const foreign = origin !== undefined && originHost(origin) !== context.req.header('host');
    if (context.req.method !== 'GET' && context.req.method !== 'HEAD' && foreign) {
      const refusal = 'requests from other origins are refused';
      return context.req.path.startsWith('/api/') ? problem(context, 403, refusal) : context.text(`${refusal}\n`, 403);
    }
    return next();
  });

  // What went wrong inside is for the log: an answer may be read by anyone.
  app.onError((error, context) => {
    parts.log.error({ method: context.req.method, path: context.req.path, error }, 'a request failed');
    return context.text('a fault inside notafter; its log says more\n', 500);
  });
  app.notFound((context) => context.text('there is no such page\n', 404));

  app.get('/metrics', async (context) => {
    const { contentType, encoding, length, chunks } = await parts.metrics.exposition({
      accept: context.req.header('accept'),
      acceptEncoding: context.req.header('accept-encoding'),
    });
    return context.body(streamOf(chunks), 200, {
      'content-type': contentType,
      'content-length': String(length),
      vary: 'accept, accept-encoding',
      ...(encoding === undefined ? {} : { 'content-encoding': encoding }),
    });
  });
  app.get('/-/healthy', (context) => context.text('healthy\n'));
  app.get('/-/ready', (context) => {
    const reasons = parts.notReady();
    return reasons.length === 0 ? context.text('ready\n') : context.text(`not ready: ${reasons.join('; ')}\n`, 503);
  });
  app.post('/-/reload', async (context) => {
    const result = await parts.reload();
    return result.ok
      ? context.text('reloaded\n')
      : context.text(`not reloaded, the old config stays in force\n${result.problems.join('\n')}\n`, 400);
  });
  app.post('/api/v1/channels/:name/test', async (context) => {
    const result = await parts.testChannel(context.req.param('name'));
    if (result === undefined) return context.json({ ok: false, lines: ['there is no such channel'] }, 404);
    return context.json(result, result.ok ? 200 : 502);
  });

  addAlerting(app, parts);

  app.get('/api/v1/forecast', async (context) => {
    const { at, from, until } = context.req.query();
    try {
      return context.json(forecastJson(await parts.forecast(parsePeriod({ at, from, until }, parts.now()))));
    } catch (error) {
      if (error instanceof PeriodError) return context.json({ error: error.message }, 400);
      throw error;
    }
  });

  app.get('/runbooks/alerts/:id', async (context) => {
    const id = context.req.param('id');
    const shown = ALERT_ID.test(id) ? await parts.alertRunbook(id) : undefined;
    if (shown === 'busy') return context.text('too many runbooks are asked for at once; ask again\n', 503);
    return shown === undefined ? context.text('there is no such alert\n', 404) : context.html(runbookPage(shown));
  });
  app.get('/runbooks/:rule', async (context) => {
    const text = await parts.runbook(context.req.param('rule'));
    return text === undefined ? context.text('there is no such rule\n', 404) : context.text(text);
  });

  app.get('/', async (context) => {
    const sources = await parts.inventory.sources();
    const locations = await parts.inventory.locations();
    const failed = locations.filter((location) => location.failure !== undefined).length;
    return context.html(
      html`<!doctype html>
        <html lang="en">
          <head>
            <meta charset="utf-8" />
            <meta name="viewport" content="width=device-width" />
            <title>notafter</title>
          </head>
          <body>
            <h1>notafter</h1>
            <p>
              Version ${parts.version}. Sources: ${sources.length}. Locations: ${locations.length}, of which ${failed}
              could not be read at the last look.
            </p>
            <ul>
              <li><a href="/metrics">Metrics</a></li>
              <li><a href="/-/healthy">Healthy</a></li>
              <li><a href="/-/ready">Ready</a></li>
            </ul>
          </body>
        </html>`,
    );
  });
  return app;
}

/** Chunks as they are taken away: nothing is copied into one. */
function streamOf(chunks: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  let next = 0;
  return new ReadableStream({
    pull(controller) {
      const chunk = chunks[next++];
      if (chunk === undefined) controller.close();
      else controller.enqueue(chunk);
    },
  });
}

function originHost(origin: string): string | undefined {
  try {
    return new URL(origin).host;
  } catch {
    return undefined;
  }
}
