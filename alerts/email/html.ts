import type { AffectedPlace, AlertNotice, Notification, Severity } from '../../src/plugin/notification.ts';
import {
  counted,
  digestIntro,
  endText,
  headline,
  severityText,
  splitAction,
  standingText,
  utcText,
} from '../../src/plugin/wording.ts';
import { escapeHtml } from '../../src/text/html.ts';
import { safeText } from '../../src/text/safe-text.ts';
import { timelineOf } from './timeline.ts';

const MAX_TEXT = 600;
const MAX_COMMAND = 4_000;
const MAX_NAME = 60;

// Outlook draws mails with Word: tables with widths and bgcolor, no max-width, no rgba(), no display on inline elements.
const FONT = "font-family:'Segoe UI',system-ui,-apple-system,Arial,sans-serif";
const MONO = 'font-family:Consolas,Menlo,monospace;font-size:13px';
const LINE = 'border-bottom:1px solid #c8ccd0';
const CELL = `padding:6px 10px 6px 0;${LINE};font-size:14px;word-break:break-word`;
const FACT_NAME = `padding:6px 14px 6px 0;${LINE};font-size:14px`;
const HEADING = 'font-size:15px;line-height:1.3;margin:24px 0 6px';
/** Text and ground are both given, so that neither is lost where a reader turns colours round. */
const CODE_GROUND = '#eef0f2';
const CODE = `${MONO};color:#202124;padding:8px 10px;white-space:pre-wrap;overflow-wrap:anywhere`;

/** Colours of text that carry on white and on black. */
const COLOUR: Readonly<Record<Severity, string>> = { critical: '#d93025', warning: '#b06000', info: 'inherit' };
/** Colours of grounds that carry white text. */
const GROUND: Readonly<Record<Severity, string>> = { critical: '#b3261e', warning: '#8a5300', info: '#44546a' };
const OVER_GROUND = '#1e6b3a';
const QUIET_GROUND = '#44546a';

/** The mail as HTML: one column of tables, readable on a phone, in Outlook and in the dark; nothing fetched from anywhere. */
export function htmlOf(notification: Notification): string {
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">',
    `<title>${text(headline(notification))}</title></head>`,
    `<body style="${FONT};font-size:15px;line-height:1.45;margin:0">`,
    '<table role="presentation" width="100%" cellspacing="0" cellpadding="0"><tr><td align="center" style="padding:16px">',
    `<table role="presentation" width="680" cellspacing="0" cellpadding="0" style="width:100%;max-width:680px;text-align:left;${FONT}">`,
    heading(notification),
    '<tr><td style="padding:16px 4px;font-size:15px;line-height:1.45">',
    body(notification),
    footer(notification),
    '</td></tr></table>',
    '</td></tr></table></body></html>',
  ].join('\n');
}

function heading(notification: Notification): string {
  const ground = groundOf(notification);
  const title = `<h1 style="font-size:19px;line-height:1.3;margin:0;color:#ffffff">${text(headline(notification))}</h1>`;
  return `<tr><td bgcolor="${ground}" style="background-color:${ground};padding:14px 16px">${title}</td></tr>`;
}

function groundOf({ kind, reason, severity }: Notification): string {
  if (kind === 'test' || reason === 'withdrawn') return QUIET_GROUND;
  return reason === 'resolved' ? OVER_GROUND : GROUND[severity];
}

function body(notification: Notification): string {
  switch (notification.kind) {
    case 'test':
      return '<p style="margin:0">This channel works. What notafter finds will arrive here.</p>';
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
  const facts = [...end, ...alert.facts, since].map(factRow);
  return [
    alert.summary === '' ? '' : `<p style="margin:0 0 12px">${text(alert.summary)}</p>`,
    timelineOf(alert, at),
    alert.actions.length === 0 ? '' : `<h2 style="${HEADING}">What to do</h2>\n${table(alert.actions.map(actionRow))}`,
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

function actionRow(action: string, index: number): string {
  const { text: said, command } = splitAction(action);
  const number = `<td width="24" valign="top" style="padding:5px 0;font-size:14px">${index + 1}.</td>`;
  const sentence = `${text(said)}${command === undefined ? '' : ':'}`;
  return `<tr>${number}<td valign="top" style="padding:5px 0;font-size:14px">${sentence}${command === undefined ? '' : commandHtml(command)}</td></tr>`;
}

/** The name is not taken apart, so that it does not stand in a column of syllables on a phone. */
function factRow({ name, value }: AlertNotice['facts'][number]): string {
  const label = escapeHtml(safeText(name, { max: MAX_NAME }));
  return `<tr><td valign="top" style="${FACT_NAME}">${label}</td><td valign="top" style="${CELL}">${text(value)}</td></tr>`;
}

/** A table of its own: the only box that every reader draws. */
function commandHtml(command: string): string {
  const shown = escapeHtml(safeText(command, { max: MAX_COMMAND }));
  return `<table role="presentation" width="100%" cellspacing="0" cellpadding="0" style="margin:4px 0"><tr><td bgcolor="${CODE_GROUND}" style="background-color:${CODE_GROUND};${CODE}"><code style="${MONO}">${shown}</code></td></tr></table>`;
}

function placeRow({ location, source, labels, rules, severity, state }: AffectedPlace): string {
  const owner = labels['owner'];
  const what = state === 'open' ? `<span style="color:${COLOUR[severity]}">${text(rules.join(', '))}</span>` : state;
  const details = [what, `source ${text(source)}`, ...(owner === undefined ? [] : [`owner ${text(owner)}`])];
  return row([`<code style="${MONO};word-break:break-all">${text(location)}</code>`, details.join('<br>')]);
}

function digestHtml(notification: Notification): string {
  const rows = notification.alerts.map((alert) => {
    const isOpen = alert.state === 'open';
    const end = alert.endsAt === undefined || !isOpen ? '' : `<br>${utcText(alert.endsAt)}`;
    const severity = `<span style="color:${isOpen ? COLOUR[alert.severity] : 'inherit'}">${severityText(alert.severity)}</span>`;
    const where = alert.placeCount > 1 ? counted(alert.placeCount, 'place') : text(alert.places[0]?.location ?? '');
    return row([
      severity,
      `<strong>${text(alert.title)}</strong><br>${where}`,
      `${text(standingText(alert, notification.at))}${end}`,
    ]);
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
  return `<table role="presentation" width="100%" cellspacing="0" cellpadding="0" style="border-collapse:collapse">${rows.join('\n')}</table>`;
}

function row(cells: readonly string[]): string {
  return `<tr>${cells.map((cell) => `<td valign="top" style="${CELL}">${cell}</td>`).join('')}</tr>`;
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
