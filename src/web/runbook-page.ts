import { html } from 'hono/html';

import { utc } from '../policy/wording.ts';
import { PHASE_TITLES } from '../runbook/markdown.ts';
import { PHASES, type Runbook, type Step } from '../runbook/model.ts';
import { severityMark, tableFrame, text as safe, type Html } from './pages/layout.ts';

/** A runbook to show. */
export interface ShownRunbook {
  readonly runbook: Runbook;
  /** In the words of a template, as Markdown: shown instead of what was generated. */
  readonly text?: string;
}

/** Characters of one paragraph. */
const MAX_TEXT = 4_000;

/** The page of the runbook of an alert. */
export function runbookBody({ runbook, text }: ShownRunbook, alertId: string): Html {
  const { severity, state, rules, summary } = runbook;
  return html`<p class="lead">
      ${severity === undefined ? '' : severityMark(severity)}
      ${state === 'open' ? '' : html`<strong>${state}</strong>. `} ${safe(summary, MAX_TEXT)}
    </p>
    <p>
      <a href="../../alerts/${alertId}">The alert: who was told, acknowledge, silence</a> · Rules:
      ${rules.map((rule) => html`<a href="../${rule}">${rule}</a> `)}
    </p>
    ${text === undefined ? generated(runbook) : html`<pre tabindex="0" aria-label="Runbook">${safeLines(text)}</pre>`}`;
}

function generated(runbook: Runbook): Html {
  const { meaning, impact, places, placeCount, owners, closing } = runbook;
  const logins = impact.logins.map(
    ({ client, endpoint, failsAt, certainty }) =>
      `${client} ${certainty === 'certain' ? 'logs in' : 'may log in'} at ${endpoint}, ${failsAt === null ? 'without an end' : `until ${utc(failsAt)}`}`,
  );
  const services = impact.services.map((service) => `Fails for everybody: ${service}`);
  const rows = places.map(
    ({ role, owner, source, location, summary }) =>
      html`<tr>
        <td data-label="Role">${role}</td>
        <td data-label="Owner">${safe(owner ?? '')}</td>
        <td data-label="Source">${source}</td>
        <th scope="row">${safe(location)}</th>
        <td class="whole">${safe(summary, MAX_TEXT)}</td>
      </tr>`,
  );
  return html`
    <h2>Meaning</h2>
    ${paragraphs(meaning)}
    <h2>Impact</h2>
    ${paragraphs(impact.sentences)}
    <ul>
      ${[...services, ...logins].map((line) => html`<li>${safe(line, MAX_TEXT)}</li>`)}
    </ul>
    <h2>Places (${placeCount})</h2>
    ${tableFrame(
      'Places',
      html`<table>
        <thead>
          <tr>
            <th scope="col">Role</th>
            <th scope="col">Owner</th>
            <th scope="col">Source</th>
            <th scope="col">Location</th>
            <th scope="col">What is wrong</th>
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>`,
    )}
    <h2>Owner</h2>
    <p>${owners.length === 0 ? 'No place has a label owner.' : safe(owners.join(', '), MAX_TEXT)}</p>
    ${PHASES.filter((phase) => runbook.phases[phase].length > 0).map(
      (phase) =>
        html`<h2>${PHASE_TITLES[phase]}</h2>
          <ol class="steps">
            ${runbook.phases[phase].map(stepItem)}
          </ol>`,
    )}
    <h2>When it is over</h2>
    ${paragraphs(closing)}
  `;
}

function stepItem({ title, text, commands, choices }: Step): Html {
  return html`<li>
    <p>${safe(title, MAX_TEXT)}</p>
    ${paragraphs(text)} ${block(commands)}
    ${
      choices.length === 0
        ? ''
        : html`<p>Take what fits:</p>
            <ul>
              ${choices.map((choice) => html`<li>${safe(choice.when, MAX_TEXT)} ${block(choice.commands)}</li>`)}
            </ul>`
    }
  </li>`;
}

function paragraphs(sentences: readonly string[]): readonly Html[] {
  return sentences.map((sentence) => html`<p>${safe(sentence, MAX_TEXT)}</p>`);
}

function block(commands: readonly string[]): Html | '' {
  return commands.length === 0
    ? ''
    : html`<pre tabindex="0" aria-label="Commands"><code>${safeLines(commands.join('\n'))}</code></pre>`;
}

/** Line by line: what breaks lines is meant. */
function safeLines(text: string): string {
  return text
    .split('\n')
    .map((line) => safe(line, MAX_TEXT))
    .join('\n');
}
