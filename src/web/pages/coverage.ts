import { html } from 'hono/html';

import type { LocationPage, SourceCount } from '../../inventory/catalogue.ts';
import type { SourceState } from '../../inventory/model.ts';
import { span } from '../../policy/wording.ts';
import type { Had } from '../latest.ts';
import type { Survey } from '../parts.ts';
import { rest } from './certificates.ts';
import { severityMark, some, tableFrame, text, when, type Frame, type Html } from './layout.ts';
import { madeNote, readingNote } from './reading.ts';

const MAX_FINDINGS = 100;
const MAX_NAMES = 50;

export interface KnownCoverage {
  readonly had: Had<Survey>;
  readonly sources: readonly SourceState[];
  readonly counts: readonly SourceCount[];
  /** Where the last look failed, or could not read all: the first of them. */
  readonly failing: LocationPage;
}

/** What is looked at, and what is not, and why. */
export function coveragePage({ had, sources, counts, failing }: KnownCoverage, { root, now }: Frame): Html {
  const { isWhole } = had.value;
  const { findings, unwatched } = had.value.coverage;
  const failed = counts.reduce((sum, count) => sum + count.failed, 0);
  const locations = counts.reduce((sum, count) => sum + count.locations, 0);
  return html`
    <p class="lead">
      ${sources.length} ${sources.length === 1 ? 'source' : 'sources'}, ${locations} locations.
      ${failed === 0 ? 'All could be read at the last look.' : html`<strong>${failed} could not be read</strong> at the last look.`}
    </p>
    ${readingNote(had, now, sources)}
    <h2>Sources</h2>
    ${tableFrame(
      'Sources',
      html`<table>
        <thead>
          <tr>
            <th scope="col">Source</th>
            <th scope="col">Type</th>
            <th scope="col">Looks every</th>
            <th scope="col" class="number">Locations</th>
            <th scope="col" class="number">Not read</th>
            <th scope="col">First round</th>
          </tr>
        </thead>
        <tbody>
          ${sources.map((source) => {
            const own = counts.find((count) => count.source === source.name);
            return html`<tr>
              <th scope="row">
                <a href="${root}certificates?source=${encodeURIComponent(source.name)}">${source.name}</a>
              </th>
              <td data-label="Type">${source.type}</td>
              <td data-label="Looks every">${every(source.intervalMs)}</td>
              <td class="number" data-label="Locations">${own?.locations ?? 0}</td>
              <td class="number" data-label="Not read">${own?.failed ?? 0}</td>
              <td class="date" data-label="First round">
                ${source.baselineAt === undefined ? html`<span class="none">not complete</span>` : when(source.baselineAt, now)}
              </td>
            </tr>`;
          })}
        </tbody>
      </table>`,
    )}
    ${failingSection(failing, root, now)}
    <h2>What is not covered, and why</h2>
    ${
      findings.length === 0
        ? html`<p>
            ${isWhole ? 'All that was looked at was read, and has an owner.' : 'Nothing of what was read so far.'}
          </p>`
        : html`${tableFrame(
            'What is not covered',
            html`<table>
              <thead>
                <tr>
                  <th scope="col">Severity</th>
                  <th scope="col">Rule</th>
                  <th scope="col">What</th>
                  <th scope="col" class="number">Places</th>
                </tr>
              </thead>
              <tbody>
                ${findings.slice(0, MAX_FINDINGS).map(
                  ({ severity, rule, summary, locations: places }) =>
                    html`<tr>
                      <td>${severityMark(severity)}</td>
                      <th scope="row"><a href="${root}runbooks/${rule}">${rule}</a></th>
                      <td class="whole">${text(summary, 500)}</td>
                      <td class="number" data-label="Places">${places.length}</td>
                    </tr>`,
                )}
              </tbody>
            </table>`,
          )}${rest(findings.length - MAX_FINDINGS, 'finding')}`
    }
    <h2>Names at which nobody looks</h2>
    ${
      unwatched.length === 0
        ? html`<p>${isWhole ? 'Every name in a certificate is looked at.' : 'None of what was read so far.'}</p>`
        : html`<p>Where something answers, add them to the targets of an endpoint source.</p>
            ${tableFrame(
              'Names at which nobody looks',
              html`<table>
                <thead>
                  <tr>
                    <th scope="col">Name</th>
                    <th scope="col">Its certificate lies at</th>
                  </tr>
                </thead>
                <tbody>
                  ${unwatched.slice(0, MAX_NAMES).map(
                    ({ name, locations: places }) =>
                      html`<tr>
                        <th scope="row">${text(name)}</th>
                        <td class="whole">${some(places, 2)}</td>
                      </tr>`,
                  )}
                </tbody>
              </table>`,
            )}
            ${rest(unwatched.length - MAX_NAMES, 'name')}`
    }
    <p class="count">${madeNote(had, now)}</p>
  `;
}

/** How often, where the words for days and hours would be too coarse. */
function every(ms: number): string {
  return ms < 120_000 ? `${Math.round(ms / 1000)} s` : span(ms);
}

function failingSection({ locations, next }: LocationPage, root: string, now: number): Html | '' {
  if (locations.length === 0) return '';
  return html`<h2>Not read at the last look</h2>
    ${tableFrame(
      'Not read at the last look',
      html`<table>
        <thead>
          <tr>
            <th scope="col">Location</th>
            <th scope="col">Source</th>
            <th scope="col">Why</th>
            <th scope="col" class="number">In a row</th>
            <th scope="col">Last good look</th>
          </tr>
        </thead>
        <tbody>
          ${locations.map(({ location, source, failure, failures, problems, lastSuccessAt }) => {
            const why = failure ?? problems[0];
            return html`<tr>
              <th scope="row">${text(location)}</th>
              <td data-label="Source">${source}</td>
              <td class="whole">${why === undefined ? '' : html`${why.reason}: ${text(why.detail, 300)}`}</td>
              <td class="number" data-label="Failed looks in a row">${failures}</td>
              <td class="date" data-label="Last good look">${when(lastSuccessAt, now)}</td>
            </tr>`;
          })}
        </tbody>
      </table>`,
    )}
    ${next === undefined ? '' : html`<p>… and more: <a href="${root}api/v1/locations?failing=true&amp;format=csv">all as CSV</a>.</p>`}`;
}
