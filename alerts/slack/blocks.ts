import type { Json } from '../../src/plugin/json.ts';
import type { AffectedPlace, AlertNotice, Notification, Severity } from '../../src/plugin/notification.ts';
import {
  counted,
  digestIntro,
  endText,
  headline,
  splitAction,
  standingText,
  utcText,
} from '../../src/plugin/wording.ts';
import { safeText } from '../../src/text/safe-text.ts';
import { escapeSlack, slackCode } from '../../src/text/slack.ts';

/** https://docs.slack.dev/reference/block-kit/blocks/section-block: text of a section. */
export const MAX_SECTION = 3_000;
/** https://docs.slack.dev/reference/block-kit/blocks/section-block: fields of a section, and the text of one. */
export const MAX_FIELDS = 10;
export const MAX_FIELD = 2_000;
/** https://docs.slack.dev/reference/block-kit/blocks: blocks of a message. */
export const MAX_BLOCKS = 50;
/**
 * All text of all blocks. The limit is not documented and lies at about 13 200 characters, beyond which the answer is
 * `msg_blocks_too_long` (https://github.com/slackapi/bolt-js/issues/2509).
 */
export const MAX_TOTAL = 12_000;
/** https://docs.slack.dev/reference/methods/chat.postMessage: text beyond 4 000 characters should not be sent. */
export const MAX_TEXT = 4_000;

const MAX_FACT = 200;
/** `and 1234567 more`. */
const MAX_REST = 24;
const MAX_LINE = 600;
const MAX_COMMAND = 450;
/** What facts and places may take, so that what to do always fits. */
const MAX_LIST = 2_500;

/** The message as blocks of mrkdwn. `verbatim` keeps Slack from making links of names in the text. */
export function blocksOf(notification: Notification): readonly Json[] {
  const blocks: Json[] = [section(`${sign(notification)} *${escaped(headline(notification), 250)}*`)];
  switch (notification.kind) {
    case 'test':
      blocks.push(section('This channel works. What notafter finds will arrive here.'));
      break;
    case 'alert':
      for (const alert of notification.alerts.slice(0, 1)) blocks.push(...alertBlocks(alert, notification));
      break;
    case 'digest':
      blocks.push(...digestBlocks(notification));
      break;
  }
  const footer = footerOf(notification);
  if (footer !== '') blocks.push({ type: 'context', elements: [mrkdwn(footer)] });
  return blocks;
}

/** The message as plain text: what a phone shows of it, and all of it when Slack does not take the blocks. */
export function textOf(notification: Notification): string {
  const lines =
    notification.kind === 'digest'
      ? notification.alerts.map((alert) => digestLine(alert, notification))
      : notification.alerts.flatMap((alert) => [escaped(alert.summary, 1_000), ...actionLines(alert)]);
  const total = notification.kind === 'digest' ? notification.alertCount : lines.length;
  return fitted(escaped(headline(notification), 250), lines, total, MAX_TEXT);
}

/** What a thread is told: the news alone, the whole stands in the message above it. */
export function noteBlocksOf(notification: Notification): readonly Json[] {
  const [alert] = notification.alerts;
  const summary = alert === undefined || notification.alertCount > 1 ? '' : escaped(alert.summary, 1_500);
  const said = section(`${sign(notification)} *${escaped(headline(notification), 250)}*`);
  return summary === '' ? [said] : [said, section(summary)];
}

/** The news as plain text. */
export function noteTextOf(notification: Notification): string {
  return escaped(headline(notification), 250);
}

function alertBlocks(alert: AlertNotice, notification: Notification): readonly Json[] {
  const blocks: Json[] = [];
  if (alert.summary !== '') blocks.push(section(escaped(alert.summary, 1_500)));
  const actions = actionLines(alert);
  if (actions.length > 0) blocks.push(section(fitted('*What to do*', actions, actions.length, MAX_SECTION)));
  blocks.push(section(placesText(alert)));
  const fields = factsOf(alert, notification)
    .slice(0, MAX_FIELDS)
    .map(({ name, value }) => mrkdwn(`*${escaped(name, 60)}*\n${escaped(value, MAX_FACT)}`));
  if (fields.length > 0) blocks.push({ type: 'section', fields });
  return blocks;
}

function actionLines(alert: AlertNotice): readonly string[] {
  return alert.actions.map((action, index) => {
    const { text, command } = splitAction(action);
    if (command === undefined) return `${index + 1}. ${escaped(text, MAX_LINE)}`;
    return `${index + 1}. ${escaped(text, 150)}: ${code(command, MAX_COMMAND)}`;
  });
}

function placesText(alert: AlertNotice): string {
  const lines = alert.places.map((place) => `• ${code(place.location, 200)} ${placeDetails(place)}`);
  return fitted(`*${counted(alert.placeCount, 'place')}*`, lines, alert.placeCount, MAX_LIST);
}

function placeDetails(place: AffectedPlace): string {
  const owner = place.labels['owner'];
  const details = [
    `source ${place.source}`,
    ...(owner === undefined ? [] : [`owner ${owner}`]),
    place.state === 'open' ? place.rules.join(', ') : place.state,
  ];
  return escaped(`(${details.join('; ')})`, 200);
}

function factsOf(alert: AlertNotice, { at }: Notification): AlertNotice['facts'] {
  const end =
    alert.endsAt === undefined
      ? []
      : [{ name: 'End', value: `${utcText(alert.endsAt)}, ${endText(alert.endsAt, at)}` }];
  return [...end, ...alert.facts];
}

function digestBlocks(notification: Notification): readonly Json[] {
  const lines = notification.alerts.map((alert) => digestLine(alert, notification));
  const sections: string[] = [];
  let current = digestIntro(notification);
  let total = 0;
  let listed = 0;
  for (const line of lines) {
    if (total + current.length + line.length > MAX_TOTAL - 2_000) break;
    if (current.length + 1 + line.length > MAX_SECTION) {
      sections.push(current);
      total += current.length;
      current = line;
    } else current += `\n${line}`;
    listed += 1;
  }
  const more = notification.alertCount - listed;
  return [...sections, current, ...(more > 0 ? [`and ${more} more`] : [])].map(section);
}

function digestLine(alert: AlertNotice, { at }: Notification): string {
  const what = standingText(alert, at);
  const places = alert.placeCount > 1 ? ` (${alert.placeCount} places)` : '';
  return `${alert.state === 'open' ? SIGNS[alert.severity] : OVER} *${escaped(alert.title, 80)}* ${escaped(what, 60)}${places}`;
}

function footerOf({ alerts, externalUrl, kind }: Notification): string {
  const [alert] = alerts;
  const parts = [
    ...(kind === 'alert' ? [link(alert?.runbookUrl, 'Runbook')] : []),
    link(externalUrl, 'notafter'),
    ...(kind === 'alert' && alert !== undefined ? [escaped(`alert ${alert.id}`, 40)] : []),
  ];
  return parts.filter((part) => part !== '').join('  |  ');
}

/** A link of mrkdwn; empty for what could break out of one. */
function link(url: string | undefined, text: string): string {
  return url !== undefined && url.length <= 500 && /^https?:\/\/[^\s<>|]+$/.test(url)
    ? `<${url.replaceAll('&', '&amp;')}|${text}>`
    : '';
}

const OVER = ':white_check_mark:';
const SIGNS: Readonly<Record<Severity, string>> = {
  critical: ':red_circle:',
  warning: ':large_yellow_circle:',
  info: ':white_circle:',
};

function sign({ kind, reason, severity }: Notification): string {
  if (reason === 'resolved') return OVER;
  return kind === 'test' || reason === 'withdrawn' ? ':white_circle:' : SIGNS[severity];
}

/** Hostile text made harmless for mrkdwn, at most `max` long when it is escaped. */
function escaped(text: string, max: number): string {
  return within(max, (size) => escapeSlack(safeText(text, { max: size })));
}

function code(text: string, max: number): string {
  return within(max, (size) => slackCode(safeText(text, { max: size })));
}

/** An escape can make five characters of one: the text is cut until its escaped form fits. */
function within(max: number, render: (size: number) => string): string {
  for (let size = max; size > 1; size = Math.floor(size * 0.8)) {
    const text = render(size);
    if (text.length <= max) return text;
  }
  return '';
}

/** As many of the lines as fit, whole, and how many of `total` are not among them. */
function fitted(heading: string, lines: readonly string[], total: number, max: number): string {
  let text = heading;
  let shown = 0;
  for (const line of lines) {
    if (text.length + 1 + line.length > max - MAX_REST) break;
    text += `\n${line}`;
    shown += 1;
  }
  return shown < total ? `${text}\nand ${total - shown} more` : text;
}

function section(text: string): Json {
  return { type: 'section', text: mrkdwn(text) };
}

function mrkdwn(text: string): Json {
  return { type: 'mrkdwn', text, verbatim: true };
}
