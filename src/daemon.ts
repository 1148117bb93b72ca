import { readFile } from 'node:fs/promises';

import type { Config, SourceConfig } from './config/config.ts';
import { ConfigError } from './config/document.ts';
import { intervalOf } from './engine/interval.ts';
import { createLocalEngine } from './engine/local.ts';
import { startLoop } from './engine/loop.ts';
import { createChains } from './look/chains.ts';
import { createContext } from './look/context.ts';
import { createLooking, type Looking } from './look/looking.ts';
import type { SourcePlan } from './look/ports.ts';
import { createRecorder } from './look/recorder.ts';
import { createMetrics, type FindingCount } from './metrics/metrics.ts';
import { createNetwork } from './network/create-network.ts';
import { createLimiters } from './network/limiter.ts';
import { createDeliverer } from './notify/deliver.ts';
import { sendDigest } from './notify/digest.ts';
import type { NotifyOptions } from './notify/options.ts';
import { sendRepeats, transition } from './notify/pipeline.ts';
import { testNotification } from './notify/test-notification.ts';
import type { ChannelInstance } from './plugin/channel.ts';
import type { Context } from './plugin/context.ts';
import type { Logger } from './plugin/logger.ts';
import { RULES } from './policy/finding.ts';
import { openSqlite } from './store/sqlite.ts';
import type { Store } from './store/store.ts';
import { loadTrust, type Trust } from './tls/trust.ts';
import { createApp } from './web/app.ts';
import { listen } from './web/server.ts';

/** Time given to looks and sends under way when the daemon stops. */
const STOP_GRACE_MS = 8_000;
/** Loops look after their work at least this often, whatever they were told. */
const LOOP_AT_MOST_MS = 5_000;
const REPEAT_EVERY_MS = 30_000;
/** A digest does not wait longer than this for sources whose first round does not end. */
const DIGEST_PATIENCE_MS = 15 * 60_000;
/** One notification of a channel test. */
const TEST_DEADLINE_MS = 30_000;

export interface DaemonParts {
  readonly config: Config;
  readonly version: string;
  readonly log: Logger;
  /** Reads and checks the config file anew. Throws ConfigError. */
  loadConfig(): Promise<Config>;
  /** Called when the first round of every source has ended. */
  onFirstRounds?(store: Store): void;
}

export interface Daemon {
  /** Where it serves. */
  readonly url: string;
  readonly store: Store;
  reload(): Promise<{ readonly ok: true } | { readonly ok: false; readonly problems: readonly string[] }>;
  /** Lets what is under way end, then closes everything. What was not finished is done after the next start. */
  stop(): Promise<void>;
}

/** What the config makes of the channels. Throws an Error that names the channel. */
export async function openChannels(config: Config, context: Context): Promise<ReadonlyMap<string, ChannelInstance>> {
  const opened = new Map<string, ChannelInstance>();
  for (const { name, channel, options } of config.channels) {
    try {
      opened.set(name, await channel.create(options, context));
    } catch (error) {
      throw new Error(`channel ${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }
  return opened;
}

/** What the config makes of a source, not yet opened. */
export function planSource(source: SourceConfig, context: Context): SourcePlan {
  const { name, collector, options, schedule, labels } = source;
  return {
    name,
    definition: JSON.stringify({ type: collector.type, options, schedule, labels }),
    async open() {
      try {
        const instance = await collector.create(options, context);
        return { name, type: collector.type, instance, scope: collector.scope(options), schedule, intervalMs: intervalOf(schedule), labels };
      } catch (error) {
        throw new Error(`source ${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
      }
    },
  };
}

/** Runs notafter: the only place that knows how its parts are put together. */
export async function startDaemon(parts: DaemonParts): Promise<Daemon> {
  const { log } = parts;
  const clock = { now: Date.now };
  const random = Math.random;
  let config = parts.config;
  let firstRounds = false;
  let started = false;
  let web: Awaited<ReturnType<typeof listen>> | undefined;

  const store = await openSqlite(config.storePath, { exclusive: true });
  const network = createNetwork();
  const context = createContext({ clock, log, network, limit: createLimiters(), environment: process.env });
  let trust: Trust | undefined;
  const trusted = (): Trust => (trust ??= loadTrust());

  let channels = await openChannels(config, context);
  const notifyOptions = (): NotifyOptions => ({
    channels: [...channels.keys()],
    routes: config.routes,
    recipients: (channel) => channels.get(channel)?.recipients() ?? [],
    minimumSeverity: config.notifications.minimumSeverity,
    resolveAfterLooks: config.notifications.resolveAfterLooks,
    repeat: config.notifications.repeat,
    isNew: (source) => looking.isNew(source),
    ...(config.externalUrl === undefined ? {} : { externalUrl: config.externalUrl }),
    runbookUrl: (rule) => (config.externalUrl === undefined ? undefined : new URL(`runbooks/${rule}`, slashed(config.externalUrl)).href),
    ...(config.notifications.dryRun
      ? { dryRun: (entry) => log.info({ channel: entry.channel, reason: entry.notification.reason, alerts: entry.notification.alerts.map((alert) => alert.summary) }, 'dry run: this would be sent') }
      : {}),
  });

  const metrics = createMetrics({
    inventory: store.inventory,
    findings: () => countFindings(store),
    oldestPendingAt: () => store.outbox.oldestPendingAt(),
    version: parts.version,
    now: clock.now,
  });
  const engine = createLocalEngine({ dueTimes: store.dueTimes, clock, random, log, onLag: (name, lagMs) => metrics.scheduleLag(name, lagMs) });

  const deliverer = createDeliverer({
    outbox: store.outbox,
    channels,
    clock,
    random,
    log,
    onDelivered: (channel, reason) => metrics.delivered(channel, reason),
    onFailed: (channel, reason) => metrics.undelivered(channel, reason),
  });
  const loopOptions = { now: clock.now, atMostMs: LOOP_AT_MOST_MS };
  const delivery = startLoop(
    async (signal) => {
      await deliverer.run(signal);
      return store.outbox.nextDueAt();
    },
    { ...loopOptions, onError: (error) => log.error({ error }, 'delivering failed; it is tried again') },
  );

  const recorder = createRecorder({
    ledger: store,
    inventory: store.inventory,
    clock,
    view: { isPublicRoot: (fingerprint) => trusted().publicRoots.has(fingerprint), intervalMs: (source) => looking.intervalMs(source) },
    chains: createChains(trusted),
    policy: () => config.policy,
    async transition(alerts, assessed, now) {
      await transition(alerts, assessed, notifyOptions(), now);
      delivery.wake();
    },
  });

  const looking: Looking = await createLooking({
    engine,
    ledger: store,
    inventory: store.inventory,
    recorder,
    meter: metrics,
    clock,
    random,
    log,
    onBaseline(source) {
      log.info({ source }, 'first round complete');
      digests.wake();
    },
  });

  const assessment = startLoop(
    async (signal) => {
      await recorder.assessDue(signal);
      return store.inventory.nextAssessmentAt();
    },
    { ...loopOptions, onError: (error) => log.error({ error }, 'assessing failed; it is tried again') },
  );
  const repeats = startLoop(
    async () => {
      await store.transaction((tx) => sendRepeats(tx.alerts, notifyOptions(), clock.now()));
      delivery.wake();
      return undefined;
    },
    { now: clock.now, atMostMs: REPEAT_EVERY_MS, onError: (error) => log.error({ error }, 'reminding failed; it is tried again') },
  );
  const digests = startLoop(
    async () => {
      if (!started) return undefined;
      const pending = config.sources.some((source) => looking.isNew(source.name));
      if (!pending && !firstRounds) {
        firstRounds = true;
        parts.onFirstRounds?.(store);
      }
      const waiting = await store.alerts.alertsAwaitingDigest();
      const oldest = Math.min(...waiting.map((alert) => alert.openedAt));
      if (waiting.length === 0 || (pending && oldest > clock.now() - DIGEST_PATIENCE_MS)) return undefined;
      await store.transaction((tx) => sendDigest(tx.alerts, notifyOptions(), clock.now()));
      delivery.wake();
      return undefined;
    },
    { ...loopOptions, onError: (error) => log.error({ error }, 'the digest failed; it is tried again') },
  );

  async function reload(): ReturnType<Daemon['reload']> {
    let next: Config;
    let nextChannels: ReadonlyMap<string, ChannelInstance>;
    try {
      next = await parts.loadConfig();
      nextChannels = await openChannels(next, context);
      await looking.use(next.sources.map((source) => planSource(source, context)));
    } catch (error) {
      const problems = error instanceof ConfigError ? error.message.split('\n') : [error instanceof Error ? error.message : String(error)];
      log.error({ problems }, 'the new config is not applied; the old one stays in force');
      return { ok: false, problems };
    }
    if (next.storePath !== config.storePath || next.web.host !== config.web.host || next.web.port !== config.web.port) {
      log.warn({}, 'store and web.listen take effect after a restart');
    }
    const before = channels;
    config = next;
    channels = nextChannels;
    deliverer.setChannels(channels);
    declare();
    await recorder.assessAll(AbortSignal.timeout(STOP_GRACE_MS * 10));
    for (const instance of before.values()) await instance.close?.();
    log.info({ sources: config.sources.length, channels: config.channels.length }, 'config reloaded');
    return { ok: true };
  }

  function declare(): void {
    metrics.declareSources(config.sources.map((source) => source.name));
    metrics.declareChannels(config.channels.map((channel) => channel.name));
  }

  async function stop(): Promise<void> {
    await web?.close();
    await engine.stop(AbortSignal.timeout(STOP_GRACE_MS));
    for (const loop of [digests, repeats, assessment, delivery]) await loop.stop();
    await looking.close();
    for (const instance of channels.values()) await instance.close?.();
    await store.close();
  }

  try {
    const app = createApp({
      inventory: store.inventory,
      metrics,
      version: parts.version,
      notReady: () => (started ? [] : ['starting']),
      reload,
      runbook,
      async testChannel(name) {
        const instance = channels.get(name);
        return instance === undefined ? undefined : testChannel(instance, clock.now());
      },
    });
    web = await listen(app, config.web.host, config.web.port);
    declare();
    await engine.start();
    await looking.use(config.sources.map((source) => planSource(source, context)));
    // The policy may have changed while notafter was not running.
    await recorder.assessAll(new AbortController().signal);
    started = true;
    digests.wake();
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: web.url, store, reload, stop };
}

/** Sends one test notification and says what became of each recipient. */
export async function testChannel(instance: ChannelInstance, now: number): Promise<{ ok: boolean; lines: readonly string[] }> {
  const results = await instance.send(testNotification(now), instance.recipients(), undefined, AbortSignal.timeout(TEST_DEADLINE_MS));
  return {
    ok: results.every((result) => result.status === 'delivered'),
    lines: results.map((result) => (result.status === 'delivered' ? `${result.recipient}: delivered` : `${result.recipient}: ${result.reason}: ${result.detail}`)),
  };
}

/** Affected places by rule, severity and source. */
async function countFindings(store: Store): Promise<readonly FindingCount[]> {
  const counts = new Map<string, FindingCount>();
  for (const alert of await store.alerts.alerts({ state: 'open' })) {
    for (const place of alert.places) {
      if (place.state !== 'open' || place.goodLooks > 0) continue;
      for (const { rule, severity } of place.findings) {
        const key = `${rule} ${severity} ${place.source}`;
        counts.set(key, { rule, severity, source: place.source, count: (counts.get(key)?.count ?? 0) + 1 });
      }
    }
  }
  return [...counts.values()];
}

const RUNBOOKS = new URL(import.meta.url.includes('/dist/src/') ? '../../docs/runbooks/' : '../docs/runbooks/', import.meta.url);

/** The page of a rule; only names of rules reach the file system. */
async function runbook(rule: string): Promise<string | undefined> {
  const known = RULES.find((id) => id === rule);
  return known === undefined ? undefined : readFile(new URL(`${known}.md`, RUNBOOKS), 'utf8');
}

function slashed(url: string): string {
  return url.endsWith('/') ? url : `${url}/`;
}
