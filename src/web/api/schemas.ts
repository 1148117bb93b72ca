import { z } from 'zod';

import { SEVERITIES } from '../../plugin/notification.ts';
import { FAMILIES, RULES } from '../../policy/finding.ts';

/* What the API answers: the shapes are promises. */

export const severity = z.enum(SEVERITIES);
export const family = z.enum(FAMILIES);
export const rule = z.enum(RULES);
export const instant = z.iso.datetime();
const labels = z.record(z.string(), z.string());

export const ROLES = ['server', 'client', 'intermediate', 'trust-anchor', 'issuer', 'signer', 'unknown'] as const;
export const VERDICTS = ['accepted', 'rejected', 'unknown'] as const;
export const KINDS = ['certificate', 'described', 'crl', 'credential'] as const;

const next = z.string().nullable().describe('The `after` of the next page; null behind the last.');

const endStatus = z
  .enum(['known', 'never', 'unknown', 'unreadable'])
  .describe('`not_after` is null in all but the first.');

export const item = z.object({
  kind: z.enum(KINDS).describe('`described`: a certificate of which only a description is known.'),
  id: z.string().describe('Of a certificate or CRL its SHA-256.'),
  fingerprint_sha256: z.string().nullable(),
  title: z.string(),
  subject: z.string().nullable(),
  issuer: z.string().nullable(),
  serial: z.string().nullable(),
  names: z.array(z.string()),
  not_before: instant.nullable(),
  not_after: instant.nullable(),
  not_after_status: endStatus,
  days_left: z.int().nullable().describe('Whole days of 86 400 seconds, rounded down.'),
});

export const listedItem = item.extend({
  places: z.int().describe('How many places have it, of those that were asked for.'),
  roles: z.array(z.enum(ROLES)),
  sources: z.array(z.string()),
});

export const itemPage = z.object({
  count: z.int().describe('On all pages; counted up to 10 000.'),
  certificates: z.array(listedItem),
  next,
});

const place = z.object({
  source: z.string(),
  location: z.string(),
  place: z.string(),
  role: z.enum(ROLES),
  labels,
  private_key: z.string().nullable().describe('Where its private key lies.'),
  first_seen: instant,
  last_seen: instant,
});

export const itemDetails = item.extend({
  place_count: z.int(),
  places: z.array(place).describe('The first 100; `/api/v1/locations?item=ID` has all.'),
  limits_count: z.int(),
  limits: z
    .array(z.object({ source: z.string(), location: z.string() }))
    .describe(
      'Endpoints that fail for everybody when it ends; the first 100, `/api/v1/locations?limited_by=ID` has all.',
    ),
  alerts: z.array(z.string()).describe('Ids of the open alerts about it.'),
  history: z
    .array(
      z.object({
        id: z.string(),
        title: z.string(),
        source: z.string(),
        location: z.string(),
        place: z.string(),
        not_after: instant.nullable(),
        first_seen: instant,
        ended: instant.nullable(),
      }),
    )
    .describe('What was in its places before and after it, the latest first.'),
});

export const locationPage = z.object({
  locations: z.array(
    z.object({
      source: z.string(),
      type: z.string(),
      target: z.string(),
      location: z.string(),
      labels,
      ok: z.boolean(),
      reason: z.string().nullable(),
      detail: z.string().nullable(),
      failures: z.int().describe('Failed looks in a row.'),
      first_seen: instant,
      last_look: instant,
      last_success: instant.nullable(),
      effective_not_after: instant.nullable().describe('When its clients begin to fail.'),
      limited_by: z.string().nullable().describe('Id of the certificate that sets it.'),
      items: z.array(z.object({ id: z.string(), kind: z.enum(KINDS), place: z.string(), role: z.enum(ROLES) })),
      problems: z.array(z.object({ place: z.string().nullable(), reason: z.string(), detail: z.string() })),
    }),
  ),
  next,
});

const login = z.object({
  source: z.string(),
  location: z.string(),
  client: z.string().describe('Id of its certificate.'),
  title: z.string(),
  name: z.string().nullable().describe('Of a configured identity.'),
  joined_by: z.enum(['config', 'reference', 'issuer']),
  verdict: z
    .object({
      status: z.enum(VERDICTS),
      reason: z.string().nullable(),
      evidence: z.string(),
    })
    .nullable(),
  outage_at: instant.nullable(),
  limited_by: z.string(),
});

export const clientPage = z.object({
  at: instant.describe('When this was put together.'),
  complete: z.boolean().describe('False for some seconds after a start: not all that is known has been read.'),
  login_count: z.int().describe('On all pages.'),
  logins: z.array(login).describe('Clients that log in, by the config or by what their places say.'),
  possible_count: z.int().describe('Counted up to 10 000; the first 500 of them are on the pages, behind all logins.'),
  possible: z.array(login).describe('Clients that may log in: the endpoint names their issuer. Those that end first.'),
  next,
});

export const alert = z.object({
  id: z.string(),
  family,
  cause: z.string(),
  state: z.enum(['open', 'resolved', 'withdrawn']),
  severity,
  rules: z.array(rule),
  title: z.string(),
  summary: z.string(),
  ends_at: instant.nullable(),
  opened_at: instant,
  closed_at: instant.nullable(),
  place_count: z.int(),
  places: z
    .array(
      z.object({
        source: z.string(),
        target: z.string(),
        location: z.string(),
        labels,
        state: z.enum(['open', 'resolved', 'withdrawn']),
      }),
    )
    .describe('The first 20; `/api/v1/findings?alert=ID` has all.'),
  acknowledgement: z.object({ author: z.string(), comment: z.string(), at: instant }).nullable(),
  told: z.array(z.object({ channel: z.string(), reason: z.string(), severity, at: instant })),
  held: z.array(z.object({ channel: z.string(), why: z.string(), until: instant.nullable() })),
});

export const alertPage = z.object({
  count: z.int().describe('On all pages.'),
  alerts: z.array(alert),
  next,
});

export const silence = z.object({
  id: z.string(),
  state: z.enum(['active', 'expired']),
  matchers: z.array(z.string()),
  created_at: instant,
  until: instant,
  author: z.string(),
  comment: z.string(),
});

export const silencePage = z.object({
  count: z.int().describe('On all pages; of those that are over the last.'),
  silences: z.array(silence),
  next,
});

export const forecast = z.object({
  from: instant,
  until: instant,
  outlooks: z.array(
    z.object({
      rule,
      family,
      severity,
      severity_at_start: severity.nullable(),
      cause: z.string(),
      title: z.string(),
      summary: z.string(),
      ends_at: instant.nullable(),
      changes: z.array(z.object({ at: instant, severity, rule })),
      owners: z.array(z.string()),
      services: z.array(z.string()),
      locations: z.array(z.string()),
    }),
  ),
  incomplete_locations: z.array(z.string()),
});

export const forecastPage = forecast.extend({
  count: z.int().describe('On all pages.'),
  incomplete_locations: forecast.shape.incomplete_locations.describe('The first 100.'),
  next,
});

export const findings = z.object({
  count: z.int().describe('On all pages.'),
  findings: z.array(
    z.object({
      alert: z.string().describe('Id of the alert that it belongs to.'),
      rule,
      family,
      severity,
      cause: z.string(),
      title: z.string(),
      summary: z.string(),
      ends_at: instant.nullable(),
      source: z.string(),
      location: z.string(),
      labels,
      actions: z.array(z.string()),
    }),
  ),
  next,
});

export const status = z.object({
  version: z.string(),
  ready: z.boolean(),
  not_ready: z.array(z.string()),
  alerts: z.object({ critical: z.int(), warning: z.int(), info: z.int() }).describe('Open ones.'),
  outbox_oldest: instant.nullable().describe('Since when the oldest notification waits.'),
  given_up: z.int().describe('Notifications that could not be delivered.'),
  sources: z.array(
    z.object({
      name: z.string(),
      type: z.string(),
      interval_seconds: z.number(),
      first_round_ended: instant.nullable(),
      locations: z.int(),
      failed: z.int(),
    }),
  ),
});
