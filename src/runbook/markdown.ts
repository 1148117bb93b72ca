import { utc } from '../policy/wording.ts';
import { escapeMarkdown } from '../text/markdown.ts';
import { PHASES, type Phase, type Runbook, type Step } from './model.ts';

/** Logins, services and places that are listed. */
const MAX_LISTED = 50;

export const PHASE_TITLES: Readonly<Record<Phase, string>> = {
  diagnosis: 'Look',
  preparation: 'Prepare',
  successor: 'Get the successor',
  trust: 'First the trust stores',
  servers: 'Then the servers',
  clients: 'Then the clients',
  proof: 'Prove it from outside',
  rollback: 'If it goes wrong: back',
};

/** The whole runbook as Markdown. */
export function markdownOf(runbook: Runbook): string {
  const { title, severity, state, rules } = runbook;
  const standing = [severity, state, rules.join(', ')].filter((part) => part !== undefined && part !== '');
  return [
    `# ${escapeMarkdown(title)}`,
    escapeMarkdown(`${standing.join('; ')}. ${runbook.summary}`),
    ...chapter('Meaning', meaningText(runbook)),
    ...chapter('Impact', impactText(runbook)),
    ...chapter('Places', placesText(runbook)),
    ...chapter('Owner', ownerText(runbook)),
    ...PHASES.flatMap((phase) => chapter(PHASE_TITLES[phase], stepsText(runbook.phases[phase]))),
    ...chapter('When it is over', closingText(runbook)),
  ].join('\n\n');
}

export function meaningText({ meaning }: Runbook): string {
  return meaning.map((sentence) => escapeMarkdown(sentence)).join('\n\n');
}

export function impactText({ impact }: Runbook): string {
  const { services, logins, sentences } = impact;
  return [
    ...sentences.map((sentence) => escapeMarkdown(sentence)),
    ...list(services.map((service) => `fails for everybody: ${service}`)),
    ...list(
      logins.map(({ client, endpoint, failsAt, certainty }) => {
        const verb = certainty === 'certain' ? 'logs in' : 'may log in';
        return `${client} ${verb} at ${endpoint}, ${failsAt === null ? 'without an end' : `until ${utc(failsAt)}`}`;
      }),
    ),
  ].join('\n\n');
}

export function placesText({ places, placeCount }: Runbook): string {
  const lines = places.map(
    ({ source, location, role, owner, summary }) =>
      `${location} (${role}, source ${source}${owner === undefined ? '' : `, owner ${owner}`})${summary === '' ? '' : `: ${summary}`}`,
  );
  return list(lines, placeCount).join('\n\n');
}

export function ownerText({ owners }: Runbook): string {
  return owners.length === 0
    ? 'No place has a label owner. Whoever runs the places above has to act.'
    : owners.map((owner) => escapeMarkdown(owner)).join(', ');
}

export function closingText({ closing }: Runbook): string {
  return closing.map((sentence) => escapeMarkdown(sentence)).join('\n\n');
}

/** Numbered, each with its commands in a block of their own. */
export function stepsText(steps: readonly Step[]): string {
  return steps
    .map(({ title, text, commands, choices }, index) =>
      [
        `${index + 1}. ${escapeMarkdown(title)}`,
        ...text.map((sentence) => indent(escapeMarkdown(sentence))),
        ...block(commands),
        ...(choices.length === 0 ? [] : [indent('Take what fits:')]),
        ...choices.flatMap((choice) => [indent(`- ${escapeMarkdown(choice.when)}:`), ...block(choice.commands)]),
      ].join('\n\n'),
    )
    .join('\n\n');
}

/** Commands have no line that could end the block: quoted names hold no line break. */
function block(commands: readonly string[]): readonly string[] {
  return commands.length === 0 ? [] : [indent(['```sh', ...commands, '```'].join('\n'))];
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => `   ${line}`)
    .join('\n');
}

function list(lines: readonly string[], count = lines.length): readonly string[] {
  if (lines.length === 0) return [];
  const rest = count - Math.min(lines.length, MAX_LISTED);
  return [
    [
      ...lines.slice(0, MAX_LISTED).map((line) => `- ${escapeMarkdown(line)}`),
      ...(rest > 0 ? [`- and ${rest} more`] : []),
    ].join('\n'),
  ];
}

function chapter(title: string, text: string): readonly string[] {
  return text === '' ? [] : [`## ${title}`, text];
}
