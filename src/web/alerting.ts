import type { Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { z } from 'zod';

import type { AlertState, Desk, DeskError } from '../notify/desk.ts';
import type { Silence } from '../notify/model.ts';
import { problem } from './problem.ts';

const MAX_BODY_BYTES = 65_536;
/** Alerts in one answer, and the most of them. */
const LISTED = 1_000;
const MAX_LISTED = 10_000;
/** Places of an alert that are listed; their number is exact. */
const MAX_PLACES = 20;

const silenceBody = z.strictObject({
  matchers: z.array(z.string().max(4_096)).min(1).max(20),
  until: z.iso.datetime({ offset: true }),
  author: z.string().min(1).max(1_000),
  comment: z.string().max(10_000).default(''),
});
const acknowledgementBody = z.strictObject({
  author: z.string().min(1).max(1_000),
  comment: z.string().max(10_000).default(''),
});

export interface AlertingParts {
  readonly desk: Desk;
  now(): number;
}

/** Alerts, silences and acknowledgements under /api/v1. What writes wants JSON, which no form of another origin can send. */
export function addAlerting(app: Hono, { desk, now }: AlertingParts): void {
  const limited = bodyLimit({
    maxSize: MAX_BODY_BYTES,
    onError: (context) => problem(context, 413, `the body is longer than ${MAX_BODY_BYTES} bytes`),
  });

  app.get('/api/v1/alerts', async (context) => {
    const state = context.req.query('state') ?? 'open';
    if (state !== 'open' && state !== 'all') return problem(context, 400, 'state is one of: open, all');
    const limit = Number(context.req.query('limit') ?? LISTED);
    if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LISTED) {
      return problem(context, 400, `limit is a number from 1 to ${MAX_LISTED}`);
    }
    const alerts = await desk.alerts(state === 'open' ? { state } : {});
    return context.json({ count: alerts.length, alerts: alerts.slice(0, limit).map(alertJson) });
  });

  app.post('/api/v1/alerts/:id/ack', limited, (context) =>
    withBody(context, acknowledgementBody, async (by) => {
      const id = context.req.param('id') ?? '';
      const acknowledged = await desk.acknowledge(id, by);
      return acknowledged === undefined
        ? problem(context, 404, `there is no alert ${id}; GET /api/v1/alerts lists them`)
        : context.json(alertJson(acknowledged));
    }),
  );

  app.get('/api/v1/silences', async (context) => {
    const silences = await desk.silences();
    return context.json({ silences: silences.map((silence) => silenceJson(silence, now())) });
  });

  app.post('/api/v1/silences', limited, (context) =>
    withBody(context, silenceBody, async ({ until, ...request }) => {
      const silence = await desk.addSilence({ ...request, until: Date.parse(until) });
      return context.json(silenceJson(silence, now()), 201);
    }),
  );

  app.delete('/api/v1/silences/:id', async (context) => {
    const id = context.req.param('id');
    const ended = await desk.endSilence(id);
    return ended === undefined
      ? problem(context, 404, `there is no silence ${id}; GET /api/v1/silences lists them`)
      : context.json(silenceJson(ended, now()));
  });
}

async function withBody<T>(
  context: Context,
  schema: z.ZodType<T>,
  answer: (body: T) => Promise<Response>,
): Promise<Response> {
  if (!/^application\/json(?:;|$)/i.test(context.req.header('content-type') ?? '')) {
    return problem(context, 415, 'send JSON with content-type: application/json');
  }
  let value: unknown;
  try {
    value = JSON.parse(await context.req.text());
  } catch {
    return problem(context, 400, 'the body is no JSON');
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return problem(context, 400, `${issue?.path.join('.') || 'the body'}: ${issue?.message ?? 'is wrong'}`);
  }
  try {
    return await answer(parsed.data);
  } catch (error) {
    if (!isDeskError(error)) throw error;
    return problem(context, error.kind === 'invalid' ? 400 : 409, error.message);
  }
}

/** By name: the class is the desk's. */
function isDeskError(error: unknown): error is DeskError {
  return error instanceof Error && error.name === 'DeskError';
}

/** An alert as other programs read it: its shape is a promise. */
function alertJson({ alert, standing }: AlertState): object {
  const worst = alert.places.flatMap((place) => place.findings).find(({ rule }) => rule === standing.worstRules[0]);
  const { acknowledgement } = alert;
  return {
    id: alert.id,
    family: alert.family,
    cause: alert.cause,
    state: alert.state,
    severity: standing.severity,
    rules: standing.rules,
    title: worst?.title ?? alert.cause,
    summary: worst?.summary ?? '',
    ends_at: standing.endsAt === undefined ? null : iso(standing.endsAt),
    opened_at: iso(alert.openedAt),
    closed_at: alert.closedAt === undefined ? null : iso(alert.closedAt),
    place_count: standing.placeCount,
    places: alert.places.slice(0, MAX_PLACES).map(({ source, target, location, labels, state }) => ({
      source,
      target,
      location,
      labels,
      state,
    })),
    acknowledgement:
      acknowledgement === undefined
        ? null
        : { author: acknowledgement.author, comment: acknowledgement.comment, at: iso(acknowledgement.at) },
    told: alert.told.map(({ channel, reason, severity, at }) => ({ channel, reason, severity, at: iso(at) })),
    held: (alert.held ?? []).map(({ channel, why, until }) => ({
      channel,
      why,
      until: until === undefined ? null : iso(until),
    })),
  };
}

function silenceJson(silence: Silence, now: number): object {
  return {
    id: silence.id,
    state: now < silence.until ? 'active' : 'expired',
    matchers: silence.matchers,
    created_at: iso(silence.createdAt),
    until: iso(silence.until),
    author: silence.author,
    comment: silence.comment,
  };
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
