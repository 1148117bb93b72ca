import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

import { afterAll, describe, expect, it } from 'vitest';

import { startDaemonProcess } from '../helpers/daemon-process.ts';
import { eventually } from '../helpers/eventually.ts';
import { createStage } from '../helpers/scenarios.ts';
import { startHook, startMailbox } from '../helpers/receivers.ts';
import { startTlsServer } from '../helpers/servers.ts';

const KILLS = 50;
const CERTIFICATES = 24;
/** Time from the first end to the last: ends fall all over the kills. */
const SPREAD_MS = 60_000;
const FIRST_END_MS = 20_000;
const LIFE_MS = 120_000;
/** A message that comes twice came at most this long before the kill: on a busy machine a commit may have to wait its turn. */
const WINDOW_MS = 5_000;

interface Told {
  readonly id: string;
  readonly reason: string;
  readonly alert: string;
  readonly title: string;
  readonly severity: string;
  readonly rules: readonly string[];
}

/** A small generator with a seed, so that a run can be repeated. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** For each message that came again with its id: how long after it came the sender was killed. */
function windows(
  messages: readonly { readonly at: number; readonly id: string }[],
  killedAt: readonly number[],
): readonly number[] {
  return messages.flatMap(({ at, id }, index) => {
    const again = messages.slice(index + 1).find((other) => other.id === id);
    return again === undefined ? [] : [(killedAt.find((kill) => kill >= at) ?? Infinity) - at];
  });
}

describe('the daemon, killed again and again', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-kill-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it(
    `loses no alert and tells nothing anew in ${KILLS} kills while ${CERTIFICATES} certificates end`,
    { timeout: 240_000 },
    async () => {
      const seed = Number(process.env['NOTAFTER_SEED'] ?? Date.now() % 1_000_000);
      const next = random(seed);
      const stage = createStage(folder);
      const startedAt = Date.now();
      const servers = await Promise.all(
        Array.from({ length: CERTIFICATES }, (_, index) => {
          const notAfter = startedAt + FIRST_END_MS + (SPREAD_MS * index) / CERTIFICATES;
          return startTlsServer(
            stage.intermediate.issue({
              names: [`host-${index}.kill.test`, '127.0.0.1'],
              notBefore: new Date(notAfter - LIFE_MS),
              notAfter: new Date(notAfter),
            }),
          );
        }),
      );
      const hook = await startHook();
      const mailbox = await startMailbox();
      const config = path.join(folder, 'notafter.yaml');
      writeFileSync(
        config,
        `sources:
  - {name: servers, type: endpoint, every: 1s, timeout: 5s, targets: [${servers.map(({ port }) => `"127.0.0.1:${port}"`).join(', ')}]}
channels:
  - {name: hook, type: webhook, url: "${hook.url}/told"}
  - {name: mail, type: email, smtp: {host: 127.0.0.1, port: ${mailbox.port}, secure: none}, from: notafter@lab.test, to: [oncall@lab.test]}
notifications: {storm_after: 0}
web: {listen: "127.0.0.1:0"}
log: {level: error}
store: "sqlite:${path.join(folder, 'notafter.db')}"
`,
      );

      const killedAt: number[] = [];
      for (let kill = 0; kill < KILLS; kill++) {
        const daemon = await startDaemonProcess(config, { cwd: folder });
        await wait(next() * 900);
        killedAt.push(Date.now());
        await daemon.kill();
      }
      await wait(Math.max(0, startedAt + FIRST_END_MS + SPREAD_MS - Date.now()));
      const daemon = await startDaemonProcess(config, { cwd: folder });

      const told = (): readonly Told[] =>
        hook.received.flatMap(({ body }) => {
          const { id, reason, alerts } = JSON.parse(body) as {
            id: string;
            reason: string;
            alerts: { id: string; title: string; severity: string; rules: string[] }[];
          };
          return alerts.map((alert) => ({
            id,
            reason,
            alert: alert.id,
            title: alert.title,
            severity: alert.severity,
            rules: alert.rules,
          }));
        });
      const ended = (): ReadonlySet<string> =>
        new Set(
          told()
            .filter((one) => one.rules.includes('expired'))
            .map((one) => one.title),
        );
      await eventually('every end is told', () => ended().size === CERTIFICATES, 30_000);
      const mailed = (): ReadonlySet<string> => new Set(mailbox.received.map(({ mail }) => mail.messageId ?? ''));
      await eventually(
        'every mail has arrived',
        () => mailed().size === new Set(hook.received.map(({ body }) => (JSON.parse(body) as Told).id)).size,
        30_000,
      );
      expect(await daemon.stop()).toBe(0);

      const posts = hook.received.map(({ at, headers }) => ({ at, id: String(headers['idempotency-key']) }));
      const mails = mailbox.received.map(({ at, mail }) => ({ at, id: mail.messageId ?? '' }));
      const [repeatedPosts, repeatedMails] = [windows(posts, killedAt), windows(mails, killedAt)];
      const longest = Math.max(0, ...repeatedPosts, ...repeatedMails);
      const news = [...new Map(told().map((one) => [one.id + one.alert, one])).values()];
      const twice = news.filter((one, index) =>
        news.some(
          (other, at) =>
            at < index &&
            other.alert === one.alert &&
            other.reason === one.reason &&
            other.severity === one.severity &&
            other.rules.join() === one.rules.join(),
        ),
      );
      const firsts = news.filter((one) => one.reason === 'first');
      console.log(
        `seed ${seed}: ${KILLS} kills, ${CERTIFICATES} certificates ended, ${news.length} notifications on 2 channels; lost 0 of ${CERTIFICATES}, told anew ${twice.length}, ` +
          `repeated with the same id because killed between send and commit: ${repeatedPosts.length} of ${posts.length} posts, ` +
          `${repeatedMails.length} of ${mails.length} mails, at most ${longest} ms before the kill`,
      );
      expect(ended().size).toBe(CERTIFICATES);
      expect(longest).toBeLessThan(WINDOW_MS);
      expect(twice).toEqual([]);
      expect(firsts).toHaveLength(CERTIFICATES);
      expect(news.every((one) => one.reason === 'first' || one.reason === 'worse')).toBe(true);

      for (const server of [...servers, hook, mailbox]) await server.close();
    },
  );
});
