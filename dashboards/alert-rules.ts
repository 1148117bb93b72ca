import { certificates, mixin } from './mixin.ts';
import { renderRules } from './rule-file.ts';

/** One rule of Prometheus. The summary is a constant sentence; the labels go into the description. */
export interface AlertRule {
  readonly alert: string;
  /** Why the expression is as it is: a comment above the rule. */
  readonly why: string;
  readonly expr: string;
  readonly for: string;
  readonly severity: 'critical' | 'warning';
  readonly summary: string;
  readonly description: string;
}

const up = `up{job="${mixin.job}"}`;
const notAfter = certificates();
const notBefore = notAfter.replace('_not_after_', '_not_before_');

/**
 * The second opinion: notafter tells people itself, and Prometheus tells them when notafter cannot. So most of these
 * watch the watcher, and those about certificates fire late, where somebody should have acted already.
 */
export const alertRules: readonly AlertRule[] = [
  {
    alert: 'NotafterDown',
    why: 'absent() is for the target that vanished from the scrape config: there is no series then that could be 0.',
    expr: `absent(${up}) or sum by (job) (${up}) == 0`,
    for: '10m',
    severity: 'critical',
    summary: 'Notafter is not running or cannot be scraped.',
    description:
      'No instance of the job {{ $labels.job }} has answered a scrape for 10 minutes: nobody watches the certificates.',
  },
  {
    alert: 'NotafterLooksStopped',
    why: 'A scheduler that stands still keeps every series as it was: only the counter tells.',
    expr: `sum by (job, instance) (increase(notafter_observations_total[1d])) == 0`,
    for: '1h',
    severity: 'critical',
    summary: 'Notafter runs but has not looked at anything for a day.',
    description: 'The instance {{ $labels.instance }} has made no observation for 24 hours: what it shows is old.',
  },
  {
    alert: 'NotafterScheduleLag',
    why: 'The lag is that of the latest run, and stays until the next one.',
    expr: `max by (job, instance, schedule) (notafter_schedule_lag_seconds) > 900`,
    for: '30m',
    severity: 'warning',
    summary: 'Notafter starts its looks late.',
    description:
      'The schedule {{ $labels.schedule }} of {{ $labels.instance }} began {{ $value | humanizeDuration }} late.',
  },
  {
    alert: 'NotafterLocationDown',
    why: 'Per source, so that a failed network is one alert and not a thousand.',
    expr: `count by (job, instance, source) (notafter_location_up == 0) > 0`,
    for: '1h',
    severity: 'warning',
    summary: 'Notafter cannot look at some locations of a source.',
    description:
      '{{ $value }} locations of the source {{ $labels.source }} have failed their last look for an hour; what was last known of them keeps being judged.',
  },
  {
    alert: 'NotafterNotificationsFailing',
    why: 'Failures beside successes are retries at work; failures alone are a channel that nobody hears.',
    expr: `sum by (job, instance, channel) (increase(notafter_notifications_failed_total[1h])) > 0\nunless\nsum by (job, instance, channel) (increase(notafter_notifications_total[1h])) > 0`,
    for: '15m',
    severity: 'critical',
    summary: 'A channel delivers no notifications.',
    description:
      'Every attempt of the last hour to notify through {{ $labels.channel }} failed ({{ $value | humanize }} attempts).',
  },
  {
    alert: 'NotafterOutboxStuck',
    why: 'A notification that waits for one retry is young; half an hour is several retries.',
    expr: `max by (job, instance) (notafter_outbox_oldest_seconds) > 1800`,
    for: '15m',
    severity: 'critical',
    summary: 'A notification has been waiting to be delivered for too long.',
    description:
      'The oldest notification in the outbox of {{ $labels.instance }} is {{ $value | humanizeDuration }} old.',
  },
  {
    alert: 'NotafterCertificateExpiringSoon',
    why: 'The last 10 % of the lifetime, at most 7 days, so that certificates that live for days do not fire all the time; 7 days where the beginning is not known. It goes on for a quarter of an hour after the end, until the next alert has begun: nothing is resolved in between.',
    expr: `(${notAfter} - time() > -900)\nand\n(\n  ${notAfter} - time() < clamp_max(0.1 * (${notAfter} - ${notBefore}), ${7 * mixin.dayS})\n  or\n  (${notAfter} - time() < ${7 * mixin.dayS} unless ${notBefore})\n)`,
    for: '15m',
    severity: 'critical',
    summary: 'A certificate is about to expire and has not been replaced.',
    description:
      'The certificate {{ $labels.name }} at {{ $labels.location }} (source {{ $labels.source }}, role {{ $labels.role }}) ends in {{ $value | humanizeDuration }}; less than nothing means that it has ended.',
  },
  {
    alert: 'NotafterCertificateExpired',
    why: 'Roots in bundles are left out: they may be past their end without harm.',
    expr: `time() - ${notAfter} >= 0`,
    for: '5m',
    severity: 'critical',
    summary: 'A certificate has expired.',
    description:
      'The certificate {{ $labels.name }} at {{ $labels.location }} (source {{ $labels.source }}, role {{ $labels.role }}) ended {{ $value | humanizeDuration }} ago.',
  },
  {
    alert: 'NotafterClientsWillFail',
    why: 'The end of the best trust path: an intermediate may end long before the leaf that everybody watches.',
    expr: `notafter_location_effective_not_after_timestamp_seconds - time() < ${3 * mixin.dayS}`,
    for: '15m',
    severity: 'critical',
    summary: 'Clients of a location are about to fail.',
    description:
      'The last valid trust path of {{ $labels.location }} (source {{ $labels.source }}) ends in {{ $value | humanizeDuration }}; less than nothing means that clients fail already.',
  },
  {
    alert: 'NotafterClientRejected',
    why: 'A login by a configured client, so it is a partner who is locked out; nobody without a certificate is meant to be.',
    expr: `notafter_rehearsal_accepted{client!="none"} == 0`,
    for: '30m',
    severity: 'critical',
    summary: 'An endpoint rejects a client.',
    description:
      'The endpoint {{ $labels.location }} (source {{ $labels.source }}) has rejected the client {{ $labels.client }} for half an hour.',
  },
  {
    alert: 'NotafterClientWillFail',
    why: 'The first end among the certificate of the client, what is above it, and the CA that lets it in.',
    expr: `notafter_client_outage_timestamp_seconds - time() < ${3 * mixin.dayS}`,
    for: '15m',
    severity: 'critical',
    summary: 'A client is about to be rejected.',
    description:
      'The client {{ $labels.client }} will be rejected by {{ $labels.location }} (source {{ $labels.source }}) in {{ $value | humanizeDuration }}; less than nothing means that it is already.',
  },
  {
    alert: 'NotafterRevocationListStale',
    why: 'Whoever checks revocation strictly rejects everything by a list that is past its nextUpdate.',
    expr: `time() - notafter_crl_next_update_timestamp_seconds >= 0`,
    for: '15m',
    severity: 'critical',
    summary: 'A revocation list is past its next update.',
    description:
      'The revocation list of {{ $labels.issuer }} at {{ $labels.location }} (source {{ $labels.source }}) is stale for {{ $value | humanizeDuration }}.',
  },
  {
    alert: 'NotafterHeartbeatStale',
    why: 'It answers scrapes, but its scheduler, its store or its outbox do not work.',
    expr: `time() - max by (job, instance) (notafter_heartbeat_timestamp_seconds) > 900`,
    for: '5m',
    severity: 'critical',
    summary: 'Notafter runs but does not work.',
    description:
      'The heartbeat of {{ $labels.instance }} is {{ $value | humanizeDuration }} old: the schedule stands still, the store takes no writes, or notifications wait.',
  },
  {
    alert: 'NotafterSeriesDropped',
    why: 'What is left out here is watched and told of all the same, but these rules and dashboards do not see it.',
    expr: `max by (job, instance) (notafter_series_dropped) > 0`,
    for: '1h',
    severity: 'warning',
    summary: 'Notafter leaves series out.',
    description: 'The instance {{ $labels.instance }} leaves out {{ $value | humanize }} series, those that end last.',
  },
];

/** The rule file, as Prometheus reads it. */
export function renderAlertRules(rules: readonly AlertRule[] = alertRules): string {
  return renderRules(
    'notafter',
    'alert-rules.ts',
    rules.map((rule) => ({
      why: rule.why,
      fields: {
        alert: rule.alert,
        expr: rule.expr,
        for: rule.for,
        labels: { severity: rule.severity },
        annotations: {
          summary: rule.summary,
          description: rule.description,
          runbook_url: `${mixin.runbookUrl}${rule.alert.toLowerCase()}`,
        },
      },
    })),
  );
}
