import { Command, InvalidArgumentError } from 'commander';

import { daysLeft } from '../certificate/lifetime.ts';
import { loadConfig } from '../config/load.ts';
import type { Location, Sighting } from '../inventory/model.ts';
import { terminalText } from '../text/terminal.ts';
import { openStore } from '../store/open.ts';
import { coverageAnswer } from './coverage.ts';
import { gather } from './explain/knowledge.ts';
import { endingOf, endOf, endText, untilText } from './item-text.ts';
import { titleOf } from '../policy/wording.ts';
import { print } from './output.ts';
import { table, terminalWidth } from './table.ts';

interface Options {
  readonly config: string;
  readonly source?: string;
  readonly within?: number;
  readonly coverage?: true;
  readonly json?: true;
}

interface Row {
  readonly location: Location;
  readonly sighting: Sighting;
}

const DAY_MS = 86_400_000;
/** Locations that could not be read are named up to here. */
const FIRST_FAILED = 20;

export function listCommand(): Command {
  return new Command('list')
    .summary('list everything known, what ends first first')
    .description(
      'List everything that the store knows, what ends first first. Reads the store directly, also beside a running daemon.',
    )
    .option('--config <file>', 'the config file, for the place of the store', 'notafter.yaml')
    .option('--source <name>', 'only this source')
    .option('--within <days>', 'only what ends within so many days, or has ended', parseDays)
    .option('--coverage', 'what notafter cannot see instead: what is not read, not watched, or without an owner')
    .option('--json', 'print one JSON document instead of a table')
    .action(async (options: Options) => {
      const config = await loadConfig(options.config, process.env);
      const store = await openStore(config.store, { readOnly: true });
      try {
        const { source, within } = options;
        const sources = (await store.inventory.sources()).map(({ name }) => name);
        if (source !== undefined && !sources.includes(source)) {
          throw new Error(`the store knows no source ${source}; it knows: ${sources.join(', ') || 'none'}`);
        }
        if (options.coverage === true) {
          print(coverageAnswer(await gather(store, config, Date.now()), config, options));
          return;
        }
        const locations = await store.inventory.locations(source === undefined ? {} : { source });
        const now = Date.now();
        const rows = locations
          .flatMap((location) => location.sightings.map((sighting) => ({ location, sighting })))
          .filter(({ sighting }) => within === undefined || endOf(sighting.item) <= now + within * DAY_MS)
          .toSorted((a, b) => endOf(a.sighting.item) - endOf(b.sighting.item));
        print(
          options.json
            ? JSON.stringify(
                rows.map((row) => rowJson(row, now)),
                undefined,
                2,
              )
            : screen(rows, locations, now),
        );
      } finally {
        await store.close();
      }
    });
}

function parseDays(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidArgumentError('expected a number of days');
  return Number(text);
}

function screen(rows: readonly Row[], locations: readonly Location[], now: number): string {
  const failed = locations.filter((location) => location.failure !== undefined);
  return [
    rows.length > 0 ? rowTable(rows, now) : 'Nothing to list.',
    ...failed
      .slice(0, FIRST_FAILED)
      .map(({ source, location, failure }) =>
        terminalText(`not read at the last look: ${location} (source ${source}): ${failure?.detail ?? ''}`),
      ),
    ...(failed.length > FIRST_FAILED ? [`… and ${failed.length - FIRST_FAILED} more that could not be read`] : []),
  ].join('\n');
}

function rowTable(rows: readonly Row[], now: number): string {
  return table<Row>(
    [
      { title: 'ENDS (UTC)', text: ({ sighting }) => endText(sighting.item) },
      { title: 'IN', text: ({ sighting }) => untilText(sighting.item, now) },
      { title: 'ROLE', text: ({ sighting }) => sighting.role },
      { title: 'NAME', text: ({ sighting }) => terminalText(titleOf(sighting.item)), shrinks: true },
      { title: 'SOURCE', text: ({ location }) => location.source },
      { title: 'WHERE', text: ({ location }) => terminalText(location.location), shrinks: true },
    ],
    rows,
    terminalWidth(),
  );
}

function rowJson({ location, sighting }: Row, now: number): object {
  const end = endingOf(sighting.item);
  return {
    kind: sighting.item.kind,
    id: sighting.item.id,
    name: titleOf(sighting.item),
    not_after: end?.status === 'known' ? new Date(end.at).toISOString() : null,
    not_after_status: end?.status ?? 'never',
    days_left: end?.status === 'known' ? daysLeft(end.at, now) : null,
    role: sighting.role,
    source: location.source,
    location: location.location,
    place: sighting.place,
    first_seen: new Date(sighting.firstSeenAt).toISOString(),
    last_seen: new Date(sighting.lastSeenAt).toISOString(),
  };
}
