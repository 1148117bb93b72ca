import type { Config } from '../config/config.ts';
import { coverageReport, type CoverageReport, type UnwatchedName } from '../policy/coverage-report.ts';
import type { FindingGroup } from '../policy/group.ts';
import { counted } from '../policy/wording.ts';
import { terminalText } from '../text/terminal.ts';
import type { Knowledge } from './explain/knowledge.ts';
import { table, terminalWidth } from './table.ts';

/** Names that are listed; how many more there are is said. */
const MAX_NAMES = 100;

/** The answer of `list --coverage`, for people or as one JSON document. */
export function coverageAnswer(
  known: Knowledge,
  config: Config,
  options: { readonly source?: string; readonly json?: true },
): string {
  const { source } = options;
  const names = config.sources.map(({ name }) => name).filter((name) => source === undefined || name === source);
  const locations = known.locations.filter((location) => source === undefined || location.source === source);
  const report = coverageReport(names, locations, known.view, config.policy, known.now);
  return options.json === true
    ? JSON.stringify(coverageJson(report), undefined, 2)
    : coverageScreen(report, terminalWidth());
}

function coverageJson({ sources, findings, unwatched }: CoverageReport): object {
  return {
    sources,
    findings: findings.map(({ rule, family, severity, cause, title, summary, locations }) => ({
      rule,
      family,
      severity,
      cause,
      title,
      summary,
      locations,
    })),
    unwatched_names: unwatched,
  };
}

/** The report as tables that fit so many columns. */
export function coverageScreen({ sources, findings, unwatched }: CoverageReport, width: number): string {
  const silent = sources.filter(({ locations }) => locations === 0);
  const failed = sources.filter((source) => source.failed > 0);
  return [
    `${counted(sources.length, 'source')}, ${counted(
      sources.reduce((sum, { locations }) => sum + locations, 0),
      'location',
    )}.`,
    ...silent.map(({ name }) => `Source ${name} has shown nothing yet.`),
    ...failed.map(
      (source) =>
        `Source ${source.name}: ${source.failed} of ${counted(source.locations, 'location')} failed at the last look.`,
    ),
    '',
    findings.length === 0 ? 'All that was looked at was read, and has an owner.' : findingTable(findings, width),
    '',
    ...(unwatched.length === 0
      ? ['Every name in a certificate is looked at.']
      : [
          'Names in certificates at which nobody looks; where something answers, add them to the targets of an endpoint source:\n',
          nameTable(unwatched.slice(0, MAX_NAMES), width),
          ...(unwatched.length > MAX_NAMES ? [`… and ${unwatched.length - MAX_NAMES} more; --json has them all`] : []),
        ]),
  ].join('\n');
}

function findingTable(findings: readonly FindingGroup[], width: number): string {
  return table<FindingGroup>(
    [
      { title: 'SEVERITY', text: ({ severity }) => severity },
      { title: 'RULE', text: ({ rule }) => rule },
      { title: 'PLACES', text: ({ locations }) => String(locations.length) },
      { title: 'WHAT', text: ({ summary }) => terminalText(summary), shrinks: true },
    ],
    findings,
    width,
  );
}

function nameTable(names: readonly UnwatchedName[], width: number): string {
  return table<UnwatchedName>(
    [
      { title: 'NAME', text: ({ name }) => terminalText(name), shrinks: true },
      {
        title: 'CERTIFICATE AT',
        text: ({ locations: [first = '', ...others] }) =>
          terminalText(others.length === 0 ? first : `${first} +${others.length}`),
        shrinks: true,
      },
    ],
    names,
    width,
  );
}
