import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

import { parseConfig } from '../../src/config/load.ts';
import { startDaemon } from '../../src/daemon.ts';
import { eventually } from './eventually.ts';
import { parseExposition } from './exposition.ts';
import { seededRandom } from './kill-run.ts';
import { startHook } from './receivers.ts';
import { createStage } from './scenarios.ts';
import { startTlsServer } from './servers.ts';

const SERVERS = 4;
/** Timers and sockets come and go with looks: this many more than at first are no leak. */
const SLACK = 12;
/** The sources of the first config. */
const BASE: readonly string[] = ['base', 'steady'];

export interface ReloadResult {
  readonly reloads: number;
  readonly valid: number;
  readonly invalid: number;
  /** Invalid ones that were applied, valid ones that were refused, sources that are not those of the config. */
  readonly wrong: readonly string[];
  /** Looks that were made meanwhile. */
  readonly looks: number;
  /** What the process holds open, by kind: before, and after the last reload, to the first config. */
  readonly before: Readonly<Record<string, number>>;
  readonly after: Readonly<Record<string, number>>;
  readonly heapMebibytes: readonly [before: number, after: number];
  readonly leaked: readonly string[];
}

interface Draft {
  readonly text: string;
  /** Undefined: it is invalid. */
  readonly sources: readonly string[] | undefined;
}

/** Reloads a daemon in this process, while it looks at real servers, with configs at random, every third of them invalid. */
export async function runReloads(folder: string, count: number, seed: number): Promise<ReloadResult> {
  mkdirSync(folder, { recursive: true });
  const next = seededRandom(seed);
  const stage = createStage(folder);
  const hook = await startHook();
  const servers = await Promise.all(
    Array.from({ length: SERVERS }, (_, index) =>
      startTlsServer(stage.intermediate.issue({ names: [`host-${index}.reload.test`, '127.0.0.1'] })),
    ),
  );
  const password = path.join(folder, 'password');
  writeFileSync(password, 'a password that is long enough');
  const tail = `web: {listen: "127.0.0.1:0"}\nstore: "sqlite:${path.join(folder, 'notafter.db')}"\n`;
  const endpoint = (name: string, more = ''): string =>
    `  - {name: ${name}, type: endpoint, every: 1s, targets: [${servers
      .filter(() => next() < 0.7)
      .map(({ port }) => `"127.0.0.1:${port}"`)
      .concat(`"127.0.0.1:${servers[0]?.port}"`)
      .join(', ')}]${more}}\n`;
  const steady = `  - {name: steady, type: endpoint, every: 1s, targets: ["127.0.0.1:${servers[0]?.port}"]}\n`;
  const base = `sources:\n${steady}  - {name: base, type: file, every: 1h, paths: ["${folder}"]}\n${tail}`;

  function draft(): Draft {
    const names = ['a', 'b', 'c', 'd'].filter(() => next() < 0.5);
    const file = `  - {name: files, type: file, every: ${1 + Math.floor(next() * 5)}s, watch: ${next() < 0.3}, paths: ["${folder}"], labels: {n: "${next()}"}}\n`;
    const channels = next() < 0.6 ? `channels:\n  - {name: hook, type: webhook, url: "${hook.url}/${next()}"}\n` : '';
    const policy = next() < 0.5 ? `policy: {leaf: {warning: ${10 + Math.floor(next() * 30)}d}}\n` : '';
    const network = next() < 0.2 ? `network: {dns: {timeout: ${1 + Math.floor(next() * 3)}s}}\n` : '';
    const heartbeat = next() < 0.3 ? `heartbeat: {url: "${hook.url}/beat", every: 10s}\n` : '';
    const good = `sources:\n${steady}${names.map((name) => endpoint(name, `, labels: {team: "${next()}"}`)).join('')}${file}${channels}${policy}${network}${heartbeat}${tail}`;
    if (next() > 1 / 3) return { text: good, sources: ['steady', ...names, 'files'] };
    const faults = [
      `${good}surprise: 1\n`,
      good.replace('type: file', 'type: fiel'),
      good.replace(/every: \ds/, 'every: soon'),
      `${good}routes: [{channels: [nobody]}]\n`,
      good.replace('sources:\n', `sources:\n${file}`),
      `${good}  \t- [unclosed\n`,
      good.replace('sources:', 'sources: {}\nsources:'),
      // What only shows when it is opened.
      good.replace(
        'sources:\n',
        `sources:\n  - {name: late, type: endpoint, targets: ["127.0.0.1:1"], clients: [{name: x, certificate_file: /none/x, key_file: /none/y}], trust: {ca_files: [/none/z]}}\n`,
      ),
    ];
    return { text: faults[Math.floor(next() * faults.length)] ?? '', sources: undefined };
  }

  let text = base;
  const quiet = (): void => undefined;
  const daemon = await startDaemon({
    config: parseConfig('notafter.yaml', base, process.env),
    version: '0',
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    loadConfig: async () => parseConfig('notafter.yaml', text, process.env),
  });
  const declared = async (): Promise<readonly string[]> => {
    const samples = parseExposition(await (await fetch(`${daemon.url}/metrics`)).text());
    const names = samples
      .filter(({ name }) => name === 'notafter_location_up')
      .map(({ labels }) => labels['source'] ?? '');
    return [...new Set(names)].toSorted();
  };
  const lookCount = async (): Promise<number> => {
    const samples = parseExposition(await (await fetch(`${daemon.url}/metrics`)).text());
    return samples.reduce((sum, { name, value }) => sum + (name === 'notafter_observations_total' ? value : 0), 0);
  };
  const wrong: string[] = [];
  let [valid, invalid] = [0, 0];
  try {
    const settle = async (): Promise<Readonly<Record<string, number>>> => {
      text = base;
      await daemon.reload();
      await eventually(
        'only the first source is left',
        async () => (await declared()).every((name) => BASE.includes(name)),
        30_000,
      );
      return openThings();
    };
    // One round first: what is made once and kept is no leak.
    for (let round = 0; round < 5; round += 1) {
      text = draft().text;
      await daemon.reload();
    }
    const before = await settle();
    const heapBefore = process.memoryUsage().heapUsed;
    let inForce = BASE;
    for (let round = 0; round < count; round += 1) {
      const { text: drawn, sources } = draft();
      text = drawn;
      const { ok } = await daemon.reload();
      if (ok) valid += 1;
      else invalid += 1;
      if (ok !== (sources !== undefined)) wrong.push(`round ${round}: ${ok ? 'applied' : 'refused'}:\n${drawn}`);
      if (sources !== undefined) inForce = sources;
      // A source that was not looked at yet has no series; one that is not in the config must have none.
      const others = (await declared()).filter((name) => !inForce.includes(name));
      if (others.length > 0) wrong.push(`round ${round}: ${others.join()} are looked at and not in the config`);
    }
    let after = await settle();
    const looks = await eventually('something was looked at', async () => (await lookCount()) || undefined, 30_000);
    // What was under way at the last reload ends in a moment; a leak does not.
    for (const deadline = Date.now() + 20_000; Date.now() < deadline && leaks(before, after).length > 0;) {
      await wait(250);
      after = openThings();
    }
    const leaked = leaks(before, after);
    const heap = [heapBefore, process.memoryUsage().heapUsed].map((bytes) => Math.round(bytes / 1024 / 1024));
    const heapMebibytes = [heap[0] ?? 0, heap[1] ?? 0] as const;
    return { reloads: count, valid, invalid, wrong, looks, before, after, heapMebibytes, leaked };
  } finally {
    await daemon.stop();
    for (const server of servers) await server.close();
    await hook.close();
  }
}

function leaks(before: Readonly<Record<string, number>>, after: Readonly<Record<string, number>>): readonly string[] {
  return Object.entries(after).flatMap(([kind, many]) =>
    many > (before[kind] ?? 0) + SLACK ? [`${kind}: ${before[kind] ?? 0} before, ${many} after`] : [],
  );
}

function openThings(): Readonly<Record<string, number>> {
  const counts: Record<string, number> = { descriptors: readdirSync('/proc/self/fd').length };
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}
