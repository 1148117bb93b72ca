import { compileTemplate, type Template, type TemplateData } from '../text/template.ts';
import { closingText, impactText, markdownOf, meaningText, ownerText, placesText, stepsText } from './markdown.ts';
import { PHASES, type Phase, type Runbook } from './model.ts';
import { checkCode, codeLines } from './template-code.ts';

/** A runbook in the words of those who follow it. */
export interface RunbookTemplate {
  /** As Markdown. Throws TemplateError where it grows beyond all bounds. */
  render(runbook: Runbook): string;
}

/** By the name of a rule or of a source. */
export type RunbookTemplates = ReadonlyMap<string, RunbookTemplate>;

/** UTF-16 units of a filled runbook. */
const MAX_LENGTH = 1_000_000;
/** The steps from the first that changes something to the last. */
const WORK_PHASES = ['preparation', 'successor', 'trust', 'servers', 'clients'] as const satisfies readonly Phase[];

/** Whole parts of the generated runbook, by the names that templates have for them. */
const SECTIONS: Readonly<Record<string, (runbook: Runbook) => string>> = {
  all: markdownOf,
  meaning: meaningText,
  impact: impactText,
  where: placesText,
  owner: ownerText,
  steps: (runbook) => stepsText(WORK_PHASES.flatMap((phase) => runbook.phases[phase])),
  ...Object.fromEntries(PHASES.map((phase) => [phase, (runbook: Runbook) => stepsText(runbook.phases[phase])])),
  closing: closingText,
};

/** The names that a template may use for whole parts. */
export const SECTION_NAMES: readonly string[] = Object.keys(SECTIONS);

/**
 * Reads a template: Markdown with `{{name}}`, `{{#if name}}`, `{{#each places}}`. What is inserted is escaped for Markdown;
 * inside a code block it is one word for a shell. Throws TemplateError, with line and column, for a name that does not exist
 * and for a place where an inserted word could become code.
 */
export function compileRunbookTemplate(text: string): RunbookTemplate {
  const code = codeLines(text);
  checkCode(text, code, SECTION_NAMES);
  const template: Template = compileTemplate(text);
  template.check(SAMPLE);
  return {
    render: (runbook) =>
      template.render(dataOf(runbook), {
        sink: (line) => (code.has(line) ? 'shell' : 'markdown'),
        maxLength: MAX_LENGTH,
        sections: new Map(Object.entries(SECTIONS).map(([name, write]) => [name, write(runbook)])),
      }),
  };
}

/** The runbook in the words of the first of its sources that has a template, else of its worst rule that has one. */
export function templated(runbook: Runbook, templates: RunbookTemplates): string | undefined {
  const name = [...runbook.sources, ...runbook.rules].find((candidate) => templates.has(candidate));
  return name === undefined ? undefined : templates.get(name)?.render(runbook);
}

function dataOf(runbook: Runbook): TemplateData {
  const { id, title, severity, state, rules, sources, summary, impact, places, placeCount, owners } = runbook;
  return {
    id,
    title,
    severity: severity ?? null,
    state,
    rule: rules[0] ?? null,
    rules,
    source: sources[0] ?? null,
    sources,
    summary,
    ends_at: iso(impact.endsAt),
    owners,
    place_count: placeCount,
    places: places.map(({ source, location, role, owner, summary: wrong }) => ({
      source,
      location,
      role,
      owner: owner ?? null,
      summary: wrong,
    })),
    services: impact.services,
    logins: impact.logins.map(({ client, endpoint, failsAt, certainty }) => ({
      client,
      endpoint,
      fails_at: iso(failsAt),
      certainty,
    })),
  };
}

function iso(at: number | null | undefined): string | null {
  return at === null || at === undefined ? null : new Date(at).toISOString();
}

/** At least one entry in each list, so that every name can be looked up. */
const SAMPLE: TemplateData = {
  ...Object.fromEntries(SECTION_NAMES.map((name) => [name, ''])),
  ...(dataOf({
    id: '',
    title: '',
    state: 'open',
    rules: [''],
    sources: [''],
    summary: '',
    meaning: [],
    impact: {
      services: [''],
      logins: [{ client: '', endpoint: '', failsAt: null, certainty: 'certain' }],
      sentences: [],
    },
    places: [{ source: '', location: '', role: '', summary: '' }],
    placeCount: 1,
    owners: [''],
    phases: {
      diagnosis: [],
      preparation: [],
      successor: [],
      trust: [],
      servers: [],
      clients: [],
      proof: [],
      rollback: [],
    },
    closing: [],
  }) as Readonly<Record<string, TemplateData>>),
};
