import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';

import { ConfigError } from '../../src/config/document.ts';
import { parseConfig } from '../../src/config/load.ts';
import { configJsonSchema } from '../../src/config/schema.ts';

const CHANNELS = `channels:
  - {name: mail, type: email, smtp: {host: mail.example.com}, to: [a@example.com]EXTRA}
  - {name: pager, type: webhook, url: "https://hook.example.com/"}
`;

const parse = (text: string): ReturnType<typeof parseConfig> => parseConfig('notafter.yaml', text, {});
const withRoute = (route: string): string =>
  `${CHANNELS.replace('EXTRA', '')}routes:\n  - {channels: [mail], ${route}}\n`;
const withChannel = (extra: string): string => CHANNELS.replace('EXTRA', `, ${extra}`);

function problemsOf(text: string): string {
  try {
    parse(text);
    return '';
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message;
  }
}

describe('what a config says about who is told what', () => {
  test.each([
    ['group_by: [owner, family]', { groupBy: ['owner', 'family'] }],
    ['group_by: []', { groupBy: [] }],
    [
      'quiet_hours: {from: "22:00", to: "07:30", timezone: Europe/Vienna}',
      { quietHours: { fromMinute: 1_320, toMinute: 450, timezone: 'Europe/Vienna' } },
    ],
    ['digest: daily at 08:00', { digest: { rhythm: 'daily', weekday: 1, minute: 480, timezone: 'UTC' } }],
    [
      'digest: weekly on friday at 17:15 Asia/Tokyo',
      { digest: { rhythm: 'weekly', weekday: 5, minute: 1_035, timezone: 'Asia/Tokyo' } },
    ],
    ['digest: weekly on sunday at 00:00', { digest: { rhythm: 'weekly', weekday: 0, minute: 0, timezone: 'UTC' } }],
    [
      'escalate: {after: 30m, channels: [pager]}',
      { escalate: { afterMs: 1_800_000, channels: ['pager'], when: 'unacknowledged' } },
    ],
  ])('a route may say %s', (route, expected) => {
    expect(parse(withRoute(route)).routes[0]).toMatchObject(expected);
  });

  test.each([
    ['rate: 20/m', { rate: { count: 20, windowMs: 60_000 } }],
    ['rate: 1/s', { rate: { count: 1, windowMs: 1_000 } }],
    ['rate: 100/10m', { rate: { count: 100, windowMs: 600_000 } }],
    ['quiet_hours: {from: "12:00", to: "13:00"}', { quietHours: { fromMinute: 720, toMinute: 780, timezone: 'UTC' } }],
  ])('a channel may say %s', (extra, expected) => {
    const [channel] = parse(withChannel(extra)).channels;
    expect(channel).toMatchObject(expected);
    expect(channel?.options).not.toHaveProperty('rate');
    expect(channel?.options).not.toHaveProperty('quiet_hours');
  });

  test.each([
    [
      '{url: "https://hc.example.com/x"}',
      { url: { text: 'https://hc.example.com/x' }, everyMs: 60_000, patienceMs: 600_000 },
    ],
    [
      '{url_file: /run/secrets/hc, every: 5m, patience: 1h}',
      { url: { file: '/run/secrets/hc' }, everyMs: 300_000, patienceMs: 3_600_000 },
    ],
  ])('the heartbeat may be %s', (heartbeat, expected) => {
    expect(parse(`heartbeat: ${heartbeat}\n`).heartbeat).toEqual(expected);
  });

  test('storms have a default, and can be switched off', () => {
    expect(parse('').notifications.stormAfter).toBe(20);
    expect(parse('notifications: {storm_after: 0}\n').notifications.stormAfter).toBe(0);
  });

  test.each([
    [withRoute('group_by: [a-b]'), 'routes[0].group_by[0]: expected a label name'],
    [withRoute('quiet_hours: {from: "25:00", to: "07:00"}'), 'routes[0].quiet_hours.from: expected a time of day'],
    [withRoute('quiet_hours: {from: "07:00", to: "07:00"}'), 'from and to are the same time'],
    [withRoute('quiet_hours: {from: "22:00", to: "07:00", timezone: Vienna}'), '"Vienna" is no time zone'],
    [withRoute('digest: monthly'), 'written like "daily at 08:00'],
    [withRoute('digest: daily at 8'), 'written like "daily at 08:00'],
    [withRoute('digest: weekly on mon at 08:00'), '"mon" is no day of the week'],
    [withRoute('digest: daily at 08:00 Mars/Olympus'), '"Mars/Olympus" is no time zone'],
    [withRoute('escalate: {after: 30m, channels: [pagr]}'), 'there is no channel "pagr"; did you mean "pager"?'],
    [withRoute('escalate: {after: soon, channels: [pager]}'), 'is not a duration'],
    [withChannel('rate: 20'), 'channels[0].rate'],
    [withChannel('rate: 0/m'), 'at least one message'],
    ['heartbeat: {every: 1m}\n', 'give either url or url_file'],
    ['heartbeat: {url: "ftp://x/", every: 1m}\n', 'heartbeat.url'],
    ['heartbeat: {url: "https://x/", every: 10ms}\n', 'must be at least 1s'],
    ['notifications: {storm_after: -1}\n', 'notifications.storm_after'],
  ])('what is wrong is said: %#', (text, message) => {
    expect(problemsOf(text)).toContain(message);
  });

  test('the JSON Schema knows all of it as it is written', () => {
    const validate = new Ajv({ strict: false, validateFormats: false, validateSchema: false }).compile(
      configJsonSchema(),
    );
    const route = {
      channels: ['mail'],
      group_by: ['owner'],
      quiet_hours: { from: '22:00', to: '07:00' },
      digest: 'daily at 08:00',
      escalate: { after: '30m', channels: ['pager'] },
    };
    expect(validate({ routes: [route], heartbeat: { url: 'https://x/', every: '1m' } })).toBe(true);
    expect(validate({ routes: [{ ...route, escalate: { after: 30 } }] })).toBe(false);
  });
});
