import { html } from 'hono/html';

import type { AlertState } from '../../notify/desk.ts';
import type { HoldReason, Silence } from '../../notify/model.ts';
import { counted } from '../../policy/wording.ts';
import { SEVERITIES } from '../../plugin/notification.ts';
import { choice, pager, rest, type Asked } from './certificates.ts';
import { acknowledgeForm, silenceForm } from './forms.ts';
import { itemLink, severityMark, some, tableFrame, text, when, type Frame, type Html } from './layout.ts';

const MAX_ROWS = 100;
const MAX_PLACES = 100;
const MAX_FAILED = 20;

const HELD: Readonly<Record<HoldReason, string>> = {
  silence: 'silenced',
  acknowledged: 'acknowledged',
  quiet_hours: 'quiet hours',
  digest: 'waits for the digest',
  storm: 'held back: a storm',
  settling: 'held back: it changes often',
  escalation: 'told elsewhere first',
};

export interface KnownAlerts {
  readonly open: readonly AlertState[];
  /** A page of those that were asked for. */
  readonly listed: {
    readonly asked: Asked;
    /** On all pages. */
    readonly found: number;
    readonly rows: readonly AlertState[];
    readonly next: string | undefined;
    readonly sources: readonly string[];
  };
  readonly silences: readonly Silence[];
  readonly oldestPendingAt: number | undefined;
  readonly failed: readonly {
    readonly channel: string;
    readonly recipient: string;
    readonly error: string;
    readonly at: number;
  }[];
}

/** What is open, who was told, what is muted, and what could not be delivered. */
export function alertsPage({ open, listed, silences, oldestPendingAt, failed }: KnownAlerts, frame: Frame): Html {
  const { root, now } = frame;
  const active = silences.filter(({ until }) => until > now);
  const critical = open.filter(({ standing }) => standing.severity === 'critical').length;
  return html`
    <p class="lead">
      ${
        open.length === 0
          ? 'Nothing is open.'
          : html`${counted(open.length, 'open alert')}${critical === 0 ? '' : html`, <strong class="critical">${critical} critical</strong>`}.`
      }
    </p>
    ${
      open.length === 0
        ? ''
        : html`${alertFilters(listed, root)}${
            listed.found === 0
              ? html`<p>None of them fits. Take a filter away.</p>`
              : tableFrame(
                  'Open alerts',
                  html`<table>
                    <thead>
                      <tr>
                        <th scope="col">Severity</th>
                        <th scope="col">What</th>
                        <th scope="col" class="number">Places</th>
                        <th scope="col">Ends (UTC)</th>
                        <th scope="col">Told</th>
                      </tr>
                    </thead>
                    <tbody>
                      ${listed.rows.map(
                        (state) =>
                          html`<tr>
                            <td>${severityMark(state.standing.severity)}</td>
                            <th scope="row">
                              <a href="${root}alerts/${state.alert.id}">${titleOf(state)}</a>
                              <span class="rule">${state.standing.rules.join(', ')}</span>
                            </th>
                            <td class="number" data-label="Places">${state.standing.placeCount}</td>
                            <td class="date" data-label="Ends">
                              ${state.standing.endsAt === undefined ? html`<span class="none">–</span>` : when(state.standing.endsAt, now)}
                            </td>
                            <td class="whole">${toldText(state)}</td>
                          </tr>`,
                      )}
                    </tbody>
                  </table>`,
                )
          }
          ${pager(listed.asked, withoutAfter(listed.asked), listed.next)}`
    }
    <h2>Silences</h2>
    ${active.length === 0 ? html`<p>None is in force.</p>` : silenceTable(active, root, now)}
    ${rest(active.length - MAX_ROWS, 'silence')}
    <details>
      <summary>Add a silence</summary>
      ${silenceForm(root, [], frame.who)}
    </details>
    <h2>Delivery</h2>
    <p>
      ${oldestPendingAt === undefined ? 'Nothing waits to be delivered.' : html`Something waits since ${when(oldestPendingAt, now)}.`}
    </p>
    ${
      failed.length === 0
        ? ''
        : html`${tableFrame(
            'Given up',
            html`<table>
              <caption>
                Given up
              </caption>
              <thead>
                <tr>
                  <th scope="col">When (UTC)</th>
                  <th scope="col">Channel</th>
                  <th scope="col">Recipient</th>
                  <th scope="col">Why</th>
                </tr>
              </thead>
              <tbody>
                ${failed.slice(-MAX_FAILED).map(
                  ({ at, channel, recipient, error }) =>
                    html`<tr>
                      <td class="date">${when(at, now)}</td>
                      <th scope="row">${text(channel)}</th>
                      <td data-label="Recipient">${text(recipient)}</td>
                      <td class="whole">${text(error)}</td>
                    </tr>`,
                )}
              </tbody>
            </table>`,
          )}
          ${rest(failed.length - MAX_FAILED, 'notification')}`
    }
  `;
}

function alertFilters({ asked, found, sources }: KnownAlerts['listed'], root: string): Html {
  const exported = withoutAfter(asked);
  exported.set('format', 'csv');
  return html`<form class="filters" action="${root}alerts">
      ${choice('Severity', 'severity', [['', 'any'], ...SEVERITIES.toReversed().map((one) => [one, one] as const)], asked)}
      ${choice('Source', 'source', [['', 'all'], ...sources.map((one) => [one, one] as const)], asked)}
      <label>Owner <input name="owner" maxlength="500" value="${text(asked['owner'] ?? '', 500)}" /></label>
      <button>Show</button>
    </form>
    <p class="count">${found} found. <a href="${root}api/v1/alerts?${exported.toString()}">As CSV</a></p>`;
}

function withoutAfter(asked: Asked): URLSearchParams {
  const how = new URLSearchParams(asked);
  how.delete('after');
  return how;
}

/** One alert: where, who was told, and what can be done about who hears of it. */
export function alertPage(state: AlertState, { root, now, who }: Frame): Html {
  const { alert, standing } = state;
  const places = alert.places.filter((place) => alert.state !== 'open' || place.state === 'open');
  const { acknowledgement } = alert;
  return html`
    <p class="lead">
      ${severityMark(standing.severity)} ${alert.state === 'open' ? '' : html`<strong>${alert.state}</strong>. `}
      ${summaryOf(state)}
    </p>
    <p><a class="action" href="${root}runbooks/alerts/${alert.id}">Runbook: what to do</a></p>
    ${
      acknowledgement === undefined
        ? ''
        : html`<p>
            Acknowledged by ${text(acknowledgement.author)}, ${when(acknowledgement.at, now)}
            ${acknowledgement.comment === '' ? '' : html`: ${text(acknowledgement.comment, 1_000)}`}
          </p>`
    }
    <h2>Places (${standing.placeCount})</h2>
    ${tableFrame(
      'Places',
      html`<table>
        <thead>
          <tr>
            <th scope="col">Location</th>
            <th scope="col">Owner</th>
            <th scope="col">What is wrong</th>
            <th scope="col">Since</th>
          </tr>
        </thead>
        <tbody>
          ${places.slice(0, MAX_PLACES).map(
            (place) =>
              html`<tr>
                <th scope="row">${text(place.location)}</th>
                <td data-label="Owner">${text(place.labels['owner'] ?? '', 80)}</td>
                <td class="whole">
                  ${place.findings.slice(0, 5).map(({ summary }) => html`<p>${text(summary, 500)}</p>`)}
                </td>
                <td class="date" data-label="Since">${when(place.firstAt, now)}</td>
              </tr>`,
          )}
        </tbody>
      </table>`,
    )}
    ${rest(places.length - MAX_PLACES, 'place')}
    <p>
      ${/^[0-9a-f]{64}$/.test(alert.cause) ? html`Cause: ${itemLink(root, alert.cause, titleOf(state))}.` : ''} Opened
      ${when(alert.openedAt, now)}.
    </p>
    <h2>Who was told</h2>
    <ul class="plain">
      ${alert.told.map(
        ({ channel, reason, severity, at }) =>
          html`<li>${text(channel)}: ${reason}, ${severity}, ${when(at, now)}</li>`,
      )}
      ${(alert.held ?? []).map(
        ({ channel, why, until }) =>
          html`<li>
            ${text(channel)}: not yet,
            ${HELD[why]}${until === undefined ? '' : html`; looked at again ${when(until, now)}`}
          </li>`,
      )}
      ${alert.told.length === 0 && alert.held === undefined ? html`<li>Nobody.</li>` : ''}
    </ul>
    ${
      alert.state !== 'open'
        ? ''
        : html`<div class="acts">
            ${acknowledgeForm(root, alert.id, who)} ${silenceForm(root, [`alert="${alert.id}"`], who, alert.id)}
          </div>`
    }
  `;
}

/** An alert in a list. */
export function alertLine(state: AlertState, root: string): Html {
  return html`${severityMark(state.standing.severity)}
    <a href="${root}alerts/${state.alert.id}">${summaryOf(state)}</a> · ${toldText(state)} ·
    <a href="${root}runbooks/alerts/${state.alert.id}">runbook</a>`;
}

export function titleOf({ alert, standing }: AlertState): string {
  const worst = alert.places.flatMap(({ findings }) => findings).find(({ rule }) => rule === standing.worstRules[0]);
  return text(worst?.title ?? alert.cause, 120);
}

function summaryOf({ alert, standing }: AlertState): string {
  const worst = alert.places.flatMap(({ findings }) => findings).find(({ rule }) => rule === standing.worstRules[0]);
  return text(worst?.summary ?? alert.cause, 500);
}

function toldText({ alert: { told, held = [], acknowledgement, awaitsDigest } }: AlertState): string {
  if (acknowledgement !== undefined) return `acknowledged by ${text(acknowledgement.author, 60)}`;
  const muted = [...new Set(held.map(({ why }) => HELD[why]))].join('; ');
  if (told.length > 0) {
    const channels = some(
      told.map(({ channel }) => channel),
      3,
    );
    return muted === '' ? `told ${channels}` : `told ${channels}; ${muted}`;
  }
  if (muted !== '') return muted;
  return awaitsDigest ? 'waits for the first digest' : 'told nobody';
}

function silenceTable(silences: readonly Silence[], root: string, now: number): Html {
  return tableFrame(
    'Silences',
    html`<table>
      <thead>
        <tr>
          <th scope="col">Matchers</th>
          <th scope="col">Until (UTC)</th>
          <th scope="col">By</th>
          <th scope="col">Comment</th>
          <th scope="col">End</th>
        </tr>
      </thead>
      <tbody>
        ${silences.slice(0, MAX_ROWS).map(
          ({ id, matchers, until, author, comment }) =>
            html`<tr>
              <th scope="row">${some(matchers, 20)}</th>
              <td class="date" data-label="Until">${when(until, now)}</td>
              <td data-label="By">${text(author)}</td>
              <td class="whole">${text(comment, 1_000)}</td>
              <td>
                <form method="post" action="${root}silences/${encodeURIComponent(id)}/end">
                  <button aria-label="End the silence by ${text(author)}">End now</button>
                </form>
              </td>
            </tr>`,
        )}
      </tbody>
    </table>`,
  );
}
