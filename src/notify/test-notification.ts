import type { Notification } from '../plugin/notification.ts';

/** What `channel test` sends: plainly a test, with nothing to do about it. */
export function testNotification(now: number): Notification {
  return {
    id: `test-${now}`,
    kind: 'test',
    reason: 'first',
    severity: 'info',
    at: new Date(now),
    group: `test-${now}`,
    alerts: [],
    alertCount: 0,
  };
}
