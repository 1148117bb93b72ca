import type { Config } from '../../config/config.ts';
import type { Location } from '../../inventory/model.ts';
import { counted, titleOf } from '../../policy/wording.ts';
import type { Store } from '../../store/store.ts';
import { terminalText } from '../../text/terminal.ts';
import { countText, endOf, untilText } from '../item-text.ts';

/** Places named at most. */
const FIRST_PLACES = 3;

/** What the first rounds found, in a few lines. `unfinished`: sources whose first round has not ended. */
export async function whatWasFound(
  store: Pick<Store, 'inventory' | 'alerts'>,
  unfinished: readonly string[],
  now: number,
): Promise<string> {
  const locations = await store.inventory.locations();
  const sightings = locations.flatMap((location) => location.sightings.map((sighting) => ({ location, sighting })));
  const next = sightings
    .filter(
      ({ sighting }) =>
        sighting.role !== 'trust-anchor' && endOf(sighting.item) > now && Number.isFinite(endOf(sighting.item)),
    )
    .toSorted((a, b) => endOf(a.sighting.item) - endOf(b.sighting.item))[0];
  const lines = [
    `Found ${countText(sightings.map(({ sighting }) => sighting.item))} at ${counted(locations.filter(isRead).length, 'location')}.`,
    `  ${await stateText(store)}`,
  ];
  if (next !== undefined) {
    lines.push(
      terminalText(
        `  Next to end: ${titleOf(next.sighting.item)}, in ${untilText(next.sighting.item, now)}, at ${next.location.location}.`,
      ),
    );
  }
  const failed = locations.filter((location) => location.failure !== undefined).map((location) => location.location);
  if (failed.length > 0) {
    lines.push(terminalText(`  ${counted(failed.length, 'location')} could not be read: ${named(failed)}.`));
  }
  if (unfinished.length > 0) lines.push(`  Still looking for the first time: ${named(unfinished)}.`);
  return lines.join('\n');
}

function isRead(location: Location): boolean {
  return location.sightings.length > 0;
}

function named(names: readonly string[]): string {
  return `${names.slice(0, FIRST_PLACES).join(', ')}${names.length > FIRST_PLACES ? ` and ${names.length - FIRST_PLACES} more` : ''}`;
}

/** How many locations are in which state: each counts once, by its worst finding. */
async function stateText(store: Pick<Store, 'alerts'>): Promise<string> {
  const critical = new Set<number>();
  const warning = new Set<number>();
  for (const { places } of await store.alerts.alerts({ state: 'open' })) {
    for (const { locationId, state, findings } of places) {
      if (state !== 'open') continue;
      if (findings.some(({ severity }) => severity === 'critical')) critical.add(locationId);
      if (findings.some(({ severity }) => severity === 'warning')) warning.add(locationId);
    }
  }
  const milder = warning.difference(critical).size;
  if (critical.size + milder === 0) return 'Nothing needs attention now.';
  return `${counted(critical.size, 'location')} critical, ${counted(milder, 'location')} to attend to soon.`;
}

/** How to add the first target and the first channel, while there are none. */
export function nextSteps(config: Pick<Config, 'file' | 'sources' | 'channels'>): string {
  const lines: string[] = [];
  if (!config.sources.some((source) => source.collector.type === 'endpoint')) {
    lines.push(
      '',
      `To watch a host, add to the sources of ${config.file}:`,
      '  - {name: partners, type: endpoint, every: 15m, targets: [api.example.com, payments.example.com:8443]}',
    );
  }
  if (config.channels.length === 0) {
    lines.push(
      '',
      `To be told, add to ${config.file}:`,
      '  channels:',
      '    - name: mail',
      '      type: email',
      '      smtp: {host: mail.example.com, port: 587, username: notafter, password_file: /run/secrets/smtp}',
      '      to: [oncall@example.com]',
    );
  }
  if (lines.length > 0) {
    lines.push('', `Then send SIGHUP to the daemon (kill -HUP ${process.pid}), or POST to its /-/reload.`);
  }
  return lines.join('\n');
}
