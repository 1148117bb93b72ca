import pc from 'picocolors';

import { utc } from '../../policy/wording.ts';
import { PHASE_TITLES } from '../../runbook/markdown.ts';
import { PHASES, type Impact, type Runbook, type Step } from '../../runbook/model.ts';
import { terminalText } from '../../text/terminal.ts';
import { section } from '../explain/text.ts';
import { table } from '../table.ts';

/** Lines of one list. */
const MAX_ROWS = 20;

/** The runbook for a terminal; commands stand alone on their lines, to be copied. */
export function runbookScreen(runbook: Runbook, width: number): string {
  const { title, severity, state, rules, summary, meaning, impact, places, placeCount, owners, closing } = runbook;
  const standing = [severity, state, rules.join(', ')].filter((part) => part !== undefined && part !== '').join('; ');
  return [
    pc.bold(terminalText(title)),
    `  ${terminalText(`${standing}. ${summary}`)}`,
    ...section('Meaning', meaning.map(terminalText)),
    ...section('Impact', impactLines(impact)),
    ...section('Places', [
      table(
        [
          { title: 'ROLE', text: ({ role }) => role },
          { title: 'OWNER', text: ({ owner }) => terminalText(owner ?? '-') },
          { title: 'SOURCE', text: ({ source }) => source },
          { title: 'LOCATION', text: ({ location }) => terminalText(location), shrinks: true },
        ],
        places.slice(0, MAX_ROWS),
        width - 2,
      ),
      ...(placeCount > MAX_ROWS ? [pc.dim(`… and ${placeCount - MAX_ROWS} more`)] : []),
    ]),
    ...section('Owner', [owners.length === 0 ? 'No place has a label owner.' : terminalText(owners.join(', '))]),
    ...PHASES.flatMap((phase) => section(PHASE_TITLES[phase], stepLines(runbook.phases[phase]))),
    ...section('When it is over', closing.map(terminalText)),
  ].join('\n');
}

function impactLines({ sentences, services, logins }: Impact): readonly string[] {
  return [
    ...sentences.map(terminalText),
    ...services.slice(0, MAX_ROWS).map((service) => terminalText(`- fails for everybody: ${service}`)),
    ...logins.slice(0, MAX_ROWS).map(({ client, endpoint, failsAt, certainty }) => {
      const until = failsAt === null ? 'without an end' : `until ${utc(failsAt)}`;
      return terminalText(`- ${client} ${certainty === 'certain' ? 'logs in' : 'may log in'} at ${endpoint}, ${until}`);
    }),
    ...rest(services.length),
    ...rest(logins.length),
  ];
}

function rest(count: number): readonly string[] {
  return count > MAX_ROWS ? [pc.dim(`… and ${count - MAX_ROWS} more`)] : [];
}

function stepLines(steps: readonly Step[]): readonly string[] {
  return steps.flatMap(({ title, text, commands, choices }, index) => [
    ...(index === 0 ? [] : ['']),
    `${index + 1}. ${terminalText(title)}`,
    ...text.map((sentence) => `   ${terminalText(sentence)}`),
    ...commandLines(commands),
    ...(choices.length === 0 ? [] : ['   Take what fits:']),
    ...choices.flatMap((choice) => [`   - ${terminalText(choice.when)}:`, ...commandLines(choice.commands)]),
  ]);
}

/** A command may have lines of its own: a function of the shell. */
function commandLines(commands: readonly string[]): readonly string[] {
  return commands.flatMap((command) => command.split('\n')).map((line) => `       ${pc.cyan(terminalText(line))}`);
}
