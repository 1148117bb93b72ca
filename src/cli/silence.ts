import { userInfo } from 'node:os';

import { Command, InvalidArgumentError } from 'commander';
import { z } from 'zod';

import { DurationError, parseDuration } from '../label/duration.ts';
import { MatcherError, parseMatcher } from '../label/matcher.ts';
import { terminalText } from '../text/terminal.ts';
import { askDaemon, withDaemonOptions, type DaemonOptions } from './daemon-api.ts';
import { complain, EXIT, print } from './output.ts';
import { table, terminalWidth } from './table.ts';

const Silence = z.object({
  id: z.string(),
  state: z.enum(['active', 'expired']),
  matchers: z.array(z.string()),
  until: z.string(),
  author: z.string(),
  comment: z.string(),
});
type SilenceRow = z.output<typeof Silence>;
const Silences = z.object({ silences: z.array(Silence) });
const Acknowledged = z.object({ id: z.string(), title: z.string(), severity: z.string() });

interface AddOptions extends DaemonOptions {
  readonly for?: number;
  readonly until?: Date;
  readonly author: string;
  readonly comment: string;
}

const ADD_HELP = `
Matchers are Alertmanager's: owner="payments", rule=~"expir.*", alert="0123456789abcdef". An alert is quiet while silences
cover every place it is about. A silence ends at its time, and for each alert at the latest when the certificate ends,
unless it was made after that. What is still open then is told. What was told before is told to be resolved all the same.`;

export function silenceCommand(): Command {
  const command = new Command('silence')
    .summary('keep alerts quiet for a time')
    .description('Keep alerts quiet for a time. Through the running daemon.');
  withDaemonOptions(
    command
      .command('add')
      .argument('<matcher...>', 'what it covers; all matchers must match')
      .summary('add a silence')
      .description('Add a silence.')
      .option('--for <duration>', 'how long: 2h, 3d', durationArgument)
      .option('--until <date>', 'until when, instead: 2027-03-01 or 2027-03-01T12:00:00Z', dateArgument)
      .option('--author <name>', 'who asks for it', userName())
      .option('--comment <text>', 'why', ''),
  )
    .addHelpText('after', ADD_HELP)
    .action(async (matchers: readonly string[], options: AddOptions) => {
      process.exitCode = await add(matchers, options);
    });
  withDaemonOptions(
    command
      .command('list')
      .summary('list silences')
      .description('List the silences that hold.')
      .option('--all', 'those that are over, too')
      .option('--json', 'print one JSON document instead of a table'),
  ).action(async (options: DaemonOptions & { all?: true; json?: true }) => {
    process.exitCode = await list(options);
  });
  withDaemonOptions(
    command
      .command('expire')
      .argument('<id>', 'the id of the silence')
      .summary('end a silence now')
      .description('End a silence now. What it kept back and is still so is told.'),
  ).action(async (id: string, options: DaemonOptions) => {
    const answer = await askDaemon(options, `api/v1/silences/${encodeURIComponent(id)}`, { method: 'DELETE' });
    if (answer !== undefined) print(`silence ${id} has ended`);
    process.exitCode = answer === undefined ? EXIT.unknown : EXIT.ok;
  });
  return command;
}

export function ackCommand(): Command {
  return withDaemonOptions(
    new Command('ack')
      .summary('take an alert on: it is quiet until it gets worse')
      .description(
        'Take an alert on. It is not repeated and not escalated until it gets worse; its end is told. Through the running daemon.',
      )
      .argument('<alert>', 'the id that stands in every message about it')
      .option('--author <name>', 'who takes it on', userName())
      .option('--comment <text>', 'what is being done', ''),
  ).action(async (id: string, options: DaemonOptions & { author: string; comment: string }) => {
    const { author, comment } = options;
    const path = `api/v1/alerts/${encodeURIComponent(id)}/ack`;
    const answer = await askDaemon(options, path, { method: 'POST', body: { author, comment } });
    const alert = Acknowledged.safeParse(answer?.value).data;
    if (alert !== undefined) {
      print(terminalText(`${alert.id}: ${alert.title} (${alert.severity}) is acknowledged by ${author}`));
    }
    process.exitCode = alert === undefined ? EXIT.unknown : EXIT.ok;
  });
}

async function add(matchers: readonly string[], options: AddOptions): Promise<number> {
  for (const matcher of matchers) {
    try {
      parseMatcher(matcher);
    } catch (error) {
      if (!(error instanceof MatcherError)) throw error;
      complain(terminalText(`notafter: ${error.message}`));
      return EXIT.unknown;
    }
  }
  if ((options.for === undefined) === (options.until === undefined)) {
    complain('notafter: say how long with --for 2h, or with --until 2027-03-01');
    return EXIT.unknown;
  }
  const until = options.until ?? new Date(Date.now() + (options.for ?? 0));
  const { author, comment } = options;
  const body = { matchers, until: until.toISOString(), author, comment };
  const answer = await askDaemon(options, 'api/v1/silences', { method: 'POST', body });
  const silence = Silence.safeParse(answer?.value).data;
  if (silence === undefined) return EXIT.unknown;
  print(terminalText(`silence ${silence.id} holds until ${silence.until}: ${silence.matchers.join(', ')}`));
  return EXIT.ok;
}

async function list(options: DaemonOptions & { all?: true; json?: true }): Promise<number> {
  const state = options.all === true ? 'all' : 'active';
  const answer = await askDaemon(options, `api/v1/silences?state=${state}&limit=1000`);
  const rows = Silences.safeParse(answer?.value).data?.silences;
  if (rows === undefined) return EXIT.unknown;
  if (options.json === true) print(JSON.stringify(rows, undefined, 2));
  else print(rows.length === 0 ? 'No silences.' : silenceTable(rows));
  return EXIT.ok;
}

function silenceTable(rows: readonly SilenceRow[]): string {
  return table<SilenceRow>(
    [
      { title: 'ID', text: ({ id }) => terminalText(id) },
      { title: 'STATE', text: ({ state }) => state },
      { title: 'UNTIL (UTC)', text: ({ until }) => terminalText(until) },
      { title: 'MATCHERS', text: ({ matchers }) => terminalText(matchers.join(', ')), shrinks: true },
      { title: 'AUTHOR', text: ({ author }) => terminalText(author), shrinks: true },
      { title: 'COMMENT', text: ({ comment }) => terminalText(comment), shrinks: true },
    ],
    rows,
    terminalWidth(),
  );
}

function durationArgument(text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    if (error instanceof DurationError) throw new InvalidArgumentError(error.message);
    throw error;
  }
}

function dateArgument(text: string): Date {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) throw new InvalidArgumentError('expected a date: 2027-03-01');
  return date;
}

/** A container may have no user of that number. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return process.env['USER'] ?? 'unknown';
  }
}
