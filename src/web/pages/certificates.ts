import { html } from 'hono/html';

import type { ItemPage } from '../../inventory/catalogue.ts';
import { endOf } from '../../policy/kind.ts';
import { counted, titleOf } from '../../policy/wording.ts';
import { encodeCursor } from '../api/cursor.ts';
import { KINDS, ROLES } from '../api/schemas.ts';
import { itemLink, some, tableFrame, text, when, type Frame, type Html } from './layout.ts';

const MAX_COUNTED = 10_000;

/** What was asked for, as it was written. */
export type Asked = Readonly<Record<string, string>>;

export interface Choices {
  readonly sources: readonly string[];
  readonly owners: readonly string[];
}

const ENDS = [
  ['', 'at any time'],
  ['7d', 'within a week'],
  ['30d', 'within 30 days'],
  ['90d', 'within 90 days'],
] as const;
const ORDERS = [
  ['ends', 'first end first'],
  ['-ends', 'last end first'],
  ['name', 'by name'],
  ['-name', 'by name, backwards'],
] as const;

/** A page of everything that ends. */
export function certificatesPage(page: ItemPage, asked: Asked, choices: Choices, { root, now }: Frame): Html {
  const { items, count, next } = page;
  const how = new URLSearchParams(asked);
  how.delete('after');
  const exported = new URLSearchParams(how);
  exported.set('format', 'csv');
  const number = count >= MAX_COUNTED ? `${MAX_COUNTED} or more` : String(count);
  return html`
    ${filters(asked, choices, root)}
    <p class="count">
      ${count === 0 ? 'Nothing fits. Take a word away, or another filter.' : `${number} found.`}
      ${count === 0 ? '' : html`<a href="${root}api/v1/certificates?${exported.toString()}">As CSV</a>`}
    </p>
    ${
      items.length === 0
        ? ''
        : tableFrame(
            'Certificates',
            html`<table>
              <thead>
                <tr>
                  <th scope="col">Ends (UTC)</th>
                  <th scope="col">Name</th>
                  <th scope="col">Issuer</th>
                  <th scope="col">Role</th>
                  <th scope="col" class="number">Places</th>
                  <th scope="col">Source</th>
                </tr>
              </thead>
              <tbody>
                ${items.map(({ item, places, roles, sources }) => {
                  const end = endOf(item);
                  return html`<tr>
                    <td class="date">
                      ${end.status === 'known' ? when(end.at, now) : html`<span class="none">${end.status}</span>`}
                    </td>
                    <th scope="row">${itemLink(root, item.id, titleOf(item))}</th>
                    <td data-label="Issuer">${'issuer' in item ? text(item.issuer ?? '', 80) : ''}</td>
                    <td data-label="Role">${item.kind === 'certificate' ? roles.join(', ') : item.kind}</td>
                    <td class="number" data-label="Places">${places}</td>
                    <td data-label="Source">${some(sources, 3)}</td>
                  </tr>`;
                })}
              </tbody>
            </table>`,
          )
    }
    ${pager(asked, how, next === undefined ? undefined : encodeCursor([next.key, next.id]))}
  `;
}

function filters(asked: Asked, { sources, owners }: Choices, root: string): Html {
  return html`<form class="filters" action="${root}certificates">
    <label>Words <input name="q" type="search" maxlength="500" value="${text(asked['q'] ?? '', 500)}" /></label>
    ${choice('Ends', 'until', ENDS, asked)}
    ${choice('Role', 'role', [['', 'any'], ...ROLES.map((one) => [one, one] as const)], asked)}
    ${choice('Kind', 'kind', [['', 'any'], ...KINDS.map((one) => [one, one] as const)], asked)}
    ${choice('Source', 'source', [['', 'all'], ...sources.map((one) => [one, one] as const)], asked)}
    <label>Owner <input name="owner" list="owners" maxlength="500" value="${text(asked['owner'] ?? '', 500)}" /></label>
    <datalist id="owners">${owners.map((owner) => html`<option value="${text(owner)}"></option>`)}</datalist>
    ${choice('Order', 'order', ORDERS, asked)}
    <button>Show</button>
  </form>`;
}

export function choice(
  label: string,
  name: string,
  values: readonly (readonly [value: string, label: string])[],
  asked: Asked,
): Html {
  return html`<label
    >${label}
    <select name="${name}">
      ${values.map(
        ([value, shown]) =>
          html`<option value="${value}" ${(asked[name] ?? '') === value ? html`selected` : ''}>${shown}</option>`,
      )}
    </select></label
  >`;
}

export function pager(asked: Asked, how: URLSearchParams, next: string | undefined): Html | '' {
  if (next === undefined && asked['after'] === undefined) return '';
  const onward = new URLSearchParams(how);
  if (next !== undefined) onward.set('after', next);
  return html`<nav class="pager" aria-label="More">
    ${asked['after'] === undefined ? '' : html`<a href="?${how.toString()}">First page</a>`}
    ${next === undefined ? html`<span>That is all.</span>` : html`<a rel="next" href="?${onward.toString()}">Next page</a>`}
  </nav>`;
}

/** A number of rows that is left out. */
export function rest(count: number, noun: string): Html | '' {
  return count > 0 ? html`<p>… and ${counted(count, `more ${noun}`)}.</p>` : '';
}
