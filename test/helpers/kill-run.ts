import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setImmediate, setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { startDaemonProcess } from './daemon-process.ts';
import { eventually } from './eventually.ts';
import { startHook, startMailbox, type Hook, type ReceivedPost } from './receivers.ts';
import { createStage, type Stage } from './scenarios.ts';
import { startTlsHosts, type TlsHosts } from './tls-hosts.ts';

const BIN = fileURLToPath(new URL('../../bin/notafter.js', import.meta.url));
const SHORTEST_LIFE_MS = 60_000;
const LONGEST_LIFE_MS = 300_000;
/** The first certificate ends so long after the start: after the first round, whose news would be one digest. */
const FIRST_END_MS = 20_000;
const FIRST_END_OF_MANY_MS = 60_000;
const FIRST_END_OF_THOUSANDS_MS = 150_000;
/** A receiver notes what it got at most so much later. */
const NOTED_LATE_MS = 2_000;
/** A kill falls within this time after the daemon serves; a third fall within the time of its start. */
const LIVES_MS = 900;
const STARTS_MS = 1_500;
const DAY_MS = 86_400_000;

export interface KillPlan {
  /** Everything is in here: config, store, logs of the receivers. */
  readonly folder: string;
  readonly seed: number;
  readonly kills: number;
  readonly certificates: number;
  /** Time from the first end to the last. */
  readonly spreadMs: number;
  /** How long everything may take to be told when nobody is killed any more. */
  readonly patienceMs: number;
}

export interface KillResult {
  readonly kills: number;
  readonly certificates: number;
  readonly posts: number;
  readonly mails: number;
  /** Certificates of whose end nobody was told, and renewals that were not resolved, by name. */
  readonly lost: readonly string[];
  /** The same news under another id. */
  readonly toldAnew: readonly string[];
  /** An end that was told and had not happened. */
  readonly wrong: readonly string[];
  /** Mails and posts do not say the same. */
  readonly missing: readonly string[];
  /** Of each message that came again with its id: how long before the kill it had come, milliseconds. */
  readonly repeatedPosts: readonly number[];
  readonly repeatedMails: readonly number[];
}

export interface News {
  readonly id: string;
  readonly reason: string;
  readonly alert: string;
  readonly family: string;
  readonly title: string;
  readonly severity: string;
  readonly rules: readonly string[];
}

export interface Host {
  readonly name: string;
  /** As the config names it. */
  readonly target: string;
  readonly isRenewed: boolean;
  /** Serves a new certificate from now on. */
  renew(): void;
}

export interface Fleet {
  readonly hosts: readonly Host[];
  close(): Promise<void>;
}

/** A small generator with a seed, so that a run can be repeated. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Kills the real daemon again and again while real servers' certificates cross their thresholds and end, and half of them
 * are renewed once their end was told; then lets it live until everything is told, and holds what the receivers wrote
 * down against what was so.
 */
export async function runKills(plan: KillPlan): Promise<KillResult> {
  mkdirSync(plan.folder, { recursive: true });
  const next = seededRandom(plan.seed);
  const stage = createStage(plan.folder);
  const startedAt = Date.now();
  const { hosts, close } = await startFleet(stage, plan, startedAt, next);
  const write = (file: string, line: string): void => appendFileSync(path.join(plan.folder, file), `${line}\n`);
  // Before the answer: what was answered was written down.
  const hook = await startHook(({ at, body }) => write('posts.log', `${at} ${body}`));
  const mailbox = await startMailbox(({ at, mail }) => write('mails.log', `${at} ${mail.messageId} ${mail.subject}`));
  try {
    const config = writeConfig(plan.folder, hosts, hook.url, mailbox.port);
    const told = newsIn(hook);
    const killedAt: number[] = [];
    await passFirstRound(config, plan.folder);
    for (let kill = 0; kill < plan.kills; kill += 1) {
      killedAt.push(await oneLife(config, plan.folder, next));
      renewSome(hosts, told(), next);
    }
    await wait(Math.max(0, startedAt + firstEndMs(plan) + plan.spreadMs - Date.now()));
    const daemon = await startDaemonProcess(config, { cwd: plan.folder });
    await settled(plan, hosts, told, () => mailbox.received.map(({ mail }) => mail.messageId ?? ''), hook);
    // Before it is stopped: what comes now may go to one receiver and wait in the outbox for the other.
    const posts = hook.received.map(({ at, headers }) => ({ at, id: String(headers['idempotency-key']) }));
    const mails = mailbox.received.map(({ at, mail }) => ({ at, id: mail.messageId ?? '' }));
    await daemon.stop();
    return {
      kills: plan.kills,
      certificates: hosts.length,
      posts: posts.length,
      mails: mails.length,
      ...judged(hosts, told()),
      missing: missingOf(posts, mails),
      repeatedPosts: windows(posts, killedAt),
      repeatedMails: windows(mails, killedAt),
    };
  } finally {
    await close();
    await hook.close();
    await mailbox.close();
  }
}

/** One line for people. */
export function killText(result: KillResult): string {
  const windowsMs = [...result.repeatedPosts, ...result.repeatedMails].toSorted((a, b) => a - b);
  const middle = windowsMs[Math.floor(windowsMs.length / 2)] ?? 0;
  return (
    `${result.kills} kills, ${result.certificates} certificates ended: lost ${result.lost.length}, ` +
    `told anew ${result.toldAnew.length}, wrong ${result.wrong.length}, missing in one channel ${result.missing.length}; ` +
    `repeated with the same id because killed between send and commit: ${result.repeatedPosts.length} of ${result.posts} posts, ` +
    `${result.repeatedMails.length} of ${result.mails} mails, which had come ${middle} ms (median) to ${windowsMs.at(-1) ?? 0} ms before the kill`
  );
}

/** Certificates end one after the other, evenly spread. */
export async function startFleet(
  stage: Stage,
  plan: Pick<KillPlan, 'certificates' | 'spreadMs'>,
  startedAt: number,
  next: () => number,
): Promise<Fleet> {
  const servers = await startTlsHosts();
  const hosts: Host[] = [];
  for (let index = 0; index < plan.certificates; index += 1) {
    const notAfter = startedAt + firstEndMs(plan) + (plan.spreadMs * index) / plan.certificates;
    const life = SHORTEST_LIFE_MS + next() * (LONGEST_LIFE_MS - SHORTEST_LIFE_MS);
    hosts.push(startHost(stage, servers, index, notAfter - life, notAfter));
    // Thousands take seconds.
    if (index % 50 === 49) await setImmediate();
  }
  return { hosts, close: () => servers.close() };
}

function startHost(
  { intermediate }: Stage,
  servers: TlsHosts,
  index: number,
  notBefore: number,
  notAfter: number,
): Host {
  const name = `host-${index}.kill.test`;
  let isRenewed = false;
  const serve = (from: number, until: number): void =>
    servers.use(
      index,
      intermediate.issue({
        names: [name, servers.address(index)],
        notBefore: new Date(from),
        notAfter: new Date(until),
      }),
    );
  serve(notBefore, notAfter);
  return {
    name,
    target: servers.target(index),
    get isRenewed() {
      return isRenewed;
    },
    renew() {
      serve(Date.now() - DAY_MS, Date.now() + 90 * DAY_MS);
      isRenewed = true;
    },
  };
}

function writeConfig(folder: string, hosts: readonly Host[], hookUrl: string, mailPort: number): string {
  const file = path.join(folder, 'notafter.yaml');
  const every = hosts.length > 50 ? '5s' : '1s';
  writeFileSync(
    file,
    `sources:
  - {name: servers, type: endpoint, every: ${every}, timeout: 5s, targets: [${hosts.map(({ target }) => `"${target}"`).join(', ')}]}
channels:
  - {name: hook, type: webhook, url: "${hookUrl}/told"}
  - {name: mail, type: email, smtp: {host: 127.0.0.1, port: ${mailPort}, secure: none}, from: notafter@lab.test, to: [oncall@lab.test]}
notifications: {storm_after: 0}
web: {listen: "127.0.0.1:0"}
log: {level: error}
store: "sqlite:${path.join(folder, 'notafter.db')}"
`,
  );
  return file;
}

export function firstEndMs({ certificates }: Pick<KillPlan, 'certificates'>): number {
  if (certificates > 500) return FIRST_END_OF_THOUSANDS_MS;
  return certificates > 50 ? FIRST_END_OF_MANY_MS : FIRST_END_MS;
}

/** What was there when a source was new is one digest, which names only the worst: that is another test. */
async function passFirstRound(config: string, cwd: string): Promise<void> {
  const daemon = await startDaemonProcess(config, { cwd });
  await eventually('the first round is complete', () => daemon.stdout().includes('Found '), 120_000);
  await daemon.stop();
}

/** Starts a daemon and kills it at a random moment, of its start or of its life. Gives the time of the kill. */
async function oneLife(config: string, cwd: string, next: () => number): Promise<number> {
  const isEarly = next() < 1 / 3;
  const delayMs = next() * (isEarly ? STARTS_MS : LIVES_MS);
  const child: ChildProcess = spawn(process.execPath, [BIN, 'run', '--config', config], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  if (!isEarly) {
    await eventually(
      'the daemon serves',
      () => {
        if (child.exitCode !== null) throw new Error(`the daemon ended with ${child.exitCode}:\n${output}`);
        return output.includes('/metrics');
      },
      60_000,
    );
  }
  await wait(delayMs);
  const at = Date.now();
  child.kill('SIGKILL');
  await exited;
  return at;
}

/** Half of the servers get a new certificate at some time after their end was told. */
export function renewSome(hosts: readonly Host[], news: readonly News[], next: () => number): void {
  const ended = endedOf(news);
  for (const [index, host] of hosts.entries()) {
    if (index % 2 === 1 || host.isRenewed || !ended.has(host.name) || next() < 0.5) continue;
    host.renew();
  }
}

/** Waits until all that must be told is told by both channels; what is not by then is found by the judgement. */
async function settled(
  plan: KillPlan,
  hosts: readonly Host[],
  told: () => readonly News[],
  mailIds: () => readonly string[],
  hook: { readonly received: readonly ReceivedPost[] },
): Promise<void> {
  const isSettled = (): boolean => {
    const { lost } = judged(hosts, told());
    return lost.length === 0 && new Set(mailIds()).size === new Set(hook.received.map(idOf)).size;
  };
  const deadline = Date.now() + plan.patienceMs;
  while (!isSettled() && Date.now() < deadline) await wait(250);
}

/** What was told until now; each post is read once. */
export function newsIn(hook: Pick<Hook, 'received'>): () => readonly News[] {
  const news: News[] = [];
  let read = 0;
  return () => {
    for (const post of hook.received.slice(read)) news.push(...newsOf(post));
    read = hook.received.length;
    return news;
  };
}

function newsOf({ body }: ReceivedPost): readonly News[] {
  const { id, reason, alerts } = JSON.parse(body) as {
    readonly id: string;
    readonly reason: string;
    readonly alerts: readonly (Omit<News, 'id' | 'reason' | 'alert'> & { readonly id: string })[];
  };
  return alerts.map((alert) => ({
    id,
    reason,
    alert: alert.id,
    family: alert.family,
    title: alert.title,
    severity: alert.severity,
    rules: alert.rules,
  }));
}

export function idOf({ headers }: ReceivedPost): string {
  return String(headers['idempotency-key']);
}

function endedOf(news: readonly News[]): ReadonlySet<string> {
  return new Set(
    news.filter(({ family, rules }) => family === 'expiry' && rules.includes('expired')).map(({ title }) => title),
  );
}

export function judged(hosts: readonly Host[], news: readonly News[]): Pick<KillResult, 'lost' | 'toldAnew' | 'wrong'> {
  const expiry = [...new Map(news.filter(({ family }) => family === 'expiry').map((one) => [one.id, one])).values()];
  const ended = endedOf(expiry);
  const resolved = new Set(expiry.filter(({ reason }) => reason === 'resolved').map(({ title }) => title));
  const key = (one: News): string => [one.alert, one.reason, one.severity, one.rules.join()].join(' ');
  const seen = new Set<string>();
  const toldAnew = expiry.filter((one) => seen.has(key(one)) || !seen.add(key(one)));
  return {
    lost: hosts.flatMap(({ name, isRenewed }) => [
      ...(ended.has(name) ? [] : [`${name}: its end`]),
      ...(isRenewed && !resolved.has(name) ? [`${name}: its renewal`] : []),
    ]),
    toldAnew: toldAnew.map(({ title, reason }) => `${title}: ${reason}`),
    wrong: hosts.filter(({ name, isRenewed }) => !isRenewed && resolved.has(name)).map(({ name }) => name),
  };
}

/** Message ids hold the id of the notification. */
function missingOf(posts: readonly { readonly id: string }[], mails: readonly { readonly id: string }[]): string[] {
  const difference = new Set(posts.map(({ id }) => id)).size - new Set(mails.map(({ id }) => id)).size;
  return difference === 0 ? [] : [`${Math.abs(difference)} fewer ${difference > 0 ? 'mails' : 'posts'}`];
}

/** For each message that came again with its id: how long after it came the sender was killed. */
export function windows(
  messages: readonly { readonly at: number; readonly id: string }[],
  killedAt: readonly number[],
): readonly number[] {
  const nextOf = new Map<string, number>();
  // From the end: what comes again is known when its first is met.
  return messages
    .toReversed()
    .flatMap(({ at, id }) => {
      const again = nextOf.get(id);
      nextOf.set(id, at);
      if (again === undefined) return [];
      const between = killedAt.find((moment) => moment >= at && moment <= again);
      // The receivers live in this process: on a busy machine they note a message only after the kill that followed it.
      const kill = between ?? killedAt.find((moment) => moment >= at - NOTED_LATE_MS && moment <= again);
      return [kill === undefined ? Infinity : Math.max(0, kill - at)];
    })
    .toReversed();
}
