import { html } from 'hono/html';

import { compareSeverity } from '../../plugin/notification.ts';
import type { Outlook } from '../../policy/forecast.ts';
import { counted, span } from '../../policy/wording.ts';
import type { SourceState } from '../../inventory/model.ts';
import type { Had } from '../latest.ts';
import type { Survey } from '../parts.ts';
import { itemLink, severityMark, some, tableFrame, text, when, type Frame, type Html } from './layout.ts';
import { madeNote, readingNote } from './reading.ts';
import { timeline } from './timeline.ts';

const WEEK_MS = 7 * 86_400_000;
const MAX_ROWS = 100;
/** What ended longer ago is the business of the alerts. */
const PAST_MS = 30 * 86_400_000;

/** Causes of notafter's own making that are items have a page. */
const ITEM_ID = /^[0-9a-f]{64}$/;

/** What breaks next, for whom, and how badly. */
export function nextPage(had: Had<Survey>, sources: readonly SourceState[], weeks: number, { root, now }: Frame): Html {
  const { value: survey } = had;
  const isAll =
    survey.isWhole && had.making === undefined && sources.every(({ baselineAt }) => baselineAt !== undefined);
  const untilAt = now + weeks * WEEK_MS;
  const coming = survey.ending.filter(
    ({ endsAt, severity }) =>
      endsAt !== undefined && endsAt > now - PAST_MS && endsAt <= untilAt && compareSeverity(severity, 'warning') >= 0,
  );
  const first = coming.find(({ endsAt = 0 }) => endsAt > now);
  const shown = coming.slice(0, MAX_ROWS);
  return html`
    <p class="lead">${leadOf(first, coming, isAll, weeks, now)}</p>
    ${readingNote(had, now, sources)} ${timeline(coming, now, weeks)}
    ${groupsOf(shown, now).map(
      ([name, outlooks]) => html`
        <h2>${name}</h2>
        ${tableFrame(
          name,
          html`<table class="aligned">
            <thead>
              <tr>
                <th scope="col">Ends (UTC)</th>
                <th scope="col">Now</th>
                <th scope="col">What</th>
                <th scope="col">What breaks</th>
                <th scope="col">Owner</th>
              </tr>
            </thead>
            <tbody>
              ${outlooks.map((outlook) => rowOf(outlook, root, now))}
            </tbody>
          </table>`,
        )}
      `,
    )}
    ${
      coming.length > shown.length
        ? html`<p>
            The first ${shown.length} of ${coming.length}.
            <a href="${root}certificates?until=${weeks * 7}d">All that ends within ${counted(weeks, 'week')}</a>
          </p>`
        : ''
    }
    <p class="count">${madeNote(had, now)}</p>
    <form class="filters" action="${root}">
      <label>Weeks ahead <input name="weeks" type="number" min="1" max="60" value="${weeks}" /></label>
      <button>Show</button>
    </form>
  `;
}

function leadOf(
  first: Outlook | undefined,
  coming: readonly Outlook[],
  isAll: boolean,
  weeks: number,
  now: number,
): Html {
  const ended = coming.filter(({ endsAt = 0 }) => endsAt <= now).length;
  const past = ended === 0 ? '' : html` <strong class="critical">${counted(ended, 'cause')} ended already.</strong>`;
  if (first === undefined) {
    const what = `${ended === 0 ? 'Nothing' : 'Nothing else'}${isAll ? '' : ' of what was read so far'}`;
    return html`${what} breaks within ${counted(weeks, 'week')}.${past}`;
  }
  const { endsAt = now, locations, owners } = first;
  return html`Next to break: <strong>${text(first.title, 120)}</strong> in <strong>${span(endsAt - now)}</strong>, at
    ${counted(locations.length, 'place')}${owners.length === 0 ? '' : html`, owned by ${some(owners, 3)}`}.${past}`;
}

function groupsOf(outlooks: readonly Outlook[], now: number): readonly (readonly [string, readonly Outlook[]])[] {
  const nameOf = ({ endsAt = 0 }: Outlook): string => {
    if (endsAt <= now) return 'Ended';
    const week = Math.floor((endsAt - now) / WEEK_MS);
    return week === 0 ? 'Within a week' : week === 1 ? 'The week after' : week < 5 ? 'Within five weeks' : 'Later';
  };
  return [...Map.groupBy(outlooks, nameOf)];
}

function rowOf(outlook: Outlook, root: string, now: number): Html {
  const { endsAt, standing, title, cause, locations, services, owners } = outlook;
  return html`<tr>
    <td class="date">${when(endsAt, now)}</td>
    <td>${standing === undefined ? html`<span class="none">quiet</span>` : severityMark(standing)}</td>
    <th scope="row">${ITEM_ID.test(cause) ? itemLink(root, cause, title) : text(title, 120)}</th>
    <td class="whole">${services.length === 0 ? '' : html`${some(services, 3)}: `}${some(locations, 2)}</td>
    <td data-label="Owner">${owners.length === 0 ? html`<span class="none">nobody</span>` : some(owners, 3)}</td>
  </tr>`;
}
