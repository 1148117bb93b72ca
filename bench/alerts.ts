import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { webhook } from '../alerts/webhook/index.ts';
import { parseMatcher } from '../src/label/matcher.ts';
import { reasonToTell } from '../src/notify/dedup.ts';
import { createDeliverer } from '../src/notify/deliver.ts';
import { groupOf } from '../src/notify/group.ts';
import { alertId } from '../src/notify/identity.ts';
import type { Alert } from '../src/notify/model.ts';
import { mute } from '../src/notify/mute.ts';
import type { NotifyOptions, Route } from '../src/notify/options.ts';
import type { Rate } from '../src/notify/pace.ts';
import { route } from '../src/notify/route.ts';
import { activeSilences, type ActiveSilence } from '../src/notify/silence.ts';
import { standingOf } from '../src/notify/standing.ts';
import { messagesOf, type Word } from '../src/notify/word.ts';
import type { Notification } from '../src/plugin/notification.ts';
import { openSqlite } from '../src/store/sqlite.ts';
import { benchContext, line, median, measure, type Measure } from './measure.ts';

const ALERTS = 100_000;
const OWNERS = 40;
const ROUNDS = 5;
const NOW = Date.UTC(2027, 0, 1);
const DAY_MS = 86_400_000;

const MESSAGES = 5_000;
/** Of the strictest receivers: PagerDuty takes 120 calls in a minute; here at the same ratio in a second. */
const RATES: readonly { readonly name: string; readonly rate: Rate | undefined; readonly messages: number }[] = [
  { name: 'as fast as it takes them', rate: undefined, messages: MESSAGES },
  { name: 'at most 120 in a second', rate: { count: 120, windowMs: 1_000 }, messages: 600 },
  { name: 'at most 10 in a second', rate: { count: 10, windowMs: 1_000 }, messages: 50 },
];

/** Stages on open alerts in memory, then the outbox of a store on disk against a receiver that answers at once. */
export async function benchAlerts(): Promise<string> {
  const alerts = Array.from({ length: ALERTS }, (_, index) => openAlert(index));
  const options = optionsOf();
  const silences = activeSilences([silence('owner="team-7"'), silence('location=~"host-1.*"')], NOW);
  const routed: Measure[] = [];
  const told: Measure[] = [];
  let groups = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    routed.push(
      await measure(async () => {
        groups = grouped(alerts, options);
        return ALERTS;
      }),
    );
    told.push(
      await measure(async () => {
        allStages(alerts, options, silences);
        return ALERTS;
      }),
    );
  }
  return [
    `alerts: ${ALERTS} open alerts of ${OWNERS} owners, ${options.routes.length} routes, 2 channels each; ${ROUNDS} rounds, medians`,
    line(`route → group (${groups} groups)`, median(routed)),
    `    ${Math.round(median(routed).wallMs)} ms for all`,
    line('route → group → mute (2 silences) → dedup', median(told)),
    `    ${Math.round(median(told).wallMs)} ms for all`,
    'outbox: SQLite on disk, one channel by HTTP, a receiver on loopback that answers at once',
    ...(await deliveries()),
  ].join('\n');
}

function optionsOf(): NotifyOptions {
  const routes: Route[] = Array.from({ length: OWNERS / 2 }, (_, index) => ({
    matchers: [
      parseMatcher(`owner=~"team-(${index * 2}|${index * 2 + 1})"`),
      parseMatcher('severity=~"warning|critical"'),
    ],
    channels: ['mail', `chat-${index}`],
    groupBy: ['owner', 'family'],
  }));
  return {
    channels: ['mail', ...Array.from({ length: OWNERS / 2 }, (_, index) => `chat-${index}`)],
    routes,
    recipients: (channel) => [channel],
    isNew: () => false,
    runbookUrl: () => undefined,
  };
}

function silence(matcher: string): Parameters<typeof activeSilences>[0][number] {
  return {
    id: matcher,
    matchers: [matcher],
    createdAt: NOW - DAY_MS,
    until: NOW + DAY_MS,
    author: 'bench',
    comment: '',
  };
}

function openAlert(index: number): Alert {
  const cause = `cause-${index}`;
  return {
    id: alertId('expiry', cause),
    family: 'expiry',
    cause,
    state: 'open',
    generation: 1,
    openedAt: NOW - index,
    awaitsDigest: false,
    told: [],
    places: [1, 2].map((place) => ({
      locationId: index * 2 + place,
      source: `source-${index % 10}`,
      location: `host-${index}:443@10.0.0.${place}`,
      target: `host-${index}:443`,
      labels: { owner: `team-${index % OWNERS}`, env: 'production' },
      state: 'open',
      findings: [
        {
          rule: 'expiring',
          family: 'expiry',
          severity: index % 10 === 0 ? 'critical' : 'warning',
          cause,
          title: `host-${index}`,
          summary: 'It ends soon.',
          endsAt: NOW + 20 * DAY_MS,
          facts: [],
          actions: [],
        },
      ],
      firstAt: NOW,
      lastAt: NOW,
      goodLooks: 0,
    })),
  };
}

function grouped(alerts: readonly Alert[], options: NotifyOptions): number {
  const groups = new Set<string>();
  for (const alert of alerts) {
    const standing = standingOf(alert);
    if (standing === undefined) continue;
    for (const lead of route(alert, options)) groups.add(`${lead.channel} ${groupOf(alert, standing, lead)}`);
  }
  return groups.size;
}

function allStages(alerts: readonly Alert[], options: NotifyOptions, silences: readonly ActiveSilence[]): number {
  const words: Word[] = [];
  for (const alert of alerts) {
    const standing = standingOf(alert);
    if (standing === undefined) continue;
    for (const lead of route(alert, options)) {
      const { channel, route: by } = lead;
      const hearing = {
        alert,
        standing,
        channel,
        told: undefined,
        routed: true,
        minimumSeverity: 'warning',
        now: NOW,
      } as const;
      const reason = reasonToTell(hearing);
      if (reason === undefined) continue;
      const hold = mute({ hearing, reason, route: by, silences, options, dueAt: undefined, isCollection: false });
      const group = groupOf(alert, standing, lead);
      if (hold === undefined) words.push({ alert, standing, channel, reason, told: undefined, route: by, group });
    }
  }
  return messagesOf(words).length;
}

async function deliveries(): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const { name, rate, messages } of RATES) {
    const done = await deliver(messages, rate);
    lines.push(line(name, done));
  }
  return lines;
}

async function deliver(messages: number, rate: Rate | undefined): Promise<Measure> {
  let received = 0;
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      received += 1;
      response.end('ok');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  using folder = temporaryFolder();
  const store = await openSqlite(`${folder.path}/bench.db`);
  const instance = await webhook.create(webhook.options.parse({ url: `http://127.0.0.1:${port}/` }), benchContext());
  await store.transaction(async (tx) => {
    for (let index = 0; index < messages; index += 1) {
      await tx.alerts.enqueue(
        { channel: 'hook', notification: message(index), recipients: instance.recipients() },
        Date.now(),
      );
    }
  });
  const silent = (): void => undefined;
  const deliverer = createDeliverer({
    outbox: store.outbox,
    channels: new Map([['hook', instance]]),
    clock: { now: Date.now },
    random: Math.random,
    log: { debug: silent, info: silent, warn: silent, error: silent },
    rate: () => rate,
  });
  const measured = await measure(async () => {
    const { signal } = new AbortController();
    while (received < messages) {
      await deliverer.run(signal);
      await deliverer.idle();
      const free = deliverer.waitsUntil();
      if (free !== undefined) await new Promise((resolve) => setTimeout(resolve, free - Date.now()));
    }
    return received;
  });
  await instance.close?.();
  await store.close();
  server.close();
  server.closeAllConnections();
  return measured;
}

function temporaryFolder(): { readonly path: string } & Disposable {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-bench-'));
  return { path: folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

function message(index: number): Notification {
  return {
    id: `message-${index}`,
    kind: 'alert',
    reason: 'first',
    severity: 'warning',
    at: new Date(),
    group: `group-${index}`,
    alerts: [],
    alertCount: 1,
  };
}
