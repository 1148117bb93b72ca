import type { Json } from '../../src/plugin/json.ts';
import type { AffectedPlace, AlertNotice, Notification, Severity } from '../../src/plugin/notification.ts';
import {
  counted,
  endText,
  digestIntro,
  headline,
  severityText,
  standingText,
  splitAction,
  utcText,
} from '../../src/plugin/wording.ts';
import { safeText } from '../../src/text/safe-text.ts';

/**
 * The whole message, bytes
 * (https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook).
 */
export const MAX_MESSAGE_BYTES = 28 * 1024;
/** Every client of Teams shows cards of this version; it is all that is needed here. */
export const CARD_VERSION = '1.4';

/** How much of everything is shown. A message that is too large is made anew with the next smaller one. */
interface Measure {
  readonly text: number;
  readonly command: number;
  readonly actions: number;
  readonly places: number;
  readonly facts: number;
  readonly alerts: number;
}

/** The last one fits whatever the text is: at most 12 bytes for a character in JSON, some 150 for the frame of a line. */
const MEASURES: readonly [Measure, ...Measure[]] = [
  { text: 1_000, command: 1_500, actions: 30, places: 20, facts: 20, alerts: 50 },
  { text: 400, command: 600, actions: 15, places: 20, facts: 12, alerts: 50 },
  { text: 200, command: 300, actions: 10, places: 10, facts: 8, alerts: 40 },
  { text: 80, command: 120, actions: 8, places: 5, facts: 5, alerts: 10 },
];

/** The message for a workflow of Teams: one adaptive card, as much of everything as fits. */
export function messageOf(notification: Notification): string {
  let message = '';
  for (const measure of MEASURES) {
    message = JSON.stringify(envelope(notification, measure));
    if (Buffer.byteLength(message) <= MAX_MESSAGE_BYTES) break;
  }
  return message;
}

function envelope(notification: Notification, measure: Measure): Json {
  return {
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        contentUrl: null,
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: CARD_VERSION,
          fallbackText: safeText(headline(notification), { max: 250 }),
          msteams: { width: 'Full' },
          body: [heading(notification), ...bodyOf(notification, measure)],
          actions: linksOf(notification),
        },
      },
    ],
  };
}

function heading(notification: Notification): Json {
  const line = [run(headline(notification), 250, { size: 'large', weight: 'bolder' })];
  return { type: 'Container', style: styleOf(notification), bleed: true, items: [paragraph(line)] };
}

const STYLES: Readonly<Record<Severity, string>> = { critical: 'attention', warning: 'warning', info: 'emphasis' };

function styleOf({ kind, reason, severity }: Notification): string {
  if (kind === 'test' || reason === 'withdrawn') return 'emphasis';
  return reason === 'resolved' ? 'good' : STYLES[severity];
}

function bodyOf(notification: Notification, measure: Measure): readonly Json[] {
  const { kind, alerts, alertCount, at } = notification;
  const [alert] = alerts;
  if (kind === 'test') return [paragraph([run('This channel works. What notafter finds will arrive here.', 250)])];
  if (kind === 'alert' && alertCount === 1 && alert !== undefined) return alertBody(alert, at, measure);
  const shown = alerts.slice(0, measure.alerts);
  return [
    paragraph([run(digestIntro(notification), 250)]),
    ...shown.map((entry) => listLine(entry, at, measure)),
    ...more(alertCount - shown.length),
  ];
}

function alertBody(alert: AlertNotice, at: Date, measure: Measure): readonly Json[] {
  const actions = alert.actions.slice(0, measure.actions);
  const places = alert.places.slice(0, measure.places);
  const facts = factsOf(alert, at).slice(0, measure.facts);
  return [
    ...(alert.summary === '' ? [] : [paragraph([run(alert.summary, measure.text)])]),
    ...(actions.length === 0 ? [] : [title('What to do')]),
    ...actions.flatMap((action, index) => actionLines(action, index, measure)),
    ...more(alert.actions.length - actions.length),
    title(counted(alert.placeCount, 'place')),
    ...places.map((place) => placeLine(place, measure)),
    ...more(alert.placeCount - places.length),
    ...(facts.length === 0 ? [] : [title('Facts')]),
    ...facts.map(({ name, value }) =>
      paragraph([run(`${name}: `, 60, { weight: 'bolder' }), run(value, measure.text)], 'none'),
    ),
  ];
}

function actionLines(action: string, index: number, measure: Measure): readonly Json[] {
  const { text, command } = splitAction(action);
  const said = run(`${index + 1}. ${text}${command === undefined ? '' : ':'}`, measure.text);
  if (command === undefined) return [paragraph([said], 'small')];
  const code = paragraph([run(command, measure.command, { fontType: 'monospace' })]);
  return [paragraph([said], 'small'), { type: 'Container', style: 'emphasis', spacing: 'small', items: [code] }];
}

function placeLine({ location, source, state, rules, labels }: AffectedPlace, measure: Measure): Json {
  const owner = labels['owner'];
  const what = state === 'open' ? rules.join(', ') : state;
  const details = [`source ${source}`, ...(owner === undefined ? [] : [`owner ${owner}`]), what];
  const where = run(location, Math.min(200, measure.text), { fontType: 'monospace' });
  return paragraph([where, run(`  (${details.join('; ')})`, Math.min(200, measure.text), { isSubtle: true })], 'small');
}

function factsOf(alert: AlertNotice, at: Date): AlertNotice['facts'] {
  const end =
    alert.endsAt === undefined
      ? []
      : [{ name: 'End', value: `${utcText(alert.endsAt)}, ${endText(alert.endsAt, at)}` }];
  return [...end, ...alert.facts];
}

function listLine(alert: AlertNotice, at: Date, measure: Measure): Json {
  const places = alert.placeCount > 1 ? ` (${alert.placeCount} places)` : '';
  return paragraph(
    [
      run(`${severityText(alert.severity)}: `, 20, {
        color: alert.state === 'open' ? COLOURS[alert.severity] : 'good',
        weight: 'bolder',
      }),
      run(alert.title, Math.min(100, measure.text), { weight: 'bolder' }),
      run(` ${standingText(alert, at)}${places}`, 100),
    ],
    'small',
  );
}

const COLOURS: Readonly<Record<Severity, string>> = { critical: 'attention', warning: 'warning', info: 'default' };

function linksOf({ kind, alerts, externalUrl }: Notification): readonly Json[] {
  return [...link('Runbook', kind === 'alert' ? alerts[0]?.runbookUrl : undefined), ...link('notafter', externalUrl)];
}

function link(name: string, url: string | undefined): readonly Json[] {
  return url !== undefined && url.length <= 500 && /^https?:\/\/[^\s<>"]+$/.test(url)
    ? [{ type: 'Action.OpenUrl', title: name, url }]
    : [];
}

function more(count: number): readonly Json[] {
  return count > 0 ? [paragraph([run(`and ${count} more`, 40, { isSubtle: true })], 'small')] : [];
}

function title(text: string): Json {
  return paragraph([run(text, 100, { weight: 'bolder' })], 'medium');
}

/**
 * Text in runs, which are shown as they are: a `TextBlock`, and the values of a `FactSet`, would read markdown and make
 * links and formatting of what stands in a certificate.
 */
function paragraph(inlines: readonly Json[], spacing = 'default'): Json {
  return { type: 'RichTextBlock', spacing, inlines };
}

function run(text: string, max: number, look: { readonly [key: string]: Json } = {}): Json {
  return { type: 'TextRun', text: safeText(text, { max }), ...look };
}
