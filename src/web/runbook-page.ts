import { html } from 'hono/html';

import { utc } from '../policy/wording.ts';
import { PHASE_TITLES } from '../runbook/markdown.ts';
import { PHASES, type Runbook, type Step } from '../runbook/model.ts';

/** A runbook to show. */
export interface ShownRunbook {
  readonly runbook: Runbook;
  /** In the words of a template, as Markdown: shown instead of what was generated. */
  readonly text?: string;
}

type Page = ReturnType<typeof html>;

/** The page of a runbook; everything that is inserted is escaped. */
export function runbookPage({ runbook, text }: ShownRunbook): Page {
  const { title, severity, state, rules, summary } = runbook;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>${title} – notafter</title>
      </head>
      <body>
        <h1>${title}</h1>
        <p>${[severity, state].filter((part) => part !== undefined).join(', ')}. ${summary}</p>
        <p>Rules: ${rules.map((rule) => html`<a href="../${rule}">${rule}</a> `)}</p>
        ${text === undefined ? generated(runbook) : html`<pre>${text}</pre>`}
      </body>
    </html>`;
}

function generated(runbook: Runbook): Page {
  const { meaning, impact, places, placeCount, owners, closing } = runbook;
  const logins = impact.logins.map(
    ({ client, endpoint, failsAt, certainty }) =>
      `${client} ${certainty === 'certain' ? 'logs in' : 'may log in'} at ${endpoint}, ${failsAt === null ? 'without an end' : `until ${utc(failsAt)}`}`,
  );
  const services = impact.services.map((service) => `Fails for everybody: ${service}`);
  const rows = places.map(
    ({ role, owner, source, location, summary }) =>
      html`<tr>
        <td>${role}</td>
        <td>${owner ?? ''}</td>
        <td>${source}</td>
        <td>${location}</td>
        <td>${summary}</td>
      </tr>`,
  );
  return html`
    <h2>Meaning</h2>
    ${paragraphs(meaning)}
    <h2>Impact</h2>
    ${paragraphs(impact.sentences)}
    <ul>
      ${[...services, ...logins].map((line) => html`<li>${line}</li>`)}
    </ul>
    <h2>Places (${placeCount})</h2>
    <table>
      <thead>
        <tr>
          <th>Role</th>
          <th>Owner</th>
          <th>Source</th>
          <th>Location</th>
          <th>What is wrong</th>
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
    <h2>Owner</h2>
    <p>${owners.length === 0 ? 'No place has a label owner.' : owners.join(', ')}</p>
    ${PHASES.filter((phase) => runbook.phases[phase].length > 0).map(
      (phase) =>
        html`<h2>${PHASE_TITLES[phase]}</h2>
          <ol>
            ${runbook.phases[phase].map(stepItem)}
          </ol>`,
    )}
    <h2>When it is over</h2>
    ${paragraphs(closing)}
  `;
}

function stepItem({ title, text, commands, choices }: Step): Page {
  return html`<li>
    <p>${title}</p>
    ${paragraphs(text)} ${block(commands)}
    ${
      choices.length === 0
        ? ''
        : html`<p>Take what fits:</p>
            <ul>
              ${choices.map((choice) => html`<li>${choice.when} ${block(choice.commands)}</li>`)}
            </ul>`
    }
  </li>`;
}

function paragraphs(sentences: readonly string[]): readonly Page[] {
  return sentences.map((sentence) => html`<p>${sentence}</p>`);
}

function block(commands: readonly string[]): Page | '' {
  return commands.length === 0 ? '' : html`<pre><code>${commands.join('\n')}</code></pre>`;
}
