import { html } from 'hono/html';

import type { Outlook } from '../../policy/forecast.ts';
import { span, utc } from '../../policy/wording.ts';
import { text, type Html } from './layout.ts';

const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;
/** Units of the drawing. */
const WIDTH = 1_000;
const ROW = 24;
const TOP = 30;
/** Rows beyond this are only counted. */
const MAX_ROWS = 18;
/** A label stands left of its end where there is no room on the right. */
const ROOM = 640;
const MAX_LABEL = 44;

/**
 * The weeks to come as a drawing: each cause a row, thin from the day on which it becomes a warning, thick from that on
 * which it becomes critical, up to the bar at its end. What it shows is in the table below it, too.
 */
export function timeline(outlooks: readonly Outlook[], now: number, weeks: number): Html | '' {
  const untilAt = now + weeks * WEEK_MS;
  const rows = outlooks.filter(({ endsAt }) => endsAt !== undefined && endsAt > now && endsAt <= untilAt);
  if (rows.length === 0) return '';
  const x = (at: number): number => Math.round(Math.max(0, Math.min(1, (at - now) / (untilAt - now))) * WIDTH);
  const shown = rows.slice(0, MAX_ROWS);
  const height = TOP + shown.length * ROW + 6;
  const ticks = Array.from({ length: weeks + 1 }, (_, week) => now + week * WEEK_MS);
  const every = weeks > 16 ? 4 : 2;
  return html`<figure class="timeline">
    <div class="wide" role="region" aria-label="Timeline" tabindex="0">
      <svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="timeline-title">
        <title id="timeline-title">
          What ends within ${weeks} weeks: ${rows.length} ${rows.length === 1 ? 'cause' : 'causes'}, the first in
          ${span((rows[0]?.endsAt ?? now) - now)}
        </title>
        ${ticks.map(
          (at, week) =>
            html`<line class="tick" x1="${x(at)}" y1="20" x2="${x(at)}" y2="${height}" />${
                week % every === 0 && week < weeks
                  ? html`<text class="week" x="${x(at) + 3}" y="14">${week === 0 ? 'now' : utc(at).slice(5, 10)}</text>`
                  : ''
              }`,
        )}
        ${shown.map((outlook, index) => rowOf(outlook, TOP + index * ROW, x, now))}
      </svg>
    </div>
    ${
      rows.length > shown.length
        ? html`<figcaption>The first ${shown.length} of ${rows.length}; the table has more.</figcaption>`
        : ''
    }
  </figure>`;
}

function rowOf(outlook: Outlook, y: number, x: (at: number) => number, now: number): Html {
  const endsAt = outlook.endsAt ?? now;
  const from = (levels: readonly string[]): number | undefined =>
    outlook.standing !== undefined && levels.includes(outlook.standing)
      ? now
      : outlook.changes.find(({ severity, at }) => levels.includes(severity) && at <= endsAt)?.at;
  const warnedAt = from(['warning', 'critical']);
  const criticalAt = from(['critical']);
  const middle = y + ROW / 2;
  const end = x(endsAt);
  const isLeft = end > ROOM;
  const label = `${text(outlook.title, MAX_LABEL)}${outlook.locations.length > 1 ? ` ×${outlook.locations.length}` : ''}`;
  return html`${
      warnedAt === undefined
        ? ''
        : html`<line class="warned" x1="${x(warnedAt)}" y1="${middle}" x2="${end}" y2="${middle}" />`
    }${
      criticalAt === undefined
        ? ''
        : html`<line class="critical" x1="${x(criticalAt)}" y1="${middle}" x2="${end}" y2="${middle}" />`
    }<line class="end" x1="${end}" y1="${y + 3}" x2="${end}" y2="${y + ROW - 3}" /><text
      class="label ${isLeft ? 'left' : ''}"
      x="${isLeft ? labelLeft(x, warnedAt ?? criticalAt ?? endsAt) : end + 7}"
      y="${middle + 4}"
    >
      ${label}
    </text>`;
}

/** Where a label ends that stands left of the line of its cause. */
function labelLeft(x: (at: number) => number, beginsAt: number): number {
  return Math.max(300, x(beginsAt) - 7);
}
