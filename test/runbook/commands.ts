import type { KnownItem, Location, Sighting } from '../../src/inventory/model.ts';
import { itemSituation, join } from '../../src/runbook/gathering.ts';
import { PHASES, type Runbook } from '../../src/runbook/model.ts';
import { buildRunbook } from '../../src/runbook/runbook.ts';
import { fileLocation, NOW, sighting } from '../policy/places.ts';

/** The runbook about the end of an item that lies at one location of a cloud, and nowhere else. */
export function runbookAt(location: string, item: KnownItem, options: Partial<Sighting>): Runbook {
  const place: Location = { ...fileLocation([sighting(item, options)]), type: 'cloud', target: 'cloud', location };
  return buildRunbook(itemSituation(item, join([place], new Map(), NOW)));
}

/** Everything that it says to type. */
export function commandsAt(location: string, item: KnownItem, options: Partial<Sighting>): string {
  const runbook = runbookAt(location, item, options);
  return PHASES.flatMap((phase) =>
    runbook.phases[phase].flatMap(({ commands, choices }) => [
      ...commands,
      ...choices.flatMap((choice) => choice.commands),
    ]),
  ).join('\n');
}
