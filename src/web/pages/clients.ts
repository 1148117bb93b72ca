import { html } from 'hono/html';

import type { ClientOutlook } from '../../inventory/clients.ts';
import type { Had } from '../latest.ts';
import type { Survey } from '../parts.ts';
import { rest } from './certificates.ts';
import { itemLink, tableFrame, text, when, type Frame, type Html } from './layout.ts';
import { madeNote, readingNote } from './reading.ts';

const MAX_ROWS = 100;
const MAX_POSSIBLE = 50;

/** Which client logs in where, what the server said, and until when. */
export function clientsPage(had: Had<Survey>, frame: Frame): Html {
  const { certain, possible, possibleCount } = had.value.clients;
  const refused = certain.filter(({ verdict }) => verdict?.status === 'rejected').length;
  return html`
    <p class="lead">
      ${
        certain.length === 0
          ? !had.value.isWhole
            ? 'No login with a client certificate was read so far.'
            : 'No login with a client certificate is known. Give an endpoint source clients, or let a file source find them.'
          : html`${certain.length} ${certain.length === 1 ? 'login' : 'logins'} with a client certificate.
            ${refused === 0 ? 'None is refused today.' : html`<strong class="critical">${refused} refused today.</strong>`}`
      }
    </p>
    ${readingNote(had, frame.now)}
    ${certain.length === 0 ? '' : html`${loginTable('Logins', certain.slice(0, MAX_ROWS), frame)}${rest(certain.length - MAX_ROWS, 'login')}`}
    ${
      possibleCount === 0
        ? ''
        : html`<h2>May log in</h2>
            <p>The endpoint names their issuer, and nothing else is known.</p>
            ${loginTable('Logins that are possible', possible.slice(0, MAX_POSSIBLE), frame)}
            ${rest(possibleCount - Math.min(possible.length, MAX_POSSIBLE), 'login')}`
    }
    <p class="count">${madeNote(had, frame.now)} <a href="${frame.root}api/v1/clients?format=csv">As CSV</a></p>
  `;
}

/** A table of logins, those of one client together. */
export function loginTable(name: string, outlooks: readonly ClientOutlook[], { root, now }: Frame): Html {
  const byClient = Map.groupBy(outlooks, ({ client, name: called }) => `${client.id} ${called ?? ''}`);
  return tableFrame(
    name,
    html`<table class="grouped">
      <thead>
        <tr>
          <th scope="col">Client</th>
          <th scope="col">Endpoint</th>
          <th scope="col">Today</th>
          <th scope="col">Refused from (UTC)</th>
          <th scope="col">Because of</th>
        </tr>
      </thead>
      ${[...byClient.values()].map(
        (own) =>
          html`<tbody>
            ${own.map(
              (outlook, index) =>
                html`<tr>
                  ${
                    index === 0
                      ? html`<th scope="rowgroup" rowspan="${own.length}">
                          ${itemLink(root, outlook.client.id, outlook.name ?? outlook.client.title)}
                        </th>`
                      : ''
                  }
                  <td class="whole">${text(outlook.endpoint.location)}</td>
                  <td>${verdictText(outlook)}</td>
                  <td class="date" data-label="Refused from">${when(outlook.outageAt, now)}</td>
                  <td data-label="Because of">
                    ${
                      outlook.limitedBy.id === outlook.client.id
                        ? 'its own certificate'
                        : itemLink(root, outlook.limitedBy.id, outlook.limitedBy.title)
                    }
                  </td>
                </tr>`,
            )}
          </tbody>`,
      )}
    </table>`,
  );
}

function verdictText({ verdict, by }: ClientOutlook): Html {
  if (verdict === undefined) {
    return html`<span class="none"
      >${by === 'issuer' ? 'not tried' : by === 'reference' ? 'used there, not tried' : 'not tried yet'}</span
    >`;
  }
  switch (verdict.status) {
    case 'accepted':
      return html`<span class="good"><span aria-hidden="true">✓</span> accepted</span>
        <span class="rule">${text(verdict.evidence, 160)}</span>`;
    case 'rejected':
      return html`<span class="severity critical"><span aria-hidden="true">■</span> refused</span>
        <span class="rule">${text(`${verdict.reason ?? ''} ${verdict.evidence}`.trim(), 200)}</span>`;
    case 'unknown':
      return html`unclear <span class="rule">${text(verdict.evidence, 160)}</span>`;
  }
}
