import { certificates } from './mixin.ts';
import { renderRules } from './rule-file.ts';

/** One expression that Prometheus evaluates ahead, by the naming scheme level:metric:operation. */
export interface RecordingRule {
  readonly record: string;
  /** Why it is worth to be kept: a comment above the rule. */
  readonly why: string;
  readonly expr: string;
}

/** What long ranges and other people's dashboards ask for: few series, however many places there are. */
export const recordingRules: readonly RecordingRule[] = [
  {
    record: 'job_fingerprint:notafter_certificate_not_after_timestamp_seconds:min',
    why: 'Each certificate once, wherever it lives. Roots in bundles are left out.',
    expr: `min by (job, fingerprint, name, issuer) (${certificates()})`,
  },
  {
    record: 'job_source:notafter_certificates:count',
    why: 'How many certificates each source knows.',
    expr: `count by (job, source) (count by (job, source, fingerprint) (${certificates()}))`,
  },
  {
    record: 'job_source:notafter_certificates_expired:count',
    why: 'How many of them have ended; 0 and not absent while there are others.',
    expr: `count by (job, source) (count by (job, source, fingerprint) (${certificates()} <= time())) or 0 * job_source:notafter_certificates:count`,
  },
  {
    record: 'job_source:notafter_location_up:avg',
    why: 'The share of locations that could be looked at.',
    expr: `avg by (job, source) (notafter_location_up)`,
  },
];

/** The rule file, as Prometheus reads it. */
export function renderRecordingRules(): string {
  return renderRules(
    'notafter-recording',
    'recording-rules.ts',
    recordingRules.map(({ why, ...fields }) => ({ why, fields })),
  );
}
