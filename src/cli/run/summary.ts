import type { Config } from '../../config/config.ts';
import type { Store } from '../../store/store.ts';
import { terminalText } from '../../text/terminal.ts';
import { endOf, titleOf, untilText } from '../item-text.ts';

/** What the first rounds found, in a few lines. */
export async function whatWasFound(store: Store, now: number): Promise<string> {
  const locations = await store.inventory.locations();
  const sightings = locations.flatMap((location) => location.sightings.map((sighting) => ({ location, sighting })));
  const distinct = new Set(sightings.map(({ sighting }) => sighting.item.id));
  const failed = locations.filter((location) => location.failure !== undefined);
  const next = sightings
    .filter(({ sighting }) => sighting.role !== 'trust-anchor' && endOf(sighting.item) > now)
    .toSorted((a, b) => endOf(a.sighting.item) - endOf(b.sighting.item))[0];
  const open = (await store.alerts.alerts({ state: 'open' })).flatMap((alert) => alert.places.flatMap((place) => place.findings.map((finding) => finding.severity)));
  const lines = [
    `Found ${distinct.size} certificates and other things that end, at ${locations.length} locations.`,
    `  ${open.filter((severity) => severity === 'critical').length} places are critical, ${open.filter((severity) => severity === 'warning').length} need attention soon.`,
  ];
  if (next !== undefined) lines.push(`  Next to end: ${terminalText(titleOf(next.sighting.item))} in ${untilText(next.sighting.item, now)}, at ${terminalText(next.location.location)}.`);
  if (failed.length > 0) lines.push(`  ${failed.length} locations could not be read: ${failed.slice(0, 3).map((location) => terminalText(location.location)).join(', ')}${failed.length > 3 ? ', …' : ''}.`);
  return lines.join('\n');
}

/** How to add the first target and the first channel, while there are none. */
export function nextSteps(config: Config): string {
  const lines: string[] = [];
  if (!config.sources.some((source) => source.collector.type === 'endpoint')) {
    lines.push('', `To watch a host, add to the sources of ${config.file}:`, '  - {name: partners, type: endpoint, every: 15m, targets: [api.example.com, payments.example.com:8443]}');
  }
  if (config.channels.length === 0) {
    lines.push('', `To be told, add to ${config.file}:`, '  channels:', '    - name: mail', '      type: email', '      smtp: {host: mail.example.com, port: 587, username: notafter, password_file: /run/secrets/smtp}', '      to: [oncall@example.com]');
  }
  if (lines.length > 0) lines.push('', 'then: kill -HUP the daemon, or curl -X POST its /-/reload.');
  return lines.join('\n');
}
