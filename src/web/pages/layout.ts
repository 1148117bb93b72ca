import { html } from 'hono/html';

import type { Severity } from '../../plugin/notification.ts';
import { span, utc } from '../../policy/wording.ts';
import { safeText } from '../../text/safe-text.ts';

export type Html = ReturnType<typeof html>;

export const SECTIONS = ['next', 'certificates', 'clients', 'coverage', 'alerts'] as const;
export type Section = (typeof SECTIONS)[number];

const TITLES: Readonly<Record<Section, string>> = {
  next: 'Next',
  certificates: 'Certificates',
  clients: 'Clients',
  coverage: 'Coverage',
  alerts: 'Alerts',
};

/** What every page needs to know. */
export interface Frame {
  /** The way from the page to the root, relative, so that a proxy may serve all of it below a path: `./`, `../`. */
  readonly root: string;
  readonly now: number;
  readonly version: string;
  /** Changes when an asset does. */
  readonly assets: string;
  /** Who is logged in; absent where nobody has to. */
  readonly who?: string;
}

export interface Shown extends Frame {
  readonly title: string;
  readonly section?: Section;
  /** What was searched for. */
  readonly search?: string;
  readonly body: Html;
}

/** A whole page; everything that is inserted is escaped. */
export function layout({ root, title, section, search, body, now, version, assets, who }: Shown): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${text(title)} – notafter</title>
        <link rel="stylesheet" href="${root}assets/style.css?${assets}" />
        <link rel="icon" href="${root}assets/icon.svg?${assets}" type="image/svg+xml" />
        <script src="${root}assets/notafter.js?${assets}" defer></script>
      </head>
      <body>
        <a class="skip" href="#main">Skip to the content</a>
        <header class="top">
          <a class="mark" href="${root}" aria-label="notafter, home">not<span>after</span></a>
          <nav aria-label="Pages">
            ${SECTIONS.map(
              (one) =>
                html`<a href="${root}${one === 'next' ? '' : one}" ${one === section ? html`aria-current="page"` : ''}
                  >${TITLES[one]}</a
                >`,
            )}
          </nav>
          <form class="find" role="search" action="${root}certificates">
            <label class="hidden" for="find">Find a certificate</label>
            <input
              id="find"
              name="q"
              type="search"
              placeholder="name, serial, fingerprint"
              maxlength="500"
              value="${text(search ?? '', 500)}"
            />
            <button>Find</button>
          </form>
        </header>
        <main id="main" tabindex="-1">
          <h1>${text(title)}</h1>
          ${body}
        </main>
        <footer>
          <p>
            ${utc(now)} · notafter ${version} ${who === undefined ? '' : html` · logged in as ${who}`} ·
            <a href="${root}openapi.json">API</a> · <a href="${root}calendar.ics">Calendar</a> ·
            <a href="${root}metrics">Metrics</a>
          </p>
        </footer>
      </body>
    </html>`;
}

const MARKS: Readonly<Record<Severity, string>> = { critical: '■', warning: '◆', info: '·' };

/** Told by form and word as well as by colour. */
export function severityMark(severity: Severity): Html {
  return html`<span class="severity ${severity}"><span aria-hidden="true">${MARKS[severity]}</span> ${severity}</span>`;
}

/** An instant, with how far away it is. */
export function when(at: number | null | undefined, now: number): Html {
  if (at === null || at === undefined || !(Math.abs(at) <= 8.64e15)) return html`<span class="none">never</span>`;
  return html`<time datetime="${new Date(at).toISOString()}">${utc(at).slice(0, 16)}</time>
    <span class="away">${at > now ? `in ${span(at - now)}` : `${span(now - at)} ago`}</span>`;
}

/** The day alone. */
export function day(at: number | undefined): Html {
  if (at === undefined || !(Math.abs(at) <= 8.64e15)) return html`<span class="none">–</span>`;
  return html`<time datetime="${new Date(at).toISOString()}">${utc(at).slice(0, 10)}</time>`;
}

/** A wide table scrolls in its own frame, also by keyboard. */
export function tableFrame(name: string, table: Html): Html {
  return html`<div class="wide" role="region" aria-label="${name}" tabindex="0">${table}</div>`;
}

/** Text from outside, at most so long. */
export function text(raw: string, max = 300): string {
  return safeText(raw, { max });
}

/** The page of an item. */
export function itemLink(root: string, id: string, title: string): Html {
  return html`<a href="${root}certificates/${encodeURIComponent(id)}">${text(title, 120)}</a>`;
}

/** `a, b and 3 more`. */
export function some(values: readonly string[], max: number): string {
  const rest = values.length - max;
  const shown = values.slice(0, max).map((value) => text(value, 120));
  return rest > 0 ? `${shown.join(', ')} and ${rest} more` : shown.join(', ');
}
