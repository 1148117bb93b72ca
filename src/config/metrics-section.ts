import { z } from 'zod';

import { parseAllowance, type Allowance } from '../network/egress.ts';
import { OWN_LABELS } from '../metrics/location-series.ts';
import { PROFILE_NAMES, type ProfileName } from '../metrics/profiles/profile-name.ts';
import { NAME_FIELDS, X509_DEFAULTS, type X509Options } from '../metrics/profiles/x509-options.ts';
import { allowance } from './enrich-section.ts';

/** Series fewer than this would not even say that something is left out. */
const SMALLEST_BUDGET = 100;

/** What the config says of `/metrics`. */
export interface MetricsConfig {
  /** 0: no limit. */
  readonly seriesBudget: number;
  readonly profiles: readonly ProfileName[];
  /** What the profile x509-certificate-exporter says, and how. */
  readonly x509: X509Options;
  /** What `/probe` may look at though no source names it. */
  readonly probeAllow: readonly Allowance[];
}

const nameFields = z.array(z.enum(NAME_FIELDS)).default([...NAME_FIELDS]);

/** The options of x509-certificate-exporter, in the words of its own config. */
const x509Section = z
  .strictObject({
    version: z
      .literal([3, 4])
      .default(X509_DEFAULTS.version)
      .describe('Whose metrics and labels: of version 3, or of version 4.'),
    expose_relative: z
      .boolean()
      .default(X509_DEFAULTS.relative)
      .describe('x509_cert_expires_in_seconds, x509_cert_valid_since_seconds, and the same of revocation lists.'),
    expose_per_cert_error: z
      .boolean()
      .default(X509_DEFAULTS.perCertError)
      .describe('x509_cert_error: 1 for what could not be read, 0 for what could.'),
    expose_subject_fields: nameFields.describe('Which fields of subjects are labels.'),
    expose_issuer_fields: nameFields.describe('Which fields of issuers are labels.'),
    trim_path_components: z
      .int()
      .min(0)
      .max(100)
      .default(X509_DEFAULTS.trimPathComponents)
      .describe('So many folders are cut off the front of paths, such as those of a mount in a container.'),
    collision_discriminator: z
      .enum(['auto', 'always', 'never'])
      .default(X509_DEFAULTS.collisionDiscriminator)
      .describe(
        'When the label `discriminator` tells certificates apart: where they agree in all other labels, always, or never.',
      ),
  })
  .describe('Of the profile x509-certificate-exporter.');

/** The `metrics:` section. */
export const metricsSection = z
  .strictObject({
    series_budget: z
      .int()
      .refine((budget) => budget === 0 || budget >= SMALLEST_BUDGET, `0 for no limit, or at least ${SMALLEST_BUDGET}`)
      .default(200_000)
      .describe(
        'Series of locations at most. Beyond it those stay that end first; notafter_series_dropped says how many do not.',
      ),
    profiles: z
      .array(z.enum(PROFILE_NAMES))
      .default([])
      .describe(
        'Exporters whose metrics are given as well, by their exact names, so that their dashboards and rules keep working.',
      ),
    x509_certificate_exporter: x509Section.optional(),
    probe: z
      .strictObject({
        allow: z
          .array(allowance)
          .default([])
          .describe(
            'Hosts, addresses or blocks that /probe may look at though no source names them; without a port 80 and 443: 10.1.0.0/16, api.example.com:8443.',
          ),
      })
      .optional()
      .describe('/probe in the pattern of several targets. What sources name is always answered.'),
  })
  .describe('What /metrics and /probe say.');

/** `metric_labels` of a source. */
export const metricLabelsOption = z
  .array(
    z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'a label name: letters, digits and "_"')
      .refine((name) => !name.startsWith('__'), 'names that begin with "__" are for Prometheus itself')
      .refine((name) => !OWN_LABELS.has(name), {
        error: ({ input }) => `"${String(input)}" is a label that the series have already`,
      }),
  )
  .max(16)
  .describe(
    'Which labels of what this source finds the series of its locations and certificates bear as well: [owner, env].',
  );

export function metricsConfig(section: z.output<typeof metricsSection> | undefined): MetricsConfig {
  return {
    seriesBudget: section?.series_budget ?? 200_000,
    profiles: [...new Set(section?.profiles)],
    x509: x509Options(section?.x509_certificate_exporter),
    probeAllow: (section?.probe?.allow ?? []).map((text) => parseAllowance(text)),
  };
}

function x509Options(section: z.output<typeof x509Section> | undefined): X509Options {
  if (section === undefined) return X509_DEFAULTS;
  return {
    version: section.version,
    relative: section.expose_relative,
    perCertError: section.expose_per_cert_error,
    subjectFields: section.expose_subject_fields,
    issuerFields: section.expose_issuer_fields,
    trimPathComponents: section.trim_path_components,
    collisionDiscriminator: section.collision_discriminator,
  };
}
