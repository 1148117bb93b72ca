import { html } from 'hono/html';

import { text, type Html } from './layout.ts';

/** For how long a silence may be asked for with one choice, hours. */
export const SILENCE_HOURS = [1, 4, 12, 24, 72, 168, 720] as const;

function signature(who: string | undefined, id: string): Html {
  return html`<label for="author-${id}">Your name</label>
    <input id="author-${id}" name="author" required maxlength="200" autocomplete="name" value="${who ?? ''}" />
    <label for="comment-${id}">Comment</label>
    <input id="comment-${id}" name="comment" maxlength="1000" />`;
}

/** Takes an alert on. */
export function acknowledgeForm(root: string, id: string, who: string | undefined): Html {
  return html`<form class="act" method="post" action="${root}alerts/${id}/ack">
    <h3>Acknowledge</h3>
    <p>It stays quiet until it gets worse.</p>
    ${signature(who, `ack-${id}`)}
    <button>Acknowledge</button>
  </form>`;
}

/** Mutes what the matchers match; they may be changed before. */
export function silenceForm(root: string, matchers: readonly string[], who: string | undefined, id = 'new'): Html {
  return html`<form class="act" method="post" action="${root}silences">
    <h3>Silence</h3>
    <p>Mutes all that every matcher matches, for a time; as in Alertmanager, one on a line.</p>
    <label for="matchers-${id}">Matchers</label>
    <textarea id="matchers-${id}" name="matchers" rows="3" required maxlength="20000">
${matchers.map((one) => text(one, 4_000)).join('\n')}</textarea>
    <label for="hours-${id}">For</label>
    <select id="hours-${id}" name="hours">
      ${SILENCE_HOURS.map(
        (hours) =>
          html`<option value="${hours}" ${hours === 4 ? html`selected` : ''}>
            ${hours < 24 ? `${hours} h` : `${hours / 24} d`}
          </option>`,
      )}
    </select>
    ${signature(who, `silence-${id}`)}
    <button>Silence</button>
  </form>`;
}
