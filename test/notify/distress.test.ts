import { describe, expect, test } from 'vitest';

import { createDistress, type Distress } from '../../src/notify/distress.ts';
import type { ChannelInstance } from '../../src/plugin/channel.ts';
import type { Notification } from '../../src/plugin/notification.ts';
import { START } from '../helpers/notify-scenario.ts';

const MINUTE = 60_000;

interface Bench {
  readonly distress: Distress;
  readonly sent: Notification[];
  readonly to: string[];
  now: number;
  isDown: boolean;
  isMuted: boolean;
  pursue(): Promise<void>;
}

function bench(): Bench {
  const instance = (name: string): ChannelInstance => ({
    recipients: () => [name],
    async send(notification, recipients) {
      if (self.isDown && name === 'mail') throw new Error('down');
      self.sent.push(notification);
      self.to.push(...recipients);
      return recipients.map((recipient) => ({ recipient, status: 'delivered' }));
    },
  });
  const quiet = (): void => undefined;
  const self: Bench = {
    distress: createDistress({
      channels: () =>
        new Map([
          ['mail', instance('mail')],
          ['chat', instance('chat')],
        ]),
      isMuted: () => self.isMuted,
      clock: { now: () => self.now },
      log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    }),
    sent: [],
    to: [],
    now: START,
    isDown: false,
    isMuted: false,
    pursue: () => self.distress.pursue(new AbortController().signal),
  };
  return self;
}

describe('a store that takes no writes', () => {
  test('is told to everybody once, after a minute, and once more when it is over', async () => {
    const work = bench();
    for (let at = 0; at <= 5 * MINUTE; at += 10_000) {
      work.now = START + at;
      work.distress.storeFails('database or disk is full');
      await work.pursue();
      expect(work.sent.length).toBe(at < MINUTE ? 0 : 2);
    }
    expect(work.to).toEqual(['mail', 'chat']);
    expect(work.sent[0]).toMatchObject({
      reason: 'first',
      severity: 'critical',
      alerts: [{ rules: ['store-failing'] }],
    });
    expect(work.sent[0]?.alerts[0]?.summary).toContain('disk is full');
    work.distress.storeWorks();
    await work.pursue();
    await work.pursue();
    expect(work.sent.slice(2).map(({ reason }) => reason)).toEqual(['resolved', 'resolved']);
    expect(new Set(work.sent.map(({ group }) => group)).size).toBe(1);
  });

  test('wakes nobody when it works again within a minute, however often', async () => {
    const work = bench();
    for (let at = 0; at < 10 * MINUTE; at += 30_000) {
      work.now = START + at;
      work.distress.storeFails('busy');
      work.distress.storeWorks();
      await work.pursue();
    }
    expect(work.sent).toEqual([]);
  });

  test('is told again only to whom it did not reach, and its end only to whom it did', async () => {
    const work = bench();
    work.isDown = true;
    work.distress.storeFails('full');
    work.now += 2 * MINUTE;
    work.distress.storeFails('full');
    await work.pursue();
    await work.pursue();
    expect(work.to).toEqual(['chat']);
    work.distress.storeWorks();
    work.isDown = false;
    await work.pursue();
    expect(work.to).toEqual(['chat', 'chat']);
  });

  test('is told to nobody in a dry run', async () => {
    const work = bench();
    work.isMuted = true;
    work.distress.storeWasDamaged('page 7', '/x.damaged', 'Silences are lost.');
    await work.pursue();
    expect(work.sent).toEqual([]);
  });
});

test('what was lost with a damaged store is told to everybody', async () => {
  const work = bench();
  work.distress.storeWasDamaged('1 of its pages is not as written', '/data/x.damaged-1', 'Silences are lost.');
  await work.pursue();
  await work.pursue();
  expect(work.to).toEqual(['mail', 'chat']);
  expect(work.sent[0]?.alerts[0]).toMatchObject({
    rules: ['store-damaged'],
    summary: expect.stringContaining('Silences are lost.'),
  });
});
