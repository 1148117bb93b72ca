import type { AlertNotice, Severity } from '../../src/plugin/notification.ts';
import { endText, utcText } from '../../src/plugin/wording.ts';

const PAST = '#9aa0a6';
const OPEN: Readonly<Record<Severity, string>> = { critical: '#b3261e', warning: '#8a5300', info: '#44546a' };
const LEFT = '#cfd8dc';
/** A stretch that is there is seen, however short, per cent. */
const LEAST_WIDTH = 2;

interface Point {
  readonly at: Date;
  readonly name: string;
}

/**
 * The life of what the alert is about as one bar: from when it began, or was first told of, to its end or to now, whichever
 * comes later; behind us in grey, told of in the colour of the severity, and what is left. Empty where there is no end.
 */
export function timelineOf(alert: AlertNotice, now: Date): string {
  const { endsAt } = alert;
  if (endsAt === undefined || alert.state !== 'open') return '';
  const points = pointsOf(alert, endsAt, now);
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined || first.at >= last.at) return '';
  const stretches = points.slice(1).map((point, index) => {
    const from = points[index] ?? first;
    return { ms: point.at.getTime() - from.at.getTime(), colour: colourOf(from.at, alert, endsAt, now) };
  });
  const labels = [first, ...points.slice(1, -1), last].map(
    ({ name, at }, index, all) =>
      `<td valign="top" align="${index === 0 ? 'left' : index === all.length - 1 ? 'right' : 'center'}" style="font-size:12px;line-height:1.35;padding:4px 4px 0 0">${name}<br>${utcText(at)}</td>`,
  );
  return [
    bar(stretches.filter(({ ms }) => ms > 0)),
    `<table role="presentation" width="100%" cellspacing="0" cellpadding="0"><tr>${labels.join('')}</tr></table>`,
    `<p style="margin:4px 0 0;font-size:12px">${shareText(alert, endsAt, now)}</p>`,
  ].join('\n');
}

/** In the order of time. */
function pointsOf(alert: AlertNotice, endsAt: Date, now: Date): readonly Point[] {
  const began = beginningOf(alert);
  const points: Point[] = [
    ...(began === undefined ? [] : [{ at: began, name: 'Valid from' }]),
    ...(alert.openedAt.getTime() === now.getTime() ? [] : [{ at: alert.openedAt, name: 'Alert since' }]),
    { at: now, name: 'This mail' },
    { at: endsAt, name: endsAt <= now ? 'Ended' : 'Ends' },
  ];
  return points.toSorted((a, b) => a.at.getTime() - b.at.getTime());
}

/** When its validity began, if the facts say so in the form in which all times are told. */
function beginningOf({ facts }: AlertNotice): Date | undefined {
  const said = facts.find(({ name }) => name === 'Valid from')?.value ?? '';
  const [, day, minute] = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d) UTC$/.exec(said) ?? [];
  if (day === undefined || minute === undefined) return undefined;
  const at = new Date(`${day}T${minute}:00Z`);
  return Number.isNaN(at.getTime()) ? undefined : at;
}

function colourOf(from: Date, alert: AlertNotice, endsAt: Date, now: Date): string {
  if (from >= endsAt) return OPEN.critical;
  if (from >= now) return LEFT;
  return from >= alert.openedAt ? OPEN[alert.severity] : PAST;
}

function bar(stretches: readonly { readonly ms: number; readonly colour: string }[]): string {
  let total = 0;
  for (const { ms } of stretches) total += ms;
  const cells = stretches.map(({ ms, colour }) => {
    const width = Math.max(LEAST_WIDTH, Math.round((ms / total) * 100));
    return `<td width="${width}%" height="10" bgcolor="${colour}" style="background-color:${colour};height:10px;line-height:10px;font-size:1px">&nbsp;</td>`;
  });
  return `<table role="presentation" width="100%" cellspacing="0" cellpadding="0" style="margin:4px 0 0"><tr>${cells.join('')}</tr></table>`;
}

/** What the colours say, in words. */
function shareText(alert: AlertNotice, endsAt: Date, now: Date): string {
  const began = beginningOf(alert);
  const what = endText(endsAt, now);
  if (began === undefined || endsAt <= now || endsAt <= began) return `It ${what}.`;
  const share = (endsAt.getTime() - now.getTime()) / (endsAt.getTime() - began.getTime());
  return `It ${what}: ${Math.min(100, Math.floor(share * 100))} % of its life is left.`;
}
