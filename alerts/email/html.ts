import type { AffectedPlace, AlertNotice, Notification, Severity } from '../../src/plugin/notification.ts';
import {
  counted,
  digestIntro,
  endText,
  headline,
  ruleText,
  severityText,
  splitAction,
  utcText,
} from '../../src/plugin/wording.ts';
import { escapeHtml } from '../../src/text/html.ts';
import { safeText } from '../../src/text/safe-text.ts';

const MAX_TEXT = 600;
const MAX_COMMAND = 4_000;

// Colours that carry on white and on black: mail readers in dark mode invert or keep as they like.
const COLOUR: Readonly<Record<Severity, string>> = { critical: '#d93025', warning: '#b06000', info: 'inherit' };
const LINE = 'border-bottom:1px solid rgba(128,128,128,.35)';
const CELL = `padding:6px 8px 6px 0;vertical-align:top;text-align:left;${LINE};word-break:break-word`;
const CODE = 'font-family:ui-monospace,Menlo,Consolas,monospace;font-size:13px';
const BLOCK = `${CODE};display:block;margin:4px 0;padding:6px 8px;background:rgba(128,128,128,.15);white-space:pre-wrap;word-break:break-all`;
const HEADING = 'font-size:15px;margin:24px 0 6px';

/** The mail as HTML: one column, readable on a phone and in the dark, nothing fetched from anywhere. */
export function htmlOf(notification: Notification): string {
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">',
    `<title>${text(headline(notification))}</title></head>`,
    '<body style="font-family:system-ui,-apple-system,Segoe UI,sans-serif;font-size:15px;line-height:1.45;margin:16px">',
    '<div style="max-width:680px">',
    heading(notification),
    body(notification),
    footer(notification),
    '</div></body></html>',
  ].join('\n');
}

function heading(notification: Notification): string {
  const isOver = notification.reason === 'resolved' || notification.reason === 'withdrawn';
  const colour = isOver || notification.kind === 'test' ? 'inherit' : COLOUR[notification.severity];
  return `<h1 style="font-size:19px;line-height:1.3;margin:0 0 12px;color:${colour}">${text(headline(notification))}</h1>`;
}

function body(notification: Notification): string {
  switch (notification.kind) {
    case 'test':
      return '<p>This channel works. What notafter finds will arrive here.</p>';
    case 'alert':
      return notification.alerts.map((alert) => alertHtml(alert, notification)).join('\n');
    case 'digest':
      return digestHtml(notification);
  }
}

function alertHtml(alert: AlertNotice, { at }: Notification): string {
  const end =
    alert.endsAt === undefined
      ? []
      : [{ name: 'End', value: `${utcText(alert.endsAt)}, ${endText(alert.endsAt, at)}` }];
  const since = { name: 'Open since', value: utcText(alert.openedAt) };
  const facts = [...end, ...alert.facts, since].map(({ name, value }) => row([text(name), text(value)]));
  return [
    alert.summary === '' ? '' : `<p style="margin:0 0 12px">${text(alert.summary)}</p>`,
    alert.actions.length === 0
      ? ''
      : `<h2 style="${HEADING}">What to do</h2>\n<ol style="margin:0;padding-left:22px">${alert.actions.map(actionHtml).join('\n')}</ol>`,
    `<h2 style="${HEADING}">${counted(alert.placeCount, 'place')}</h2>`,
    table(alert.places.map(placeRow)),
    more(alert.placeCount - alert.places.length),
    `<h2 style="${HEADING}">Facts</h2>`,
    table(facts),
    link(alert.runbookUrl, 'Runbook'),
  ]
    .filter((part) => part !== '')
    .join('\n');
}

function actionHtml(action: string): string {
  const { text: said, command } = splitAction(action);
  const shown =
    command === undefined
      ? ''
      : `:<code style="${BLOCK}">${escapeHtml(safeText(command, { max: MAX_COMMAND }))}</code>`;
  return `<li style="margin:4px 0">${text(said)}${shown}</li>`;
}

function placeRow({ location, source, labels, rules, severity, state }: AffectedPlace): string {
  const owner = labels['owner'];
  const what = state === 'open' ? `<span style="color:${COLOUR[severity]}">${text(rules.join(', '))}</span>` : state;
  const details = [what, `source ${text(source)}`, ...(owner === undefined ? [] : [`owner ${text(owner)}`])];
  return row([`<code style="${CODE};word-break:break-all">${text(location)}</code>`, details.join('<br>')]);
}

function digestHtml(notification: Notification): string {
  const rows = notification.alerts.map((alert) => {
    const what =
      alert.endsAt === undefined
        ? ruleText(alert)
        : `${endText(alert.endsAt, notification.at)}, ${utcText(alert.endsAt)}`;
    const severity = `<span style="color:${COLOUR[alert.severity]}">${severityText(alert.severity)}</span>`;
    const places =
      alert.placeCount > 1
        ? `<br>${counted(alert.placeCount, 'place')}`
        : `<br>${text(alert.places[0]?.location ?? '')}`;
    return row([severity, `<strong>${text(alert.title)}</strong>${places}`, text(what)]);
  });
  return [
    `<p style="margin:0 0 12px">${text(digestIntro(notification))}</p>`,
    table(rows),
    more(notification.alertCount - notification.alerts.length),
  ].join('\n');
}

function footer({ externalUrl }: Notification): string {
  return link(externalUrl, 'Open notafter');
}

function table(rows: readonly string[]): string {
  return `<table role="presentation" cellspacing="0" cellpadding="0" style="border-collapse:collapse;width:100%;font-size:14px">${rows.join('\n')}</table>`;
}

function row(cells: readonly string[]): string {
  return `<tr>${cells.map((cell) => `<td style="${CELL}">${cell}</td>`).join('')}</tr>`;
}

function more(count: number): string {
  return count > 0 ? `<p style="margin:6px 0">and ${count} more</p>` : '';
}

/** Only web addresses: what else a link can do, a mail has no need of. */
function link(url: string | undefined, name: string): string {
  if (url === undefined || !/^https?:\/\//.test(url)) return '';
  return `<p style="margin:16px 0 0"><a href="${escapeHtml(safeText(url, { max: 2_000 }))}">${name}</a></p>`;
}

function text(raw: string): string {
  return escapeHtml(safeText(raw, { max: MAX_TEXT }));
}
