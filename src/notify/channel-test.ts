import type { ChannelInstance } from '../plugin/channel.ts';
import type { Notification } from '../plugin/notification.ts';

/** The one attempt. */
const TEST_DEADLINE_MS = 30_000;

/** Sends one test notification and says what became of each recipient. */
export async function testChannel(
  instance: ChannelInstance,
  now: number,
): Promise<{ ok: boolean; lines: readonly string[] }> {
  const results = await instance.send(
    testNotification(now),
    instance.recipients(),
    undefined,
    AbortSignal.timeout(TEST_DEADLINE_MS),
  );
  return {
    ok: results.every((result) => result.status === 'delivered'),
    lines: results.map((result) =>
      result.status === 'delivered'
        ? `${result.recipient}: delivered`
        : `${result.recipient}: ${result.reason}: ${result.detail}`,
    ),
  };
}

/** What `channel test` sends: plainly a test, with nothing to do about it. */
function testNotification(now: number): Notification {
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
