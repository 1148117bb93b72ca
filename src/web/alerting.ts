import type { Hono } from 'hono';
import { z } from 'zod';

import type { AlertState, Desk } from '../notify/desk.ts';
import type { Silence } from '../notify/model.ts';
import { SEVERITIES } from '../plugin/notification.ts';
import { alertJson, findingJson, silenceJson, type FindingAt } from './api/alert-json.ts';
import { pageOf, type Key } from './api/cursor.ts';
import { addEndpoints, endpoint, Refusal, type Endpoint } from './api/endpoint.ts';
import { csvAnswer, format, paging } from './api/lists.ts';
import {
  alert as alertSchema,
  alertPage,
  family as familySchema,
  findings,
  rule as ruleSchema,
  severity as severitySchema,
  silence as silenceSchema,
  silencePage,
} from './api/schemas.ts';

const name = z.string().max(500);
/** Orders what has no end behind what has one. */
const NO_END = Number.MAX_SAFE_INTEGER;
export const ALERT_KEY = ['number', 'number', 'string'] as const;
const FINDING_KEY = [...ALERT_KEY, 'number', 'number'] as const;
const SILENCE_KEY = ['number', 'string'] as const;

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

/** What alerts are asked for by, by the API and by the page alike. */
export const alertFilter = {
  severity: severitySchema.optional(),
  family: familySchema.optional(),
  source: name.optional().describe('Of a place that it is about.'),
  owner: name.optional().describe('The label `owner` of such a place.'),
};

type AlertFilter = z.output<z.ZodObject<typeof alertFilter>>;

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
      query: { state: z.enum(['open', 'all']).default('open'), ...alertFilter, ...paging, format },
      answer: alertPage,
      status: 200,
      hasCsv: true,
      async handle({ query: { state, format: form, limit, after, ...filter } }) {
        const all = await desk.alerts(state === 'open' ? { state } : {});
        const wanted = all.filter((one) => isWanted(one, filter));
        if (form === 'csv') return csvAnswer('alerts', jsonOf(wanted, alertJson));
        const { rows, next } = pageOf(wanted, { limit, after }, ALERT_KEY, alertKey);
        return { count: wanted.length, alerts: rows.map(alertJson), next };
      },
    }),
    endpoint({
      method: 'get',
      path: '/api/v1/findings',
      name: 'listFindings',
      summary: 'What is wrong at each place, by the open alerts, the worst first',
      query: {
        ...alertFilter,
        rule: ruleSchema.optional(),
        alert: name.optional().describe('Id of the alert that they belong to: all its places.'),
        ...paging,
        format,
      },
      answer: findings,
      status: 200,
      hasCsv: true,
      async handle({ query: { rule, alert, format: form, limit, after, ...filter } }) {
        const open = await desk.alerts({ state: 'open' });
        const wanted = open
          .filter((state) => (alert === undefined || state.alert.id === alert) && isWanted(state, filter))
          .flatMap((state) => findingsOf(state, filter))
          .filter(({ finding }) => rule === undefined || finding.rule === rule);
        if (form === 'csv') return csvAnswer('findings', jsonOf(wanted, findingJson));
        const { rows, next } = pageOf(wanted, { limit, after }, FINDING_KEY, ({ state, place, index }) => [
          ...alertKey(state),
          place.locationId,
          index,
        ]);
        return { count: wanted.length, findings: rows.map(findingJson), next };
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
      query: { state: z.enum(['active', 'all']).default('all'), ...paging, format },
      answer: silencePage,
      status: 200,
      hasCsv: true,
      async handle({ query: { state, format: form, ...page } }) {
        const at = now();
        const wanted = (await desk.silences()).filter(({ until }) => state === 'all' || at < until);
        const toJson = (silence: Silence): ReturnType<typeof silenceJson> => silenceJson(silence, at);
        if (form === 'csv') return csvAnswer('silences', jsonOf(wanted, toJson));
        const { rows, next } = pageOf(wanted, page, SILENCE_KEY, ({ until, id }) => [-until, id]);
        return { count: wanted.length, silences: rows.map(toJson), next };
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
      problems: [403, 409],
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

/** Whether an alert is of these, and about a place that is. */
export function isWanted({ alert, standing }: AlertState, filter: AlertFilter): boolean {
  const { severity, family } = filter;
  return (
    (severity === undefined || standing.severity === severity) &&
    (family === undefined || alert.family === family) &&
    alert.places.some((place) => isAt(place, filter))
  );
}

function isAt(
  { source: own, labels }: AlertState['alert']['places'][number],
  { source, owner }: Pick<AlertFilter, 'source' | 'owner'>,
): boolean {
  return (source === undefined || own === source) && (owner === undefined || labels['owner'] === owner);
}

/** In the order in which the desk has them: the worst first, then what ends first. */
export function alertKey({ alert, standing }: AlertState): Key {
  return [-SEVERITIES.indexOf(standing.severity), standing.endsAt ?? NO_END, alert.id];
}

function findingsOf(state: AlertState, filter: AlertFilter): readonly FindingAt[] {
  return state.alert.places
    .filter((place) => place.state === 'open' && isAt(place, filter))
    .flatMap((place) => place.findings.map((finding, index) => ({ state, place, finding, index })));
}

/** One by one, so that a long list is not put together before any of it is sent. */
function* jsonOf<Row>(rows: readonly Row[], toJson: (row: Row) => object): Generator<object> {
  for (const row of rows) yield toJson(row);
}
