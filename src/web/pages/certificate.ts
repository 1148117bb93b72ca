import { html } from 'hono/html';

import type { ItemHome, LocationName, Stay } from '../../inventory/catalogue.ts';
import type { ClientOutlook } from '../../inventory/clients.ts';
import type { Successor } from '../../inventory/leaf-index.ts';
import type { KnownItem } from '../../inventory/model.ts';
import type { AlertState } from '../../notify/desk.ts';
import type { ChainTree } from '../../policy/chain-tree.ts';
import { itemFacts } from '../../policy/facts.ts';
import { endsAt } from '../../policy/kind.ts';
import { ending, titleOf } from '../../policy/wording.ts';
import type { Had } from '../latest.ts';
import type { Survey } from '../parts.ts';
import { alertLine } from './alerts.ts';
import { chainPicture } from './chain-picture.ts';
import { rest } from './certificates.ts';
import { loginTable } from './clients.ts';
import { acknowledgeForm, silenceForm } from './forms.ts';
import { day, itemLink, severityMark, tableFrame, text, type Frame, type Html } from './layout.ts';
import { readingNote } from './reading.ts';

/** Everything known of one item. */
export interface KnownOfItem {
  readonly item: KnownItem;
  readonly homes: readonly ItemHome[];
  readonly homeCount: number;
  readonly limits: readonly LocationName[];
  readonly limitCount: number;
  readonly history: readonly Stay[];
  readonly successors: readonly Successor[];
  readonly alerts: readonly AlertState[];
  readonly had: Had<Survey>;
  /** Logins that fail when it ends. */
  readonly logins: readonly ClientOutlook[];
  readonly chains: readonly { readonly location: string; readonly tree: ChainTree }[];
}

const MAX_LOGINS = 50;
/** Alerts that can be acted on here; the others on their own pages. */
const MAX_FORMS = 3;

export function certificatePage(known: KnownOfItem, frame: Frame): Html {
  const { item, alerts, chains } = known;
  const { root, now } = frame;
  const end = endsAt(item);
  const open = alerts.filter(({ alert }) => alert.state === 'open');
  const worst = open[0]?.standing.severity;
  return html`
    <p class="lead">
      ${worst === undefined ? '' : severityMark(worst)}
      ${end === undefined ? 'It has no end that is known.' : html`It <strong>${ending(end, now)}</strong>.`}
    </p>
    ${
      open.length === 0
        ? ''
        : html`<section>
            <h2>Alerts</h2>
            <ul class="plain">
              ${open.map((state) => html`<li>${alertLine(state, root)}</li>`)}
            </ul>
            ${open.slice(0, MAX_FORMS).map((state) => actsOf(state, frame))}
          </section>`
    }
    ${readingNote(known.had, now)} ${breaksSection(known, frame)}
    ${
      chains.length === 0
        ? ''
        : html`<section>
            <h2>Chain</h2>
            ${chains.map(({ location, tree }, index) => chainPicture(tree, location, index + 1, now))}
          </section>`
    }
    ${placesSection(known, root)} ${historySection(known, root)}
    <section>
      <h2>Facts</h2>
      <dl class="facts">
        ${factsOf(item).map(
          ([name, value]) =>
            html`<div>
              <dt>${name}</dt>
              <dd>${text(value, 2_000)}</dd>
            </div>`,
        )}
      </dl>
    </section>
  `;
}

/** What can be done about who hears of an alert, folded up. */
function actsOf({ alert: { id, family, acknowledgement } }: AlertState, { root, who }: Frame): Html {
  return html`<details>
    <summary>Acknowledge or silence the alert of ${family}</summary>
    <div class="acts">
      ${acknowledgement === undefined ? acknowledgeForm(root, id, who) : ''}
      ${silenceForm(root, [`alert="${id}"`], who, id)}
    </div>
  </details>`;
}

function breaksSection({ limits, limitCount, logins }: KnownOfItem, frame: Frame): Html | '' {
  if (limitCount === 0 && logins.length === 0) return '';
  return html`<section>
    <h2>What breaks when it ends</h2>
    ${
      limitCount === 0
        ? ''
        : html`<p>${limitCount === 1 ? 'This endpoint fails' : `These ${limitCount} endpoints fail`} for everybody:</p>
            <ul class="columns">
              ${limits.map(({ location, labels }) => html`<li>${text(location)} ${ownerOf(labels)}</li>`)}
            </ul>
            ${rest(limitCount - limits.length, 'endpoint')}`
    }
    ${
      logins.length === 0
        ? ''
        : html`<p>These logins are refused:</p>
            ${loginTable('Logins that are refused', logins.slice(0, MAX_LOGINS), frame)}
            ${rest(logins.length - MAX_LOGINS, 'login')}`
    }
  </section>`;
}

function ownerOf(labels: LocationName['labels']): Html | '' {
  const { owner } = labels;
  return owner === undefined ? '' : html`<span class="rule">${text(owner, 80)}</span>`;
}

function placesSection({ homes, homeCount }: KnownOfItem, root: string): Html {
  return html`<section>
    <h2>Places (${homeCount})</h2>
    ${
      homes.length === 0
        ? html`<p>It was seen nowhere itself, or is there no more.</p>`
        : tableFrame(
            'Places',
            html`<table>
              <thead>
                <tr>
                  <th scope="col">Location</th>
                  <th scope="col">Place</th>
                  <th scope="col">Role</th>
                  <th scope="col">Owner</th>
                  <th scope="col">Private key</th>
                  <th scope="col">Since</th>
                  <th scope="col">Last seen</th>
                  <th scope="col">Source</th>
                </tr>
              </thead>
              <tbody>
                ${homes.map(
                  ({ location, sighting }) =>
                    html`<tr>
                      <th scope="row">${text(location.location)}</th>
                      <td data-label="Place">${text(sighting.place, 80)}</td>
                      <td data-label="Role">${sighting.role}</td>
                      <td data-label="Owner">
                        ${text(sighting.labels?.['owner'] ?? location.labels['owner'] ?? '', 80)}
                      </td>
                      <td data-label="Private key">${sighting.key === undefined ? '' : text(sighting.key.at)}</td>
                      <td class="date" data-label="Since">${day(sighting.firstSeenAt)}</td>
                      <td class="date" data-label="Last seen">${day(sighting.lastSeenAt)}</td>
                      <td data-label="Source">
                        <a href="${root}certificates?source=${encodeURIComponent(location.source)}"
                          >${location.source}</a
                        >
                      </td>
                    </tr>`,
                )}
              </tbody>
            </table>`,
          )
    }
    ${rest(homeCount - homes.length, 'place')}
  </section>`;
}

function historySection({ item, history, successors }: KnownOfItem, root: string): Html | '' {
  const others = history.some((stay) => stay.item.id !== item.id);
  if (!others && successors.length === 0) return '';
  return html`<section>
    <h2>Before and after it</h2>
    ${
      successors.length === 0
        ? ''
        : html`<p>
            Newer for the same names:
            ${successors
              .slice(0, 5)
              .map(
                (newer) => html`${itemLink(root, newer.item.id, newer.item.title)} (until ${day(endsAt(newer.item))}) `,
              )}
          </p>`
    }
    ${tableFrame(
      'What was in its places',
      html`<table>
        <thead>
          <tr>
            <th scope="col">What</th>
            <th scope="col">Location</th>
            <th scope="col">From</th>
            <th scope="col">To</th>
            <th scope="col">Ends</th>
          </tr>
        </thead>
        <tbody>
          ${history.map(
            (stay) =>
              html`<tr>
                <th scope="row">
                  ${stay.item.id === item.id ? html`<em>this one</em>` : itemLink(root, stay.item.id, titleOf(stay.item))}
                </th>
                <td class="whole">${text(stay.location.location)}</td>
                <td class="date" data-label="From">${day(stay.firstSeenAt)}</td>
                <td class="date" data-label="To">${stay.endedAt === undefined ? 'is there' : day(stay.endedAt)}</td>
                <td class="date" data-label="Ends">${day(endsAt(stay.item))}</td>
              </tr>`,
          )}
        </tbody>
      </table>`,
    )}
  </section>`;
}

function factsOf(item: KnownItem): readonly (readonly [string, string])[] {
  const own = itemFacts(item).map(({ name, value }) => [name, value] as const);
  if (item.kind !== 'certificate') return own;
  return [
    ['Subject', item.subject],
    ...own,
    ['Authority', item.isCa ? 'yes' : 'no'],
    ['Usage', [...(item.keyUsage ?? []), ...(item.extendedKeyUsage ?? [])].join(', ') || 'not restricted'],
    ['Key', item.keyAlgorithm],
    ['Signature', item.signatureAlgorithm],
    ['Public key', item.publicKey],
    ...(item.problems.length === 0 ? [] : [['Faults', item.problems.join('; ')] as const]),
  ];
}
