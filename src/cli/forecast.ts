import { Command } from 'commander';

import { loadConfig } from '../config/load.ts';
import { compareSeverity, SEVERITIES } from '../plugin/notification.ts';
import { forecast, type Forecast, type Outlook } from '../policy/forecast.ts';
import { DEFAULT_AHEAD, parsePeriod } from '../policy/period.ts';
import { counted, utc } from '../policy/wording.ts';
import { openStore } from '../store/open.ts';
import { terminalText } from '../text/terminal.ts';
import { forecastJson } from '../web/forecast.ts';
import { gather } from './explain/knowledge.ts';
import { instant } from './instant.ts';
import { print } from './output.ts';
import { table, terminalWidth, type Column } from './table.ts';

const HELP = `
The rules that say what is wrong now say what will be wrong then, if nobody does anything: what ends, when it becomes a
warning and when critical, whom it concerns (the labels owner and service), and where. Looks are taken to go on. What
renews itself is shown as well: it ends on that day when its renewal fails.

A DATE is 2027-03-01, 2027-03-01T12:00 (UTC), or a time from now such as 30d.

Reads the store directly, also beside a running daemon; with its policy, as the config has it.

Examples:
  notafter forecast                                        the next ${DEFAULT_AHEAD}
  notafter forecast --from 2026-12-18 --until 2027-01-04   what breaks during the change freeze
  notafter forecast --at 2027-03-01                        everything that will be wrong on that day
  notafter forecast --until 30d --owner payments --json`;

/** What has no end comes last. */
const LATEST = Number.MAX_SAFE_INTEGER;
/** A terminal narrower than this gets days without their hour. */
const WIDE = 110;

interface Options {
  readonly config: string;
  readonly at?: string;
  readonly from?: string;
  readonly until?: string;
  readonly owner?: string;
  readonly service?: string;
  readonly all?: true;
  readonly json?: true;
}

export function forecastCommand(): Command {
  return new Command('forecast')
    .summary('say what will break, when, and for whom')
    .description('Say what will break within a time to come, when, and for whom.')
    .option('--config <file>', 'the config file, for the place of the store and the policy', 'notafter.yaml')
    .option('--at <date>', 'everything that will be wrong at this moment', instant)
    .option('--from <date>', 'from then on (default: now)', instant)
    .option('--until <date>', `until then, that day included (default: ${DEFAULT_AHEAD} after the start)`, instant)
    .option('--owner <name>', 'only what concerns this owner')
    .option('--service <name>', 'only what concerns this service')
    .option('--all', 'also what is no more than a note, such as old roots in a bundle')
    .option('--json', 'print one JSON document instead of a table')
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      const config = await loadConfig(options.config, process.env);
      const now = Date.now();
      const period = parsePeriod(options, now);
      const store = await openStore(config.store, { readOnly: true });
      try {
        const { locations, view } = await gather(store, config, now);
        const whole = forecast(locations, view, config.policy, period);
        const told = { ...whole, outlooks: whole.outlooks.filter((outlook) => concerns(outlook, options)) };
        print(
          options.json === true
            ? JSON.stringify(forecastJson(told), undefined, 2)
            : forecastScreen(told, terminalWidth(), options.all === true),
        );
      } finally {
        await store.close();
      }
    });
}

function concerns({ owners, services }: Outlook, { owner, service }: Options): boolean {
  return (owner === undefined || owners.includes(owner)) && (service === undefined || services.includes(service));
}

/** The forecast as a table that fits so many columns; notes are counted, and shown where `hasNotes`. */
export function forecastScreen(told: Forecast, width: number, hasNotes = false): string {
  const { fromAt, untilAt, outlooks, cut } = told;
  const shown = outlooks.filter(({ severity }) => hasNotes || severity !== 'info');
  const notes = outlooks.length - shown.length;
  const isMoment = fromAt === untilAt;
  return [
    ...(isMoment ? momentLines(shown, fromAt, width) : calendarLines({ ...told, outlooks: shown }, width)),
    ...(notes === 0 ? [] : [`\n${counted(notes, 'note')} beside that; --all shows them`]),
    ...cut.map((location) => terminalText(`not followed to the end, its changes are too many: ${location}`)),
  ].join('\n');
}

function momentLines(outlooks: readonly Outlook[], at: number, width: number): readonly string[] {
  if (outlooks.length === 0) return [`Nothing will be wrong at ${utc(at)}.`];
  const rows = outlooks.toSorted(
    (a, b) => compareSeverity(b.severity, a.severity) || (a.endsAt ?? LATEST) - (b.endsAt ?? LATEST),
  );
  return [`At ${utc(at)}:\n`, table(momentColumns(width), rows, width)];
}

function calendarLines(told: Forecast, width: number): readonly string[] {
  const { fromAt, untilAt, outlooks } = told;
  const changing = outlooks.filter(({ changes }) => changes.length > 0);
  const span = `${utc(fromAt)} to ${utc(untilAt)}`;
  return [
    ...(changing.length === 0
      ? [`Nothing breaks or gets worse from ${span}.`]
      : [`From ${span}, if nobody does anything:\n`, table(calendarColumns(fromAt, width), changing, width)]),
    ...standingLines(told),
  ];
}

function standingLines({ fromAt, outlooks }: Forecast): readonly string[] {
  const others = outlooks.filter(({ changes }) => changes.length === 0);
  if (others.length === 0) return [];
  const counts = SEVERITIES.toReversed().flatMap((severity) => {
    const count = others.filter((outlook) => outlook.severity === severity).length;
    return count === 0 ? [] : [`${count} ${severity}`];
  });
  return [
    `\nBad from the beginning and no worse later: ${counted(others.length, 'more cause')} (${counts.join(', ')}); to see: notafter forecast --at ${new Date(fromAt).toISOString().slice(0, 16)}`,
  ];
}

function calendarColumns(fromAt: number, width: number): readonly Column<Outlook>[] {
  return [
    endColumn(width),
    { title: 'WARNING', text: (outlook) => fromText(outlook, ['warning', 'critical'], fromAt) },
    { title: 'CRITICAL', text: (outlook) => fromText(outlook, ['critical'], fromAt) },
    ...commonColumns(),
  ];
}

function momentColumns(width: number): readonly Column<Outlook>[] {
  return [
    { title: 'SEVERITY', text: ({ severity }) => severity },
    { title: 'RULE', text: ({ rule }) => rule },
    endColumn(width),
    ...commonColumns(),
  ];
}

function endColumn(width: number): Column<Outlook> {
  const characters = width < WIDE ? 10 : 16;
  return {
    title: width < WIDE ? 'BREAKS' : 'BREAKS (UTC)',
    text: ({ endsAt }) =>
      endsAt === undefined ? '-' : new Date(endsAt).toISOString().replace('T', ' ').slice(0, characters),
  };
}

function commonColumns(): readonly Column<Outlook>[] {
  return [
    {
      title: 'FOR',
      text: ({ owners, services }) =>
        terminalText([owners.join(', '), services.join(', ')].filter((text) => text !== '').join(' / ') || '-'),
      shrinks: true,
    },
    { title: 'WHAT', text: ({ title }) => terminalText(title), shrinks: true },
    { title: 'WHERE', text: ({ locations }) => terminalText(whereText(locations)), shrinks: true },
  ];
}

/** The day from which it is so; `before` when the period begins so. */
function fromText({ standing, changes }: Outlook, levels: readonly string[], fromAt: number): string {
  if (standing !== undefined && levels.includes(standing)) return 'before';
  const at = changes.find(({ severity }) => levels.includes(severity))?.at;
  return at === undefined || at < fromAt ? '-' : new Date(at).toISOString().slice(0, 10);
}

function whereText([first = '', ...others]: readonly string[]): string {
  return others.length === 0 ? first : `${first} +${others.length}`;
}
