import type { Hono } from 'hono';
import { z } from 'zod';

import type { AlertState, Desk } from '../notify/desk.ts';
import type { Silence } from '../notify/model.ts';
import { addEndpoints, endpoint, Refusal, type Endpoint } from './api/endpoint.ts';
import { iso, isoAt } from './api/item-json.ts';
import {
  alert as alertSchema,
  family as familySchema,
  findings,
  rule as ruleSchema,
  severity as severitySchema,
  silence as silenceSchema,
} from './api/schemas.ts';

/** Alerts in one answer, and the most of them. */
const LISTED = 1_000;
const MAX_LISTED = 10_000;
/** Places of an alert that are listed; their number is exact. */
const MAX_PLACES = 20;

const name = z.string().max(500);
const limit = z.coerce.number().int().min(1).max(MAX_LISTED).default(LISTED);

const silenceBody = z.strictObject({
  matchers: z.array(z.string().max(4_096)).min(1).max(20).describe('As in Alertmanager: owner="payments".'),
  until: z.iso.datetime({ offset: true }),
  author: z.string().min(1).max(1_000),
  comment: z.string().max(10_000).default(''),
});
const acknowledgementBody = z.strictObject({
  author: z.string().min(1).max(1_000),
  comment: z.string().max(10_000).default(''),
});

const filter = {
  severity: severitySchema.optional(),
  family: familySchema.optional(),
  source: name.optional().describe('Of a place that it is about.'),
  owner: name.optional().describe('The label `owner` of such a place.'),
};

export interface AlertingParts {
  readonly desk: Desk;
  now(): number;
}

/** Alerts, silences and acknowledgements under /api/v1. What writes wants JSON, which no form of another origin can send. */
export function addAlerting(app: Hono, parts: AlertingParts): void {
  addEndpoints(app, alertingEndpoints(parts));
}

export function alertingEndpoints({ desk, now }: AlertingParts): readonly Endpoint[] {
  return [
    endpoint({
      method: 'get',
      path: '/api/v1/alerts',
      name: 'listAlerts',
      summary: 'Alerts, the worst first',
      query: { state: z.enum(['open', 'all']).default('open'), ...filter, limit },
      answer: z.object({ count: z.int().describe('Also of those that are not listed.'), alerts: z.array(alertSchema) }),
      status: 200,
      async handle({ query }) {
        const all = await desk.alerts(query.state === 'open' ? { state: 'open' } : {});
        const wanted = all.filter((state) => isWanted(state, query));
        return { count: wanted.length, alerts: wanted.slice(0, query.limit).map(alertJson) };
      },
    }),
    endpoint({
      method: 'get',
      path: '/api/v1/findings',
      name: 'listFindings',
      summary: 'What is wrong at each place, by the open alerts, the worst first',
      query: { ...filter, rule: ruleSchema.optional(), limit },
      answer: findings,
      status: 200,
      async handle({ query }) {
        const open = await desk.alerts({ state: 'open' });
        const found = open.filter((state) => isWanted(state, query)).flatMap(findingsJson);
        const wanted = found.filter(
          ({ rule, source, labels }) =>
            (query.rule === undefined || rule === query.rule) &&
            (query.source === undefined || source === query.source) &&
            (query.owner === undefined || labels['owner'] === query.owner),
        );
        return { count: wanted.length, findings: wanted.slice(0, query.limit) };
      },
    }),
    endpoint({
      method: 'post',
      path: '/api/v1/alerts/{id}/ack',
      name: 'acknowledgeAlert',
      summary: 'Keep an open alert quiet until it gets worse',
      params: { id: name },
      body: acknowledgementBody,
      answer: alertSchema,
      status: 200,
      problems: [403, 404, 409],
      async handle({ params: { id }, body }) {
        const acknowledged = await desk.acknowledge(id, body);
        if (acknowledged === undefined) {
          throw new Refusal(404, `there is no alert ${id}; GET /api/v1/alerts lists them`);
        }
        return alertJson(acknowledged);
      },
    }),
    endpoint({
      method: 'get',
      path: '/api/v1/silences',
      name: 'listSilences',
      summary: 'Silences, those that hold longest first, those that are over too',
      answer: z.object({ silences: z.array(silenceSchema) }),
      status: 200,
      async handle() {
        const silences = await desk.silences();
        return { silences: silences.map((silence) => silenceJson(silence, now())) };
      },
    }),
    endpoint({
      method: 'post',
      path: '/api/v1/silences',
      name: 'addSilence',
      summary: 'Mute what all matchers match, for a time',
      body: silenceBody,
      answer: silenceSchema,
      status: 201,
      problems: [403],
      async handle({ body: { until, ...request } }) {
        return silenceJson(await desk.addSilence({ ...request, until: Date.parse(until) }), now());
      },
    }),
    endpoint({
      method: 'delete',
      path: '/api/v1/silences/{id}',
      name: 'endSilence',
      summary: 'End a silence now',
      params: { id: name },
      answer: silenceSchema,
      status: 200,
      problems: [403, 404],
      async handle({ params: { id } }) {
        const ended = await desk.endSilence(id);
        if (ended === undefined) throw new Refusal(404, `there is no silence ${id}; GET /api/v1/silences lists them`);
        return silenceJson(ended, now());
      },
    }),
  ];
}

interface Filter {
  readonly severity?: string | undefined;
  readonly family?: string | undefined;
  readonly source?: string | undefined;
  readonly owner?: string | undefined;
}

function isWanted({ alert, standing }: AlertState, { severity, family, source, owner }: Filter): boolean {
  return (
    (severity === undefined || standing.severity === severity) &&
    (family === undefined || alert.family === family) &&
    ((source === undefined && owner === undefined) ||
      alert.places.some(
        (place) =>
          (source === undefined || place.source === source) && (owner === undefined || place.labels['owner'] === owner),
      ))
  );
}

/** An alert as other programs read it: its shape is a promise. */
function alertJson({ alert, standing }: AlertState): z.input<typeof alertSchema> {
  const worst = alert.places.flatMap((place) => place.findings).find(({ rule }) => rule === standing.worstRules[0]);
  const { acknowledgement } = alert;
  return {
    id: alert.id,
    family: alert.family,
    cause: alert.cause,
    state: alert.state,
    severity: standing.severity,
    rules: [...standing.rules],
    title: worst?.title ?? alert.cause,
    summary: worst?.summary ?? '',
    ends_at: iso(standing.endsAt),
    opened_at: isoAt(alert.openedAt),
    closed_at: iso(alert.closedAt),
    place_count: standing.placeCount,
    places: alert.places.slice(0, MAX_PLACES).map(({ source, target, location, labels, state }) => ({
      source,
      target,
      location,
      labels: { ...labels },
      state,
    })),
    acknowledgement:
      acknowledgement === undefined
        ? null
        : { author: acknowledgement.author, comment: acknowledgement.comment, at: isoAt(acknowledgement.at) },
    told: alert.told.map(({ channel, reason, severity, at }) => ({ channel, reason, severity, at: isoAt(at) })),
    held: (alert.held ?? []).map(({ channel, why, until }) => ({ channel, why, until: iso(until) })),
  };
}

function findingsJson({ alert }: AlertState): z.input<typeof findings>['findings'] {
  return alert.places
    .filter(({ state }) => state === 'open')
    .flatMap(({ source, location, labels, findings: own }) =>
      own.map(({ rule, family, severity, cause, title, summary, endsAt, actions }) => ({
        alert: alert.id,
        rule,
        family,
        severity,
        cause,
        title,
        summary,
        ends_at: iso(endsAt),
        source,
        location,
        labels: { ...labels },
        actions: [...actions],
      })),
    );
}

function silenceJson(silence: Silence, now: number): z.input<typeof silenceSchema> {
  return {
    id: silence.id,
    state: now < silence.until ? 'active' : 'expired',
    matchers: [...silence.matchers],
    created_at: isoAt(silence.createdAt),
    until: isoAt(silence.until),
    author: silence.author,
    comment: silence.comment,
  };
}
