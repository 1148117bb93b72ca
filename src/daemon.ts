import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { isDeepStrictEqual } from 'node:util';

import type { Config } from './config/config.ts';
import { createEngine, deliveryTurn, intervalElsewhere, seatOf, type NodeOptions } from './daemon-cluster.ts';
import { around, createSurveys, openGate } from './daemon-web.ts';
import { createPulse, openDaemonStore, watchStore } from './daemon-store.ts';
import {
  closeChannels,
  openChannels,
  openEndpoint,
  placeSources,
  planNotifying,
  planSeries,
  planSource,
} from './daemon-plans.ts';
import { networkOptions } from './config/network-section.ts';
import { startLoop, type Loop } from './engine/loop.ts';
import { FactIndex } from './inventory/fact-index.ts';
import { joinClients } from './inventory/clients.ts';
import { loadInventoryIndex } from './inventory/inventory-index.ts';
import { createChains } from './look/chains.ts';
import { forecastAll } from './look/forecasting.ts';
import { createContext, openScanner, readSecret } from './look/context.ts';
import { readAuthorities } from './look/known-authorities.ts';
import { createEnriching } from './look/enriching.ts';
import { createFollowing } from './look/following.ts';
import { createLooking, type Looking } from './look/looking.ts';
import type { SourcePlan } from './look/ports.ts';
import { createProbing } from './look/probing.ts';
import { createRecorder } from './look/recorder.ts';
import { createMetrics } from './metrics/metrics.ts';
import { createNetwork, type NetworkOptions } from './network/create-network.ts';
import { createEgress } from './network/egress.ts';
import { proxyRoute } from './network/http-route.ts';
import { createLimiters } from './network/limiter.ts';
import { createNetworkSwitch } from './network/switch.ts';
import { createDesk } from './notify/desk.ts';
import { createDistress } from './notify/distress.ts';
import { createNotifying } from './notify/notifying.ts';
import type { NotifyOptions } from './notify/options.ts';
import { testChannel } from './notify/channel-test.ts';
import { countFindings } from './notify/count.ts';
import type { ChannelInstance } from './plugin/channel.ts';
import type { Context } from './plugin/context.ts';
import type { Logger } from './plugin/logger.ts';
import type { InventoryView } from './policy/view.ts';
import type { Store } from './store/store.ts';
import { createRedaction } from './text/redaction.ts';
import { loadTrust } from './tls/trust.ts';
import { createApp } from './web/app.ts';
import { createAlertRunbooks, readRunbook } from './web/runbooks.ts';
import { listen } from './web/server.ts';

/** Time given to looks and sends under way when the daemon stops. */
const STOP_GRACE_MS = 8_000;
/** Judging everything anew after the policy may have changed; what is left then follows with the next looks. */
const ASSESS_DEADLINE_MS = 80_000;
/** Loops look after their work at least this often, whatever they were told. */
const LOOP_AT_MOST_MS = 5_000;
/** What the first rounds found is told after this time at the latest: a source that cannot begin must not keep it back. */
const ANNOUNCE_PATIENCE_MS = 60_000;

export interface DaemonParts {
  readonly config: Config;
  readonly version: string;
  readonly log: Logger;
  /** Reads and checks the config file anew. Throws ConfigError. */
  loadConfig(): Promise<Config>;
  /** Which node of a cluster this is; where nodes share a store. */
  readonly node?: NodeOptions;
  /** Called once, when the first round of every source has ended, or has taken so long that `unfinished` are not waited for. */
  onFirstRounds?(store: Store, unfinished: readonly string[]): void;
  /** Called once when the store turns out to be damaged: only a new start sets it aside and goes on without it. */
  onDamage?(): void;
  /** This node of a cluster cannot go on, and must be started anew. */
  onLost?(error: Error): void;
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
  const random = Math.random;
  let config = parts.config;
  let [isAnnounced, isSetUp, started] = [false, false, false];
  let web: Awaited<ReturnType<typeof listen>> | undefined;

  const ownClock = { now: Date.now };
  const distress = createDistress({
    channels: () => channels,
    isMuted: () => config.notifications.dryRun,
    clock: ownClock,
    log,
  });
  let channels: ReadonlyMap<string, ChannelInstance> = new Map();
  const store = await openDaemonStore(config.store, { log, distress, onDamage: () => parts.onDamage?.() });
  const seat = await seatOf(store, ownClock, parts, () => config);
  const clock = seat?.clock ?? ownClock;
  const startedAt = clock.now();
  const works = seat?.works ?? true;
  // Before anything is read: what others do from here on is taken in later.
  const revision = (await store.cluster?.changes.revision()) ?? 0;
  const facts = new FactIndex(await store.facts.inquiries());
  const redaction = createRedaction();
  const readProxySecret: Context['secret'] = async (reference) => {
    const secret = await readSecret(reference, process.env);
    redaction.note(secret);
    return secret;
  };
  const outOf = (from: Config): NetworkOptions => networkOptions(from.network, readProxySecret);
  const way = createNetworkSwitch(createNetwork(outOf(config)));
  const scanner = openScanner(log);
  const context = createContext({
    clock,
    redaction,
    log,
    network: way.network,
    probe: scanner.probe,
    servedAt: (sources) => index.servedAt(new Set(sources)),
    limit: createLimiters(undefined, () => seat?.workers() ?? 1),
    environment: process.env,
  });
  // Before anything is sent: reading it holds up the process for a moment, and a message sent should be settled at once.
  const trust = loadTrust();
  const chains = createChains(() => trust, clock, await readAuthorities(store.inventory));
  const machine = { host: hostname(), nodeName: process.env['NODE_NAME'] ?? '' };
  let seriesSettings = planSeries(config, machine);
  const metrics = createMetrics({
    inventory: store.inventory,
    clients: (locations) => joinClients(locations, index.clientTrust),
    endpointsNamed: (name) => index.endpointsNamed(name),
    findings: () => countFindings(store.alerts),
    oldestPendingAt: () => store.outbox.oldestPendingAt(),
    settings: () => seriesSettings(),
    version: parts.version,
    now: clock.now,
  });
  const index = await loadInventoryIndex(store.inventory, (location) => metrics.note(location));
  const plansOf = ({ sources, trust: general }: Config): readonly SourcePlan[] =>
    placeSources(sources, seat?.node).map((source) => planSource(source, general, { context, chains, redaction }));

  try {
    channels = await openChannels(config, context);
  } catch (error) {
    await store.close();
    throw error;
  }
  const notifyOptions = (): NotifyOptions => planNotifying(config, channels, log, (source) => looking.isNew(source));

  const onLag = (name: string, lagMs: number): void => metrics.scheduleLag(name, lagMs);
  const engine = createEngine(config.store, store, seat, { clock, random, log, onLag });
  const following = createFollowing({ index, facts, witness: metrics, revision });

  const notifying = await createNotifying({
    ...store,
    channels,
    options: notifyOptions,
    rate: (channel) => config.channels.find(({ name }) => name === channel)?.rate,
    clock,
    random,
    log,
    meter: metrics,
    onPosted: () => delivery.wake(),
    ...(seat === undefined ? {} : { turn: deliveryTurn(seat.leases) }),
  });
  const egress = createEgress({
    network: context.network,
    userAgent: `notafter/${parts.version}`,
    allow: () => config.enrich.allow,
    proxy: () => proxyRoute(outOf(config), (...call) => context.network.connectThrough(...call)),
  });
  const loopOptions = { now: clock.now, atMostMs: LOOP_AT_MOST_MS };
  const loopOf = (what: string, run: (signal: AbortSignal) => Promise<number | undefined>): Loop =>
    startLoop(run, { ...loopOptions, onError: (error) => log.error({ error }, `${what} failed; it is tried again`) });
  /** What one node does for all. */
  const dutyOf = (what: string, run: (signal: AbortSignal) => Promise<number | undefined>): Loop =>
    loopOf(what, async (signal) => {
      if (!works || (await seat?.leases.hold('duty')) === false) return undefined;
      return run(signal);
    });
  // Setting up holds up the process, and what is sent should be settled at once.
  const delivery = loopOf('delivering', async (signal) => (isSetUp && works ? notifying.deliver(signal) : undefined));
  const reminders = dutyOf('reminding', () => notifying.remind());

  const outside = {
    isPublicRoot: (fingerprint: string) => trust.publicRoots.has(fingerprint),
    hasPublicIssuer: trust.hasPublicIssuer,
    intervalMs: (source: string) => looking.intervalMs(source) ?? intervalElsewhere(config, source),
    facts: (subject: string) => facts.facts(subject),
  } satisfies Partial<InventoryView>;
  const recorder = createRecorder({
    ledger: store,
    inventory: store.inventory,
    clock,
    view: outside,
    index,
    witness: metrics,
    following: () => following,
    policy: () => config.policy,
    transition: (alerts, assessed, now) => notifying.transition(alerts, assessed, now),
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
      // What was put together before has not seen this source.
      survey.expire();
      digests.wake();
    },
    ...(seat === undefined ? {} : { sharing: seat }),
  });
  const company = seat?.keepCompany({ following, looking, witness: metrics }, (error) => parts.onLost?.(error));

  const watch = watchStore(store, clock, { log, distress, onWriteError: () => metrics.storeFailed() });

  const anchors = [...trust.mozilla, ...trust.system];
  const enriching = createEnriching({ engine, store, context, egress, anchors, index: facts, recorder });

  const assessment = dutyOf('assessing', async (signal) => {
    await recorder.assessDue(signal);
    return store.inventory.nextAssessmentAt();
  });
  const digests = dutyOf('the digest', async () => {
    if (!started) return undefined;
    const unfinished = looking.unfinished();
    const pending = unfinished.length > 0;
    if (!isAnnounced && (!pending || clock.now() - startedAt > ANNOUNCE_PATIENCE_MS)) {
      isAnnounced = true;
      parts.onFirstRounds?.(store, unfinished);
    }
    await notifying.tellFirstDay(pending);
    return undefined;
  });

  const desk = createDesk({ ...store, now: clock.now, newId: randomUUID, onChange: () => reminders.wake() });
  const pulse = createPulse({ engine, store, context, clock, log, onBeat: (at) => metrics.beat(at) });

  const survey = createSurveys(() => ({ store, view: { ...index, ...outside }, config, now: clock.now() }), clock, log);

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
      if (works) await looking.use(plansOf(next));
    } catch (error) {
      await closeChannels(nextChannels);
      const problems = (error instanceof Error ? error.message : String(error)).split('\n');
      log.error({ problems }, 'the new config is not applied; the old one stays in force');
      return { ok: false, problems };
    }
    const isFixed = ({ store: where, web: { host, port, tls } }: Config): unknown => [where, host, port, tls];
    if (!isDeepStrictEqual(isFixed(next), isFixed(config))) {
      log.warn({}, 'store, web.listen and web.tls_server_config take effect after a restart');
    }
    const before = channels;
    if (!isDeepStrictEqual(next.network, config.network)) way.use(createNetwork(outOf(next)));
    config = next;
    seriesSettings = planSeries(config, machine);
    channels = nextChannels;
    declare();
    survey.expire();
    try {
      await notifying.useChannels(channels);
      await pulse.schedule(config);
      await enriching.use(config.enrich);
      await recorder.assessAll(AbortSignal.timeout(ASSESS_DEADLINE_MS));
      await notifying.idle();
      await closeChannels(before);
    } catch (error) {
      log.error({ error }, 'the new config is applied, but not everything was done anew with it');
    }
    log.info({ sources: config.sources.length, channels: config.channels.length }, 'config reloaded');
    return { ok: true };
  }

  function declare(): void {
    if (works) metrics.declareSources(placeSources(config.sources, seat?.node).map((source) => source.name));
    metrics.declareChannels(config.channels.map((channel) => channel.name));
  }

  async function stop(): Promise<void> {
    survey.stop();
    await web?.close();
    await reloading;
    await engine.stop(AbortSignal.timeout(STOP_GRACE_MS));
    for (const loop of [watch, digests, reminders, assessment, delivery]) await loop.stop();
    await notifying.idle();
    await company?.stop();
    await seat?.leave();
    await looking.close();
    await scanner.close();
    await closeChannels(channels);
    await store.close();
  }

  try {
    const app = createApp({
      inventory: store.inventory,
      catalogue: store.catalogue,
      outbox: store.outbox,
      view: { ...index, ...outside },
      survey: () => survey.get(),
      externalUrl: () => config.externalUrl,
      headers: () => config.web.headers,
      gate: openGate(() => config, context, log),
      metrics,
      probe: createProbing({
        context,
        inventory: store.inventory,
        endpointsNamed: (name) => index.endpointsNamed(name),
        sources: () => config.sources.flatMap(({ name, collector }) => (collector.type === 'endpoint' ? [name] : [])),
        allow: () => config.metrics.probeAllow,
        chains: () => chains.finder({}, config.trust),
        open: openEndpoint,
      }),
      sourceLabels: (source) => config.sources.find(({ name }) => name === source)?.labels ?? {},
      version: parts.version,
      log,
      notReady: () => (started ? [] : ['starting']),
      reload,
      runbook: readRunbook,
      alertRunbook: createAlertRunbooks({
        store,
        locationsAround: around({ ...store, successors: index.successors }, survey),
        now: clock.now,
        templates: () => config.runbooks.templates,
      }),
      now: clock.now,
      desk,
      forecast: (period) => forecastAll(store.inventory, { ...index, ...outside }, config.policy, period),
      async testChannel(name) {
        const instance = channels.get(name);
        return instance === undefined ? undefined : testChannel(instance, clock.now());
      },
    });
    web = await listen(app, config.web.host, config.web.port, {
      ...(config.web.tls === undefined ? {} : { tls: config.web.tls }),
      onTlsError: (error) => log.error({ error }, 'the new certificate of the page cannot be used; the old one stays'),
    });
    declare();
    await notifying.useChannels(channels);
    await pulse.schedule(config);
    await engine.start();
    if (works) await looking.use(plansOf(config));
    await enriching.use(config.enrich);
    isSetUp = true;
    survey.start();
    delivery.wake();
    // The policy may have changed while notafter was not running.
    if (works && seat?.bringsConfig !== false) await recorder.assessAll(new AbortController().signal);
    started = true;
    digests.wake();
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: web.url, store, reload, stop };
}
