import type { Daemon } from '../../src/daemon.ts';
import type { Alert } from '../../src/notify/model.ts';
import { alertSituation, join } from '../../src/runbook/gathering.ts';
import type { Runbook } from '../../src/runbook/model.ts';
import { buildRunbook } from '../../src/runbook/runbook.ts';
import { eventually } from './eventually.ts';

/** The open alert about the end of something, once it is open at so many places. */
export function alertAbout({ store }: Daemon, cause: string, places: number): Promise<Alert> {
  return eventually(`the alert about ${cause} is open at all its places`, async () => {
    const open = await store.alerts.alerts({ state: 'open' });
    const found = open.find((alert) => alert.cause === cause && alert.family === 'expiry');
    return found !== undefined && found.places.length >= places && found;
  });
}

/** Its runbook, by what is known at this moment. */
export async function runbookOf({ store }: Daemon, alert: Alert): Promise<Runbook> {
  return buildRunbook(alertSituation(alert, join(await store.inventory.locations({}), new Map(), Date.now())));
}

/** Everything that a runbook says to type. */
export function commandsOf(runbook: Runbook): string {
  return Object.values(runbook.phases)
    .flatMap((steps) => steps.flatMap(({ commands }) => commands))
    .join('\n');
}
