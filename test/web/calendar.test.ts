import ICAL from 'ical.js';
import { describe, expect, test } from 'vitest';

import type { Outlook } from '../../src/policy/forecast.ts';
import { calendar } from '../../src/web/calendar.ts';
import { createWebStage } from '../helpers/web-stage.ts';
import { DAY, leaf, NOW } from '../policy/places.ts';

function outlook(title: string, more: Partial<Outlook> = {}): Outlook {
  return {
    family: 'expiry',
    cause: title,
    title,
    summary: '',
    rule: 'expiring',
    severity: 'critical',
    changes: [],
    endsAt: NOW + 10 * DAY,
    owners: ['payments'],
    services: [],
    locations: [`${title}:443`],
    ...more,
  };
}

/** As a strict parser reads it: line by line, folded at 75 octets, ended by CR LF. */
function events(text: string): readonly InstanceType<typeof ICAL.Event>[] {
  expect(text.endsWith('\r\n')).toBe(true);
  for (const line of text.slice(0, -2).split('\r\n')) {
    expect(Buffer.byteLength(line), line).toBeLessThanOrEqual(75);
    expect(line).not.toMatch(/[\n\r]/);
  }
  // A second look without the leniency of the first: every line is a property of what RFC 5545 has.
  const component = new ICAL.Component(ICAL.parse(text) as unknown[]);
  expect(component.getFirstPropertyValue('version')).toBe('2.0');
  expect(component.getFirstPropertyValue('prodid')).toBeTruthy();
  return component.getAllSubcomponents('vevent').map((one) => {
    expect(one.getFirstPropertyValue('dtstamp'), 'dtstamp').toBeTruthy();
    return new ICAL.Event(one);
  });
}

describe('the calendar', () => {
  test('has an event for every end to come, at its instant, with what and where', () => {
    const [event, ...others] = events(calendar([outlook('api.example.com')], {}, NOW, () => 'https://x.example/c/1'));
    expect(others).toEqual([]);
    expect(event?.summary).toBe('api.example.com ends');
    expect(event?.startDate.toJSDate().getTime()).toBe(NOW + 10 * DAY);
    expect(event?.startDate.zone.tzid).toBe('UTC');
    expect(event?.description).toBe(
      'api.example.com ends on 2026-02-11 12:00 UTC.\nOwner: payments\n1 place:\n- api.example.com:443',
    );
    expect(event?.component.getFirstPropertyValue('url')).toBe('https://x.example/c/1');
  });

  test('is for who is concerned', () => {
    const all = [
      outlook('a'),
      outlook('b', { owners: ['web'], services: ['shop'] }),
      outlook('c', { severity: 'warning' }),
      outlook('d', { severity: 'info' }),
      outlook('e', { endsAt: NOW - 40 * DAY }),
      outlook('f', { endsAt: NOW - DAY }),
    ];
    const titles = (filter: Parameters<typeof calendar>[1]): readonly string[] =>
      events(calendar(all, filter, NOW, () => undefined)).map(({ summary }) => summary);
    expect(titles({})).toEqual(['f ends', 'a ends', 'b ends', 'c ends']);
    expect(titles({ owner: 'web' })).toEqual(['b ends']);
    expect(titles({ service: 'shop' })).toEqual(['b ends']);
    expect(titles({ severity: 'critical' })).toEqual(['f ends', 'a ends', 'b ends']);
    expect(titles({ severity: 'info', owner: 'nobody' })).toEqual([]);
  });

  test('keeps the identity of an event while its end moves, and does not change while nothing does', () => {
    const one = (endsAt: number, now = NOW): string => calendar([outlook('a', { endsAt })], {}, now, () => undefined);
    expect(events(one(NOW + DAY))[0]?.uid).toBe(events(one(NOW + 9 * DAY))[0]?.uid);
    expect(one(NOW + DAY, NOW + 3_600_000)).toBe(one(NOW + DAY));
  });

  test.each([
    'x\r\nBEGIN:VALARM\r\nACTION:PROCEDURE',
    'a;b,c\\d:e"f',
    '\u202egnp.exe\u0000',
    'ä'.repeat(400),
    '\u{1f512}'.repeat(60),
    'END:VEVENT',
    '\\nDTSTART:19700101T000000Z',
  ])('stays one event whatever the names are: %j', (name) => {
    const found = events(
      calendar([outlook(name, { locations: [name], owners: [name] })], { owner: name }, NOW, () => undefined),
    );
    expect(found).toHaveLength(1);
    expect(found[0]?.component.getAllSubcomponents()).toEqual([]);
    expect(found[0]?.startDate.toJSDate().getTime()).toBe(NOW + 10 * DAY);
  });

  test('is served of the whole inventory by owner, with links to the page', async () => {
    const stage = await createWebStage();
    try {
      const answer = await stage.ask('/calendar.ics?owner=payments');
      expect([answer.status, answer.type]).toEqual([200, 'text/calendar; charset=utf-8']);
      const found = events(answer.text);
      expect(found.map(({ summary }) => summary)).toContain('api.example.com ends');
      expect(found.map(({ summary }) => summary)).not.toContain('shop.example.com ends');
      expect(answer.text.replaceAll('\r\n ', '')).toContain(
        `https://notafter.example.com/watch/certificates/${leaf('api.example.com').id}`,
      );
      expect((await stage.ask('/calendar.ics?owner=a&nonsense=1')).status).toBe(400);
    } finally {
      await stage.close();
    }
  });
});
