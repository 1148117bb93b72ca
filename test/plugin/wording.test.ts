import { expect, test } from 'vitest';

import type { Notification } from '../../src/plugin/notification.ts';
import { headline } from '../../src/plugin/wording.ts';
import { notice, notification } from '../helpers/notifications.ts';

test.each<[Partial<Notification>, string]>([
  [{ reason: 'first' }, 'Critical: '],
  [{ reason: 'worse', previousSeverity: 'warning' }, 'Worse, now critical: '],
  [{ reason: 'worse', previousSeverity: 'critical' }, 'Worse, still critical: '],
  [{ reason: 'repeat', previousSeverity: 'critical' }, 'Still critical: '],
])('a headline says what is new about %j', (overrides, opening) => {
  const alerts = [notice({ title: 'short.test', endsAt: new Date('2026-12-31T23:00:00Z'), placeCount: 1 })];
  expect(headline(notification({ ...overrides, alerts }))).toBe(`${opening}short.test ended 1 hour ago`);
});
