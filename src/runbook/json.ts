import { markdownOf } from './markdown.ts';
import { PHASES, type Runbook, type Step } from './model.ts';
import { templated, type RunbookTemplates } from './template.ts';

/** The runbook for other programs: its shape is a promise. */
export function runbookJson(runbook: Runbook, templates: RunbookTemplates): object {
  const { id, title, severity, state, rules, summary, meaning, impact, places, placeCount, owners, closing } = runbook;
  return {
    id,
    title,
    severity: severity ?? null,
    state: state.replace(' ', '_'),
    rules,
    summary,
    meaning,
    impact: {
      ends_at: iso(impact.endsAt),
      services: impact.services,
      logins: impact.logins.map(({ client, endpoint, failsAt, certainty }) => ({
        client,
        endpoint,
        fails_at: iso(failsAt),
        certainty,
      })),
      sentences: impact.sentences,
    },
    places: places.map(({ source, location, role, owner, summary: wrong }) => ({
      source,
      location,
      role,
      owner: owner ?? null,
      summary: wrong,
    })),
    place_count: placeCount,
    owners,
    phases: PHASES.map((phase) => ({ phase, steps: runbook.phases[phase].map(stepJson) })),
    closing,
    markdown: templated(runbook, templates) ?? markdownOf(runbook),
  };
}

function stepJson({ title, text, commands, choices }: Step): object {
  return { title, text, commands, choices: choices.map(({ when, commands: own }) => ({ when, commands: own })) };
}

function iso(at: number | null | undefined): string | null {
  return at === null || at === undefined ? null : new Date(at).toISOString();
}
