import { Document, isMap, isScalar, isSeq, visit } from 'yaml';

import { certificates, mixin } from './mixin.ts';

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
    why: 'The last 10 % of the lifetime, at most 7 days, so that certificates that live for days do not fire all the time; 7 days where the beginning is not known.',
    expr: `(${notAfter} - time() > 0)\nand\n(\n  ${notAfter} - time() < clamp_max(0.1 * (${notAfter} - ${notBefore}), ${7 * mixin.dayS})\n  or\n  (${notAfter} - time() < ${7 * mixin.dayS} unless ${notBefore})\n)`,
    for: '15m',
    severity: 'critical',
    summary: 'A certificate is about to expire and has not been replaced.',
    description:
      'The certificate {{ $labels.name }} at {{ $labels.location }} (source {{ $labels.source }}, role {{ $labels.role }}) ends in {{ $value | humanizeDuration }}.',
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
];

/** The rule file, as Prometheus reads it. */
export function renderAlertRules(rules: readonly AlertRule[] = alertRules): string {
  const document = new Document({
    groups: [
      {
        name: 'notafter',
        rules: rules.map((rule) => ({
          alert: rule.alert,
          expr: rule.expr,
          for: rule.for,
          labels: { severity: rule.severity },
          annotations: {
            summary: rule.summary,
            description: rule.description,
            runbook_url: `${mixin.runbookUrl}${rule.alert.toLowerCase()}`,
          },
        })),
      },
    ],
  });
  document.commentBefore =
    ' Generated by dashboards/generate.ts: change dashboards/alert-rules.ts and run `npm run generate`.';
  const list = document.getIn(['groups', 0, 'rules'], true);
  if (isSeq(list)) {
    for (const [index, item] of list.items.entries()) {
      if (isMap(item)) item.commentBefore = ` ${rules[index]?.why}`;
    }
  }
  visit(document, {
    Pair(_key, { key, value }) {
      if (isScalar(key) && key.value === 'expr' && isScalar(value)) value.type = 'BLOCK_LITERAL';
    },
  });
  return document.toString({ lineWidth: 0 });
}
