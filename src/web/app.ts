import { Hono, type Context } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import { z } from 'zod';

import { alertingEndpoints } from './alerting.ts';
import { clientEndpoints } from './api/clients.ts';
import { addEndpoints, queryOf, Refusal, taggedAnswer } from './api/endpoint.ts';
import { inventoryEndpoints } from './api/inventory.ts';
import { openApi } from './api/openapi.ts';
import { severity } from './api/schemas.ts';
import { statusEndpoints } from './api/status.ts';
import { ASSET_FILES, ASSETS_VERSION } from './assets.ts';
import { calendar } from './calendar.ts';
import { addPages } from './pages/routes.ts';
import type { WebParts } from './parts.ts';
import { problem } from './problem.ts';
import { addPrometheus } from './prometheus.ts';

/** Everything that is served over HTTP. Answers to the same origin and to clients that are no browser; changes nothing by GET. */
export function createApp(parts: WebParts): Hono {
  const app = new Hono();
  app.use(async (context, next) => {
    await next();
    for (const [name, value] of parts.headers()) context.res.headers.set(name, value);
  });
  app.use(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        styleSrc: ["'self'"],
        scriptSrc: ["'self'"],
        imgSrc: ["'self'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
        baseUri: ["'none'"],
      },
      // It would hold for every port of the host name, whatever else is served there: by the config alone.
      strictTransportSecurity: false,
      // With no referrer at all, a browser would not say of which origin a form is.
      referrerPolicy: 'same-origin',
    }),
  );
  app.use(parts.gate.middleware);

  // What went wrong inside is for the log: an answer may be read by anyone.
  app.onError((error, context) => {
    parts.log.error({ method: context.req.method, path: context.req.path, error }, 'a request failed');
    const detail = 'a fault inside notafter; its log says more';
    return isApi(context) ? problem(context, 500, detail) : context.text(`${detail}\n`, 500);
  });
  app.notFound((context) => {
    const detail = 'there is no such page';
    return isApi(context) ? problem(context, 404, `${detail}; see /openapi.json`) : context.text(`${detail}\n`, 404);
  });

  addPrometheus(app, parts);
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
  app.all('/-/reload', (context) => context.text('a reload is asked for by POST\n', 405, { allow: 'POST' }));
  const endpoints = [
    ...inventoryEndpoints(parts),
    ...clientEndpoints(parts),
    ...alertingEndpoints(parts),
    ...statusEndpoints(parts),
  ];
  addEndpoints(app, endpoints);
  const document = JSON.stringify(openApi(endpoints, parts.version));
  app.get('/openapi.json', (context) => taggedAnswer(context, document, 'application/json'));
  app.get('/calendar.ics', (context) => calendarAnswer(context, parts));

  app.get('/runbooks/:rule', async (context) => {
    const text = await parts.runbook(context.req.param('rule'));
    return text === undefined ? context.text('there is no such rule\n', 404) : context.text(text);
  });

  addPages(app, parts);
  for (const [name, { type, text }] of ASSET_FILES) {
    app.get(`/assets/${name}`, (context) => {
      const isThisVersion = context.req.url.endsWith(`?${ASSETS_VERSION}`);
      return context.body(text, 200, {
        'content-type': type,
        'cache-control': isThisVersion ? 'public, max-age=31536000, immutable' : 'no-cache',
      });
    });
  }
  return app;
}

function isApi(context: Context): boolean {
  return context.req.path.startsWith('/api/');
}

const calendarQuery = z.strictObject({
  owner: z.string().max(500).optional(),
  service: z.string().max(500).optional(),
  severity: severity.optional(),
});

async function calendarAnswer(context: Context, parts: WebParts): Promise<Response> {
  try {
    const asked = calendarQuery.safeParse(queryOf(context.req.url));
    if (!asked.success) throw new Refusal(400, 'a calendar is asked for by owner, service and severity');
    const { value: survey } = await parts.survey();
    if (!survey.isWhole) throw new Refusal(503, 'still reading what is known; ask again in a few seconds');
    const base = parts.externalUrl();
    const text = calendar(survey.ending, asked.data, parts.now(), (cause) =>
      base === undefined || !/^[0-9a-f]{64}$/.test(cause)
        ? undefined
        : new URL(`certificates/${cause}`, withSlash(base)).href,
    );
    return taggedAnswer(context, text, 'text/calendar; charset=utf-8');
  } catch (error) {
    if (error instanceof Refusal) {
      return problem(context, error.status, error.message, error.status === 503 ? { 'retry-after': '10' } : {});
    }
    throw error;
  }
}

function withSlash(url: string): string {
  return url.endsWith('/') ? url : `${url}/`;
}
