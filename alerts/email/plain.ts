import type { AlertNotice, Notification } from '../../src/plugin/notification.ts';
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
import { safeText } from '../../src/text/safe-text.ts';

/** One line of text may be at most this long; commands keep more, to be copied whole. */
const MAX_LINE = 600;
const MAX_COMMAND = 4_000;

/** The mail as plain text, for readers without HTML and for searching. */
export function textOf(notification: Notification): string {
  const parts = [line(headline(notification))];
  switch (notification.kind) {
    case 'test':
      parts.push('This channel works. What notafter finds will arrive here.');
      break;
    case 'alert':
      parts.push(...notification.alerts.flatMap((alert) => alertParts(alert, notification)));
      break;
    case 'digest':
      parts.push(digestPart(notification));
      break;
  }
  if (notification.externalUrl !== undefined) parts.push(`notafter: ${line(notification.externalUrl)}`);
  return `${parts.join('\n\n')}\n`;
}

function alertParts(alert: AlertNotice, { at }: Notification): readonly string[] {
  const end = alert.endsAt === undefined ? [] : [`End: ${utcText(alert.endsAt)}, ${endText(alert.endsAt, at)}`];
  const facts = [...end, ...alert.facts.map(({ name, value }) => `${line(name)}: ${line(value)}`)];
  return [
    ...(alert.summary === '' ? [] : [line(alert.summary)]),
    ...(alert.actions.length === 0 ? [] : [['What to do', ...alert.actions.map(actionLine)].join('\n')]),
    [counted(alert.placeCount, 'place'), ...placeLines(alert)].join('\n'),
    ...(facts.length === 0 ? [] : [['Facts', ...facts].join('\n')]),
    ...(alert.runbookUrl === undefined ? [] : [`Runbook: ${line(alert.runbookUrl)}`]),
    `Alert ${line(alert.id)}, open since ${utcText(alert.openedAt)}`,
  ];
}

function actionLine(action: string, index: number): string {
  const { text, command } = splitAction(action);
  const said = `${index + 1}. ${line(text)}`;
  return command === undefined ? said : `${said}:\n     ${safeText(command, { max: MAX_COMMAND })}`;
}

function placeLines(alert: AlertNotice): readonly string[] {
  const more = alert.placeCount - alert.places.length;
  return [
    ...alert.places.map(({ location, source, rules, state, labels }) => {
      const owner = labels['owner'];
      const what = state === 'open' ? rules.join(', ') : state;
      return `- ${line(location)} (source ${line(source)}; ${line(what)}${owner === undefined ? '' : `; owner ${line(owner)}`})`;
    }),
    ...(more > 0 ? [`and ${more} more`] : []),
  ];
}

function digestPart(notification: Notification): string {
  const { alerts, alertCount, at } = notification;
  const more = alertCount - alerts.length;
  return [
    digestIntro(notification),
    ...alerts.map((alert) => {
      const end = alert.endsAt === undefined || alert.state !== 'open' ? '' : `, ${utcText(alert.endsAt)}`;
      const what = `${standingText(alert, at)}${end}`;
      return `- ${severityText(alert.severity)}: ${line(alert.title)}: ${line(what)} (${counted(alert.placeCount, 'place')})`;
    }),
    ...(more > 0 ? [`and ${more} more`] : []),
  ].join('\n');
}

function line(text: string): string {
  return safeText(text, { max: MAX_LINE });
}
