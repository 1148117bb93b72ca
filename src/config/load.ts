import { readFile } from 'node:fs/promises';

import { validate as isCron } from 'node-cron';
import type { z } from 'zod';

import { type Matcher, parseMatcher } from '../label/matcher.ts';
import type { Labels } from '../label/labels.ts';
import { SEVERITIES, type Severity } from '../plugin/notification.ts';
import type { Demands, TrustOptions } from '../plugin/demands.ts';
import { FAMILIES, RULES } from '../policy/finding.ts';
import type {
  ChannelConfig,
  Config,
  DigestConfig,
  EscalationConfig,
  HeartbeatConfig,
  QuietHoursConfig,
  RateConfig,
  RouteConfig,
  SourceConfig,
} from './config.ts';
import { type ConfigDocument, ConfigError, type ConfigProblem, pathText, readDocument } from './document.ts';
import { enrichConfig, type EnrichSection } from './enrich-section.ts';
import { expectation, problemsOf } from './issues.ts';
import { nearest } from './nearest.ts';
import { isTimezone } from './notify-section.ts';
import { metricsConfig } from './metrics-section.ts';
import { networkConfig } from './network-section.ts';
import { BUILT_IN, PluginError, pluginsOption, withPlugin, type Plugins } from './plugins.ts';
import { readTemplates } from './runbook-section.ts';
import { webConfig, type webSection } from './web-section.ts';
import { buildPolicy, type PolicySection, type SettingsSection } from './policy-section.ts';
import { configSchema } from './schema.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Options = Readonly<Record<string, unknown>>;

/** A config is a text that people write. */
const MAX_BYTES = 4 * 1024 * 1024;
const DEFAULT_EVERY_MS = 3_600_000;
/** Labels of notafter's own that routes match, with all the values that they can have. */
const CLOSED_LABELS = new Map<string, readonly string[]>([
  ['severity', SEVERITIES],
  ['family', FAMILIES],
  ['rule', RULES],
]);

/** The output of the schema: what `build` turns into a Config. */
interface Raw {
  readonly sources: readonly (Options & {
    readonly name: string;
    readonly type: string;
    readonly every?: number;
    readonly cron?: string;
    readonly timezone?: string;
    readonly labels?: Labels;
    readonly metric_labels?: readonly string[];
    readonly trusts_clients_of?: readonly string[];
    readonly zones?: readonly string[];
    readonly policy?: SettingsSection;
  })[];
  readonly channels: readonly (Options & {
    readonly name: string;
    readonly type: string;
    readonly quiet_hours?: QuietHoursConfig;
    readonly rate?: RateConfig;
  })[];
  readonly routes: readonly {
    readonly match: readonly string[];
    readonly channels: readonly string[];
    readonly continue: boolean;
    readonly group_by?: readonly string[];
    readonly quiet_hours?: QuietHoursConfig;
    readonly digest?: DigestConfig;
    readonly escalate?: { readonly after: number } & Omit<EscalationConfig, 'afterMs'>;
  }[];
  readonly policy?: PolicySection;
  readonly trust?: TrustOptions;
  readonly enrich?: EnrichSection;
  readonly notifications?: {
    readonly dry_run: boolean;
    readonly minimum_severity: Severity;
    readonly resolve_after_looks: number;
    readonly storm_after: number;
    readonly repeat?: { readonly normal: number; readonly soon: number; readonly urgent: number };
  };
  readonly web?: z.output<typeof webSection>;
  readonly heartbeat?: HeartbeatConfig;
  readonly metrics?: Parameters<typeof metricsConfig>[0];
  readonly network?: Parameters<typeof networkConfig>[0];
  readonly runbooks?: { readonly dir: string };
  readonly store: string;
  readonly history?: { readonly keep: number };
  readonly external_url?: string;
  readonly log?: { readonly level: Config['log']['level']; readonly format?: 'json' | 'text' };
}

/** Reads and checks a config file, and the templates that it names. Throws ConfigError with everything that is wrong. */
export async function loadConfig(file: string, environment: Environment): Promise<Config> {
  let text: string;
  try {
    const bytes = await readFile(file);
    if (bytes.length > MAX_BYTES) throw whole(file, `the file is larger than ${MAX_BYTES} bytes`);
    text = bytes.toString('utf8');
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') throw whole(file, 'there is no such file; "notafter config init" writes one');
    throw whole(file, `the file cannot be read (${code ?? String(error)})`);
  }
  const document = readDocument(file, text, environment);
  const config = parseDocument(file, document, await loadPlugins(file, document));
  return { ...config, runbooks: await readTemplates(config) };
}

/** Where a part of a config file stands: for what only shows when the part is used. Throws ConfigError. */
export async function placeInConfig(
  file: string,
  environment: Environment,
  at: readonly (string | number)[],
): Promise<Omit<ConfigProblem, 'message'>> {
  const document = readDocument(file, await readFile(file, 'utf8'), environment);
  return { ...document.locate(at), key: pathText(at) };
}

/** Checks the text of a config without plugins; templates are not read. Throws ConfigError with everything that is wrong. */
export function parseConfig(file: string, text: string, environment: Environment): Config {
  return parseDocument(file, readDocument(file, text, environment), BUILT_IN);
}

function parseDocument(file: string, document: ConfigDocument, plugins: Plugins): Config {
  const schema = configSchema(plugins);
  const parsed = schema.safeParse(document.value);
  if (!parsed.success) throw new ConfigError(file, problemsOf(schema, parsed.error.issues, document));
  return build(file, parsed.data as unknown as Raw, document, plugins);
}

/** First of all, as the rest of the config can only be understood with what they bring. */
async function loadPlugins(file: string, document: ConfigDocument): Promise<Plugins> {
  const { value } = document;
  const section = typeof value === 'object' && value !== null && 'plugins' in value ? value.plugins : undefined;
  // What is wrong with the section itself, the schema says.
  const names = pluginsOption.safeParse(section).data ?? [];
  let plugins = BUILT_IN;
  const problems: ConfigProblem[] = [];
  for (const [index, name] of names.entries()) {
    try {
      plugins = await withPlugin(plugins, name, file);
    } catch (error) {
      if (!(error instanceof PluginError)) throw error;
      const path = ['plugins', index];
      problems.push({ ...document.locate(path), key: pathText(path), message: error.message });
    }
  }
  if (problems.length > 0) throw new ConfigError(file, problems);
  return plugins;
}

function whole(file: string, message: string): ConfigError {
  return new ConfigError(file, [{ line: 1, column: 1, key: '', message }]);
}

/** What a schema cannot say: names that refer to each other, schedules, matchers, thresholds in order. */
function build(file: string, raw: Raw, document: ConfigDocument, plugins: Plugins): Config {
  const problems: ConfigProblem[] = [];
  const report = (path: readonly PropertyKey[], message: string, key?: string): void => {
    problems.push({ ...document.locate(path, key), key: pathText(path), message });
  };
  reportDuplicates(raw.sources, 'sources', report);
  reportDuplicates(raw.channels, 'channels', report);
  const sources = raw.sources.map((source, index) => sourceConfig(source, index, plugins, report));
  for (const [index, source] of raw.sources.entries()) checkTargetsFrom(source, index, raw, report);
  if (raw.store.startsWith('sqlite:')) {
    for (const [index, { zones }] of sources.entries()) {
      if (zones !== undefined) report(['sources', index, 'zones'], 'needs several nodes: store: postgres://…', 'zones');
    }
  }
  const channels = raw.channels.map((channel) => channelConfig(channel, plugins));
  const routes = raw.routes.map((route, index) => routeConfig(route, index, raw, report));
  for (const [index, override] of (raw.policy?.overrides ?? []).entries()) {
    checkMatchers(override.match, ['policy', 'overrides', index, 'match'], report);
  }
  if (problems.length > 0) throw new ConfigError(file, problems);

  const { policy, faults } = buildPolicy(
    raw.policy ?? {},
    raw.sources.map(({ name, policy: own }, index) => ({ name, policy: own ?? {}, ...pinsOf(sources[index]) })),
  );
  for (const fault of faults) report(fault.path, fault.message);
  if (problems.length > 0) throw new ConfigError(file, problems);

  const web = webConfig(raw.web, raw.external_url, report);
  if (problems.length > 0) throw new ConfigError(file, problems);

  const { notifications } = raw;
  return {
    file,
    plugins,
    sources,
    channels,
    routes,
    policy,
    trust: raw.trust ?? {},
    enrich: enrichConfig(raw.enrich),
    notifications: {
      dryRun: notifications?.dry_run ?? false,
      minimumSeverity: notifications?.minimum_severity ?? 'warning',
      resolveAfterLooks: notifications?.resolve_after_looks ?? 3,
      stormAfter: notifications?.storm_after ?? 20,
      repeat: {
        normalMs: notifications?.repeat?.normal ?? 7 * 86_400_000,
        soonMs: notifications?.repeat?.soon ?? 86_400_000,
        urgentMs: notifications?.repeat?.urgent ?? 3_600_000,
      },
    },
    ...(raw.heartbeat === undefined ? {} : { heartbeat: raw.heartbeat }),
    network: networkConfig(raw.network),
    metrics: metricsConfig(raw.metrics),
    web,
    runbooks: { ...raw.runbooks, templates: new Map() },
    store: raw.store,
    historyMs: raw.history?.keep ?? 400 * 86_400_000,
    ...(raw.external_url === undefined ? {} : { externalUrl: raw.external_url }),
    log: raw.log ?? { level: 'info' },
  };
}

function pinsOf(source: SourceConfig | undefined): Pick<Demands, 'pins'> {
  const pins = source?.collector.demands?.(source.options)?.pins;
  return pins === undefined ? {} : { pins };
}

type Report = (path: readonly PropertyKey[], message: string, key?: string) => void;

function reportDuplicates(entries: readonly { readonly name: string }[], section: string, report: Report): void {
  const first = new Map<string, number>();
  for (const [index, { name }] of entries.entries()) {
    const earlier = first.get(name);
    if (earlier === undefined) first.set(name, index);
    else report([section, index, 'name'], `"${name}" is the name of ${section}[${earlier}] already`);
  }
}

/** A source that takes its targets from others names them. */
function checkTargetsFrom(source: Raw['sources'][number], index: number, { sources }: Raw, report: Report): void {
  const { targets_from: given } = source;
  if (!Array.isArray(given)) return;
  const names = sources.map(({ name }) => name);
  for (const [rank, name] of (given as readonly string[]).entries()) {
    const path = ['sources', index, 'targets_from', rank];
    if (name === source.name) report(path, 'a source takes no targets from itself');
    else if (!names.includes(name)) {
      const similar = nearest(name, names);
      report(path, `there is no source "${name}"${similar === undefined ? '' : `; did you mean "${similar}"?`}`);
    }
  }
}

function sourceConfig(
  source: Raw['sources'][number],
  index: number,
  { collectors }: Plugins,
  report: Report,
): SourceConfig {
  const {
    name,
    type,
    every,
    cron,
    timezone,
    labels,
    metric_labels: metricLabels,
    trusts_clients_of: trusted,
    zones,
    policy: _policy,
    ...options
  } = source;
  const path = ['sources', index];
  if (every !== undefined && cron !== undefined) report([...path, 'cron'], 'give either every or cron, not both');
  if (every !== undefined && every < 1000) report([...path, 'every'], 'must be at least 1s');
  if (cron !== undefined && !isCron(cron)) {
    report([...path, 'cron'], `"${cron}" is no cron expression; e.g. "0 3 * * *" is every day at 03:00`);
  }
  if (timezone !== undefined && cron === undefined) report([...path, 'timezone'], 'is used together with cron');
  if (timezone !== undefined && !isTimezone(timezone)) {
    report([...path, 'timezone'], `"${timezone}" is no time zone; e.g. Europe/Vienna`);
  }
  const collector = collectors.find((candidate) => candidate.type === type);
  if (collector === undefined) throw new Error(`the schema let the type ${type} pass`);
  return {
    name,
    collector,
    options,
    schedule: cron === undefined ? { everyMs: every ?? DEFAULT_EVERY_MS } : { cron, timezone: timezone ?? 'UTC' },
    labels: labels ?? {},
    metricLabels: [...new Set(metricLabels)],
    ...(trusted === undefined ? {} : { trustsClientsOf: trusted }),
    ...(zones === undefined ? {} : { zones }),
  };
}

function channelConfig(
  { name, type, quiet_hours: quietHours, rate, ...options }: Raw['channels'][number],
  { channels }: Plugins,
): ChannelConfig {
  const channel = channels.find((candidate) => candidate.type === type);
  if (channel === undefined) throw new Error(`the schema let the type ${type} pass`);
  return {
    name,
    channel,
    options,
    ...(quietHours === undefined ? {} : { quietHours }),
    ...(rate === undefined ? {} : { rate }),
  };
}

function routeConfig(route: Raw['routes'][number], index: number, raw: Raw, report: Report): RouteConfig {
  const path = ['routes', index];
  reportUnknown(route.channels, [...path, 'channels'], raw, report);
  const { escalate, group_by: groupBy, quiet_hours: quietHours, digest } = route;
  reportUnknown(escalate?.channels ?? [], [...path, 'escalate', 'channels'], raw, report);
  return {
    matchers: checkMatchers(route.match, [...path, 'match'], report, impossibility),
    channels: route.channels,
    continue: route.continue,
    ...(groupBy === undefined ? {} : { groupBy }),
    ...(quietHours === undefined ? {} : { quietHours }),
    ...(digest === undefined ? {} : { digest }),
    ...(escalate === undefined
      ? {}
      : { escalate: { afterMs: escalate.after, channels: escalate.channels, when: escalate.when } }),
  };
}

function reportUnknown(channels: readonly string[], path: readonly PropertyKey[], raw: Raw, report: Report): void {
  const names = raw.channels.map((channel) => channel.name);
  for (const [position, name] of channels.entries()) {
    if (names.includes(name)) continue;
    const meant = nearest(name, names);
    const hint = meant === undefined ? `there are: ${names.join(', ') || 'none'}` : `did you mean "${meant}"?`;
    report([...path, position], `there is no channel "${name}"; ${hint}`);
  }
}

/** Those that are right; `faultOf` says what else is wrong with one. */
function checkMatchers(
  texts: readonly string[],
  path: readonly PropertyKey[],
  report: Report,
  faultOf: (matcher: Matcher) => string | undefined = () => undefined,
): readonly Matcher[] {
  return texts.flatMap((text, index) => {
    try {
      const matcher = parseMatcher(text);
      const fault = faultOf(matcher);
      if (fault !== undefined) report([...path, index], fault);
      return [matcher];
    } catch (error) {
      report([...path, index], error instanceof Error ? error.message : String(error));
      return [];
    }
  });
}

/** A comparison with a value that the label never has would keep every alert from the route, or none. */
function impossibility({ name, operator, value }: Matcher): string | undefined {
  const values = CLOSED_LABELS.get(name);
  const isComparison = operator === '=' || operator === '!=';
  if (values === undefined || !isComparison || values.includes(value)) return undefined;
  return `${name}: ${expectation(values, value)}`;
}
