import { Command, Option } from 'commander';

import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { forecast } from '../policy/forecast.ts';
import { parsePeriod } from '../policy/period.ts';
import { openStore } from '../store/open.ts';
import type { Store } from '../store/store.ts';
import { itemQuery } from '../web/api/inventory.ts';
import { csvLines, itemRows } from '../web/api/rows.ts';
import { ROLES } from '../web/api/schemas.ts';
import { calendar } from '../web/calendar.ts';
import { gather } from './explain/knowledge.ts';
import { instant } from './instant.ts';
import { printAll } from './output.ts';

const FORMATS = ['json', 'csv', 'ics'] as const;
/** How far a calendar goes: as long as certificates of the public web may live, and some weeks. */
const CALENDAR_AHEAD = '430d';

const HELP = `
json and csv hold each certificate, revocation list and credential once, with its end, its names, its sources and at how
many places it is, what ends first first; the fields are those of GET /api/v1/certificates. ics is a calendar with one event
for each cause: what ends, whom it concerns and where.

A DATE is 2027-03-01, 2027-03-01T12:00 (UTC), or a time from now such as 30d.

Reads the store directly, also beside a running daemon, and writes to the standard output.

Examples:
  notafter export --format csv > certificates.csv
  notafter export --until 90d --owner payments
  notafter export --format ics --owner payments > payments.ics`;

interface Options {
  readonly config: string;
  readonly format: (typeof FORMATS)[number];
  readonly source?: string;
  readonly role?: (typeof ROLES)[number];
  readonly owner?: string;
  readonly from?: string;
  readonly until?: string;
}

export function exportCommand(): Command {
  return new Command('export')
    .summary('write everything known as JSON, CSV or a calendar')
    .description('Write everything that the store knows as JSON or CSV, or the ends to come as a calendar.')
    .option('--config <file>', 'the config file, for the place of the store and the policy', 'notafter.yaml')
    .addOption(new Option('--format <name>', 'what to write').choices(FORMATS).default('json'))
    .option('--source <name>', 'only what this source found (json, csv)')
    .addOption(new Option('--role <name>', 'only what has this role at a place (json, csv)').choices(ROLES))
    .option('--owner <name>', 'only what concerns this owner')
    .option('--from <date>', 'only what ends then or later', instant)
    .option('--until <date>', 'only what ends before', instant)
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      const config = await loadConfig(options.config, process.env);
      const store = await openStore(config.store, { readOnly: true });
      try {
        await printAll(options.format === 'ics' ? [await calendarOf(store, config, options)] : rowsOf(store, options));
      } finally {
        await store.close();
      }
    });
}

function rowsOf(store: Store, options: Options): AsyncGenerator<string> {
  const now = Date.now();
  const { config: _config, format, ...conditions } = options;
  const rows = itemRows(store.catalogue, itemQuery({ ...conditions, order: 'ends' }, now), now);
  return format === 'csv' ? csvLines(rows) : jsonLines(rows);
}

/** One array, an element on each line. */
async function* jsonLines(rows: AsyncIterable<object>): AsyncGenerator<string> {
  let before = '[\n';
  for await (const row of rows) {
    yield `${before}${JSON.stringify(row)}`;
    before = ',\n';
  }
  yield before === ',\n' ? '\n]\n' : '[]\n';
}

async function calendarOf(
  store: Store,
  config: Config,
  { source, role, owner, from, until }: Options,
): Promise<string> {
  if (source !== undefined || role !== undefined) {
    throw new Error('a calendar is of causes, which may be at many places: --source and --role are for json and csv');
  }
  const now = Date.now();
  const { locations, view } = await gather(store, config, now);
  const period = parsePeriod({ ...(from === undefined ? {} : { from }), until: until ?? CALENDAR_AHEAD }, now);
  const { outlooks } = forecast(locations, view, config.policy, period);
  return calendar(outlooks, { owner }, now, () => undefined);
}
