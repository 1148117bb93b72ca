import { z } from 'zod';

import { parseAllowance, type Allowance } from '../network/egress.ts';
import { OWN_LABELS } from '../metrics/location-series.ts';
import { PROFILE_NAMES, type ProfileName } from '../metrics/profiles/profile-name.ts';
import { allowance } from './enrich-section.ts';

/** Series fewer than this would not even say that something is left out. */
const SMALLEST_BUDGET = 100;

/** What the config says of `/metrics`. */
export interface MetricsConfig {
  /** 0: no limit. */
  readonly seriesBudget: number;
  readonly profiles: readonly ProfileName[];
  /** What `/probe` may look at though no source names it. */
  readonly probeAllow: readonly Allowance[];
}

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
    probeAllow: (section?.probe?.allow ?? []).map((text) => parseAllowance(text)),
  };
}
