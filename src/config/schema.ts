import { z } from 'zod';

import { trustOption } from '../plugin/demands.ts';
import { durationOption } from '../plugin/options.ts';
import { SEVERITIES } from '../plugin/notification.ts';
import { OPTIONAL_LEVELS } from '../policy/policy.ts';
import { parseThreshold } from '../policy/threshold.ts';
import { metricLabelsOption, metricsSection } from './metrics-section.ts';
import { networkSection } from './network-section.ts';
import { channelOptions, heartbeatSection, routeOptions } from './notify-section.ts';
import { enrichSchema } from './enrich-section.ts';
import { BUILT_IN, pluginsOption, type Plugins } from './plugins.ts';
import { runbooksSchema } from './runbook-section.ts';
import { webSection } from './web-section.ts';

/** Names appear in metrics, file names and URLs, so they are kept simple. */
const name = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/,
    'letters, digits, "_", "." and "-", at most 64, beginning with a letter or digit',
  );

/** A host and perhaps a port; without one 443. */
const ENDPOINT = /^(?:\[[0-9a-fA-F:.]+\]|[^\s:/@[\]]+)(?::\d{1,5})?$/;

const labels = z
  .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'a label name: letters, digits and "_"'), z.string())
  .describe(
    'Labels of everything this source finds: owner, env, …; runbook, a web address, is the link in its alerts.',
  );

/** `25% max 30d`, `10h`; `none` takes a threshold away. */
const threshold = z.string().superRefine((text, check) => {
  if (text === 'none') return;
  try {
    parseThreshold(text);
  } catch (error) {
    check.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
  }
});

const thresholds = z
  .strictObject({
    info: threshold.optional().describe('Told to nobody by default, but listed.'),
    warning: threshold.optional().describe('e.g. "25% max 30d"'),
    critical: threshold.optional().describe('e.g. "10% max 7d"'),
  })
  .describe(
    'Remaining time from which a finding is raised: a share of the lifetime, a time, or both; "none" for never.',
  );

const settings = {
  leaf: thresholds.optional().describe('Certificates that servers, clients and signers present.'),
  short_lived: thresholds.optional().describe('Certificates that live less than 10 days.'),
  authority: thresholds.optional().describe('Intermediates, issuers and trust anchors in use.'),
  crl: thresholds.optional().describe('Revocation lists: a share of their period.'),
  credential: thresholds.optional().describe('Credentials that are no certificates.'),
  unreachable_warning_after: z
    .int()
    .min(1)
    .max(1000)
    .optional()
    .describe('Failed looks in a row that make a warning. Default 3.'),
  rollout_grace: durationOption(
    'How long old and new certificates may be seen side by side before not-deployed and nodes-disagree speak. Default 6h.',
  ).optional(),
  unowned: z.enum(OPTIONAL_LEVELS).optional().describe('How bad it is that something has no label owner. Default off.'),
  name_unwatched: z
    .enum(OPTIONAL_LEVELS)
    .optional()
    .describe('How bad it is that no endpoint source looks at a name of a certificate. Default off.'),
};

const sourceBase = {
  name: name.describe('What this source is called: in metrics, alerts and the store.'),
  every: durationOption('How often each target is looked at. Default 1h.').optional(),
  cron: z.string().optional().describe('A cron expression instead of `every`.'),
  timezone: z.string().optional().describe('Time zone of `cron`. Default UTC.'),
  labels: labels.optional(),
  metric_labels: metricLabelsOption.optional(),
  policy: z.strictObject(settings).optional().describe('Thresholds for this source alone.'),
  zones: z
    .array(name)
    .min(1)
    .max(100)
    .optional()
    .describe(
      'Zones from each of which this source is looked at, by nodes that were started with --zone: results stand side by side, with a label vantage. Needs a store that nodes share.',
    ),
  trusts_clients_of: z
    .array(z.string().regex(ENDPOINT, 'an endpoint: host, host:port or [IPv6]:port'))
    .min(1)
    .max(100)
    .optional()
    .describe(
      'Endpoints whose trust store for clients this is: the CA certificates found here decide who may log in there.',
    ),
};

const channelBase = {
  name: name.describe('What this channel is called in routes, metrics and the store.'),
  ...channelOptions,
};

/** A union by `type`; with a single member zod wants no discriminator, so the list form serves all lengths. */
function unionOf(
  plugins: readonly { readonly type: string; readonly options: z.ZodObject }[],
  base: z.ZodRawShape,
): z.ZodDiscriminatedUnion {
  const members = plugins.map((plugin) =>
    z.strictObject({ ...base, type: z.literal(plugin.type), ...plugin.options.shape }),
  );
  return z.discriminatedUnion('type', members as unknown as [z.ZodObject]);
}

const SHORTEST_HISTORY_MS = 30 * 86_400_000;

/** The whole config as it stands in the file. Strict: an unknown key is an error. */
export function configSchema({ collectors, channels }: Plugins = BUILT_IN): z.ZodObject {
  return z.strictObject({
    plugins: pluginsOption,
    sources: z.array(unionOf(collectors, sourceBase)).default([]).describe('What is looked at.'),
    channels: z.array(unionOf(channels, channelBase)).default([]).describe('Who can be told, and how.'),
    routes: z
      .array(
        z.strictObject({
          match: z
            .array(z.string())
            .default([])
            .describe('Matchers as in Alertmanager: severity="critical", owner=~"pay.*". All must match.'),
          channels: z.array(z.string()).min(1).describe('Names of channels.'),
          continue: z.boolean().default(false).describe('Go on to the next routes after this one matched.'),
          ...routeOptions,
        }),
      )
      .default([])
      .describe(
        'Which alerts go to which channels; the first that matches wins. Without routes everything goes to every channel.',
      ),
    policy: z
      .strictObject({
        ...settings,
        overrides: z
          .array(z.strictObject({ match: z.array(z.string()).min(1), ...settings }))
          .optional()
          .describe('Thresholds for what all these matchers match (labels, source, type, role); a later one wins.'),
      })
      .optional(),
    trust: trustOption
      .optional()
      .describe(
        'Whom the clients of endpoints trust. With it, a chain that ends elsewhere is critical. See trust of endpoint.',
      ),
    enrich: enrichSchema.optional(),
    notifications: z
      .strictObject({
        dry_run: z.boolean().default(false).describe('Log what would be sent instead of sending it.'),
        minimum_severity: z.enum(SEVERITIES).default('warning').describe('Nothing below this is sent.'),
        resolve_after_looks: z
          .int()
          .min(1)
          .max(100)
          .default(3)
          .describe('Good looks in a row, at each place, before an alert resolves.'),
        storm_after: z
          .int()
          .min(0)
          .max(10_000)
          .default(20)
          .describe('Messages to a channel within a minute before the rest becomes one; 0 for never.'),
        repeat: z
          .strictObject({
            normal: durationOption('While nothing changes.', '7d'),
            soon: durationOption('When the end is less than 7 days away.', '1d'),
            urgent: durationOption('When critical and the end is less than a day away, before or after.', '1h'),
          })
          .optional(),
      })
      .optional(),
    web: webSection.optional(),
    metrics: metricsSection.optional(),
    heartbeat: heartbeatSection.optional(),
    network: networkSection.optional(),
    runbooks: runbooksSchema.optional(),
    store: z
      .string()
      .regex(/^(?:sqlite:.+|postgres(?:ql)?:\/\/.+)/, 'sqlite:PATH or postgres://USER@HOST/DATABASE')
      .default('sqlite:./data/notafter.db')
      .describe('Where notafter remembers: a file for one node, or a PostgreSQL database that several nodes share.'),
    history: z
      .strictObject({
        keep: durationOption(
          'How long what is over is remembered: certificates that went, closed alerts, sent messages.',
          '400d',
        ).refine((ms) => ms >= SHORTEST_HISTORY_MS, 'at least 30d: escalations, digests and renewals look back'),
      })
      .optional(),
    external_url: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe('How people reach this page; used for links in messages.'),
    log: z
      .strictObject({
        level: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
        format: z.enum(['json', 'text']).optional().describe('Default: text on a terminal, else json.'),
      })
      .optional(),
  });
}

/** The JSON Schema of the config, for editors. */
export function configJsonSchema(plugins: Plugins = BUILT_IN): object {
  return z.toJSONSchema(configSchema(plugins), { io: 'input', unrepresentable: 'any' });
}
