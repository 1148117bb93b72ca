import { isDeepStrictEqual } from 'node:util';

import type { Config } from './config/config.ts';
import { closeChannels, openChannels, planSource } from './daemon-plans.ts';
import { networkOptions } from './config/network-section.ts';
import { createLocalEngine } from './engine/local.ts';
import { startLoop } from './engine/loop.ts';
import { FactIndex } from './inventory/fact-index.ts';
import { clientOutlooks } from './inventory/clients.ts';
import { loadInventoryIndex } from './inventory/inventory-index.ts';
import { createChains } from './look/chains.ts';
import { forecastAll } from './look/forecasting.ts';
import { createContext, openScanner, readSecret } from './look/context.ts';
import { readAuthorities } from './look/known-authorities.ts';
import { createEnriching } from './look/enriching.ts';
import { createLooking, type Looking } from './look/looking.ts';
import type { SourcePlan } from './look/ports.ts';
import { createRecorder } from './look/recorder.ts';
import { createMetrics } from './metrics/metrics.ts';
import { createNetwork, type NetworkOptions } from './network/create-network.ts';
import { createEgress } from './network/egress.ts';
import { proxyRoute } from './network/http-route.ts';
import { createLimiters } from './network/limiter.ts';
import { createNetworkSwitch } from './network/switch.ts';
import { createDeliverer } from './notify/deliver.ts';
import { isReleased, sendDigest } from './notify/digest.ts';
import type { NotifyOptions } from './notify/options.ts';
import { sendDue, sendHeld, transition } from './notify/pipeline.ts';
import { testChannel } from './notify/channel-test.ts';
import { countFindings } from './notify/count.ts';
import type { ChannelInstance } from './plugin/channel.ts';
import type { Logger } from './plugin/logger.ts';
import type { InventoryView } from './policy/view.ts';
import { openSqlite } from './store/sqlite.ts';
import type { Store } from './store/store.ts';
import { loadTrust } from './tls/trust.ts';
import { createApp } from './web/app.ts';
import { readRunbook } from './web/runbooks.ts';
import { listen } from './web/server.ts';

/** Time given to looks and sends under way when the daemon stops. */
const STOP_GRACE_MS = 8_000;
/** Judging everything anew after the policy may have changed; what is left then follows with the next looks. */
const ASSESS_DEADLINE_MS = 80_000;
/** Loops look after their work at least this often, whatever they were told. */
const LOOP_AT_MOST_MS = 5_000;
const DELIVERY_PAUSE_MS = 1_000;
const REPEAT_EVERY_MS = 30_000;
/** A digest does not wait longer than this for sources whose first round does not end. */
const DIGEST_PATIENCE_MS = 15 * 60_000;
/** What the first rounds found is told after this time at the latest: a source that cannot begin must not keep it back. */
const ANNOUNCE_PATIENCE_MS = 60_000;

export interface DaemonParts {
  readonly config: Config;
  readonly version: string;
  readonly log: Logger;
  /** Reads and checks the config file anew. Throws ConfigError. */
  loadConfig(): Promise<Config>;
  /** Called once, when the first round of every source has ended, or has taken so long that `unfinished` are not waited for. */
  onFirstRounds?(store: Store, unfinished: readonly string[]): void;
}

export interface Daemon {
  /** Where it serves. */
  readonly url: string;
  readonly store: Store;
  reload(): Promise<{ readonly ok: true } | { readonly ok: false; readonly problems: readonly string[] }>;
  /** Lets what is under way end, then closes everything. What was not finished is done after the next start. */
  stop(): Promise<void>;
}

/** Runs notafter: the only place that knows how its parts are put together. */
export async function startDaemon(parts: DaemonParts): Promise<Daemon> {
  const { log } = parts;
  const clock = { now: Date.now };
  const random = Math.random;
  let config = parts.config;
  let [isAnnounced, started] = [false, false];
  const startedAt = clock.now();
  let web: Awaited<ReturnType<typeof listen>> | undefined;

  const store = await openSqlite(config.storePath, { exclusive: true });
  const facts = new FactIndex(await store.facts.inquiries());
  const outOf = (from: Config): NetworkOptions =>
    networkOptions(from.network, (reference) => readSecret(reference, process.env));
  const way = createNetworkSwitch(createNetwork(outOf(config)));
  const scanner = openScanner(log);
  const context = createContext({
    clock,
    log,
    network: way.network,
    probe: scanner.probe,
    limit: createLimiters(),
    environment: process.env,
  });
  // Before anything is sent: reading it holds up the process for a moment, and a message sent should be settled at once.
  const trust = loadTrust();
  const chains = createChains(() => trust, clock, await readAuthorities(store.inventory));
  const index = await loadInventoryIndex(store.inventory);
  const plansOf = ({ sources, trust: general }: Config): readonly SourcePlan[] =>
    sources.map((source) => planSource(source, general, context, chains));

  let channels: ReadonlyMap<string, ChannelInstance>;
  try {
    channels = await openChannels(config, context);
  } catch (error) {
    await store.close();
    throw error;
  }
  const notifyOptions = (): NotifyOptions => ({
    channels: [...channels.keys()],
    routes: config.routes,
    recipients: (channel) => channels.get(channel)?.recipients() ?? [],
    minimumSeverity: config.notifications.minimumSeverity,
    resolveAfterLooks: config.notifications.resolveAfterLooks,
    repeat: config.notifications.repeat,
    stormAfter: config.notifications.stormAfter,
    quietHours: (channel) => config.channels.find(({ name }) => name === channel)?.quietHours,
    isNew: (source) => looking.isNew(source),
    ...(config.externalUrl === undefined ? {} : { externalUrl: config.externalUrl }),
    runbookUrl: (rule) =>
      config.externalUrl === undefined
        ? undefined
        : new URL(`runbooks/${rule}`, config.externalUrl.replace(/\/?$/, '/')).href,
    ...(config.notifications.dryRun
      ? {
          dryRun: (entry) =>
            log.info(
              {
                channel: entry.channel,
                reason: entry.notification.reason,
                alerts: entry.notification.alerts.map((alert) => alert.summary),
              },
              'dry run: this would be sent',
            ),
        }
      : {}),
  });

  const metrics = createMetrics({
    inventory: store.inventory,
    clients: (locations) => clientOutlooks(locations),
    findings: () => countFindings(store.alerts),
    oldestPendingAt: () => store.outbox.oldestPendingAt(),
    version: parts.version,
    now: clock.now,
  });
  const engine = createLocalEngine({
    dueTimes: store.dueTimes,
    clock,
    random,
    log,
    onLag: (name, lagMs) => metrics.scheduleLag(name, lagMs),
  });

  const deliverer = createDeliverer({
    outbox: store.outbox,
    channels,
    clock,
    random,
    log,
    onDelivered: (channel, reason) => metrics.delivered(channel, reason),
    onFailed: (channel, reason) => metrics.undelivered(channel, reason),
  });
  const egress = createEgress({
    network: context.network,
    userAgent: `notafter/${parts.version}`,
    allow: () => config.enrich.allow,
    proxy: () => proxyRoute(outOf(config), (...call) => context.network.connectThrough(...call)),
  });
  const loopOptions = { now: clock.now, atMostMs: LOOP_AT_MOST_MS };
  const delivery = startLoop(
    async (signal) => {
      await deliverer.run(signal);
      const next = await store.outbox.nextDueAt();
      // What is due still after a whole pass waits for a channel that is busy, or that the config no longer has.
      return next === undefined ? undefined : Math.max(next, clock.now() + DELIVERY_PAUSE_MS);
    },
    { ...loopOptions, onError: (error) => log.error({ error }, 'delivering failed; it is tried again') },
  );

  const outside = {
    isPublicRoot: (fingerprint: string) => trust.publicRoots.has(fingerprint),
    hasPublicIssuer: trust.hasPublicIssuer,
    intervalMs: (source: string) => looking.intervalMs(source),
    facts: (subject: string) => facts.facts(subject),
  } satisfies Partial<InventoryView>;
  const recorder = createRecorder({
    ledger: store,
    inventory: store.inventory,
    clock,
    view: outside,
    index,
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

  const anchors = [...trust.mozilla, ...trust.system];
  const enriching = createEnriching({ engine, store, context, egress, anchors, index: facts, recorder });

  const assessment = startLoop(
    async (signal) => {
      await recorder.assessDue(signal);
      return store.inventory.nextAssessmentAt();
    },
    { ...loopOptions, onError: (error) => log.error({ error }, 'assessing failed; it is tried again') },
  );
  const repeats = startLoop(
    async () => {
      const now = clock.now();
      const dueAt = await store.alerts.nextTellAt();
      if (dueAt !== undefined && dueAt <= now) {
        await store.transaction((tx) => sendDue(tx.alerts, notifyOptions(), now));
        delivery.wake();
      }
      // What is due still waits for something else: a channel that reaches nobody.
      const next = await store.alerts.nextTellAt();
      return next === undefined ? undefined : Math.max(next, now + DELIVERY_PAUSE_MS);
    },
    {
      now: clock.now,
      atMostMs: REPEAT_EVERY_MS,
      onError: (error) => log.error({ error }, 'reminding failed; it is tried again'),
    },
  );
  const digests = startLoop(
    async () => {
      if (!started) return undefined;
      const unfinished = config.sources.filter((source) => looking.isNew(source.name)).map((source) => source.name);
      const pending = unfinished.length > 0;
      if (!isAnnounced && (!pending || clock.now() - startedAt > ANNOUNCE_PATIENCE_MS)) {
        isAnnounced = true;
        parts.onFirstRounds?.(store, unfinished);
      }
      const waiting = await store.alerts.alertsAwaitingDigest();
      const now = clock.now();
      const options = notifyOptions();
      const isDigestDue = waiting.some((alert) => !pending || alert.openedAt <= now - DIGEST_PATIENCE_MS);
      if (!isDigestDue && !waiting.some((alert) => isReleased(alert, options, now))) return undefined;
      await store.transaction(async (tx) => {
        await sendHeld(tx.alerts, options, now);
        if (isDigestDue) await sendDigest(tx.alerts, options, now);
      });
      delivery.wake();
      return undefined;
    },
    { ...loopOptions, onError: (error) => log.error({ error }, 'the digest failed; it is tried again') },
  );

  let reloading: ReturnType<Daemon['reload']> | undefined;

  /** One after the other: a signal and a request may come together. */
  async function reload(): ReturnType<Daemon['reload']> {
    const earlier = reloading;
    const mine = (async () => {
      await earlier;
      return apply();
    })();
    reloading = mine;
    return mine;
  }

  async function apply(): ReturnType<Daemon['reload']> {
    let next: Config;
    let nextChannels: ReadonlyMap<string, ChannelInstance> = new Map();
    try {
      next = await parts.loadConfig();
      nextChannels = await openChannels(next, context);
      await looking.use(plansOf(next));
    } catch (error) {
      await closeChannels(nextChannels);
      const problems = (error instanceof Error ? error.message : String(error)).split('\n');
      log.error({ problems }, 'the new config is not applied; the old one stays in force');
      return { ok: false, problems };
    }
    if (next.storePath !== config.storePath || next.web.host !== config.web.host || next.web.port !== config.web.port) {
      log.warn({}, 'store and web.listen take effect after a restart');
    }
    const before = channels;
    if (!isDeepStrictEqual(next.network, config.network)) way.use(createNetwork(outOf(next)));
    config = next;
    channels = nextChannels;
    deliverer.setChannels(channels);
    declare();
    try {
      await forgetOtherChannels();
      await enriching.use(config.enrich);
      await recorder.assessAll(AbortSignal.timeout(ASSESS_DEADLINE_MS));
      await deliverer.idle();
      await closeChannels(before);
    } catch (error) {
      log.error({ error }, 'the new config is applied, but not everything was done anew with it');
    }
    log.info({ sources: config.sources.length, channels: config.channels.length }, 'config reloaded');
    return { ok: true };
  }

  /** What waits for a channel that the config no longer has can never be delivered: that is said once, and it stops waiting. */
  async function forgetOtherChannels(): Promise<void> {
    const why = 'the channel is no longer in the config';
    const given = await store.outbox.giveUpOthers([...channels.keys()], why, clock.now());
    if (given > 0) log.error({ deliveries: given }, 'notifications given up: their channel is no longer in the config');
  }

  function declare(): void {
    metrics.declareSources(config.sources.map((source) => source.name));
    metrics.declareChannels(config.channels.map((channel) => channel.name));
  }

  async function stop(): Promise<void> {
    await web?.close();
    await reloading;
    await engine.stop(AbortSignal.timeout(STOP_GRACE_MS));
    for (const loop of [digests, repeats, assessment, delivery]) await loop.stop();
    await deliverer.idle();
    await looking.close();
    await scanner.close();
    await closeChannels(channels);
    await store.close();
  }

  try {
    const app = createApp({
      inventory: store.inventory,
      metrics,
      version: parts.version,
      log,
      notReady: () => (started ? [] : ['starting']),
      reload,
      runbook: readRunbook,
      now: clock.now,
      forecast: (period) => forecastAll(store.inventory, { ...index, ...outside }, config.policy, period),
      async testChannel(name) {
        const instance = channels.get(name);
        return instance === undefined ? undefined : testChannel(instance, clock.now());
      },
    });
    web = await listen(app, config.web.host, config.web.port);
    declare();
    await forgetOtherChannels();
    await engine.start();
    await looking.use(plansOf(config));
    await enriching.use(config.enrich);
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
