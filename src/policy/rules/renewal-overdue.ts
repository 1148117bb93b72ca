import type { Sighting } from '../../inventory/model.ts';
import type { Severity } from '../../plugin/notification.ts';
import { compareKey, deployIt, proveIt, renewIt, seeIt } from '../advice.ts';
import { itemFacts } from '../facts.ts';
import type { Assessment, Finding } from '../finding.ts';
import { stepsOf } from '../deadline.ts';
import { endsAt, kindOf } from '../kind.ts';
import { renewalDue, type RenewalDue } from '../renewal-due.ts';
import { isCertificate } from '../served.ts';
import { assessment, earliest, type Subject } from '../subject.ts';
import { ending, fullNameOf, placeName, span, titleOf, utc } from '../wording.ts';

/** Where the end itself is told of later than this, nobody would hear for too long that an automatic renewal has stopped. */
const LONG_SILENCE_MS = 14 * 86_400_000;

/**
 * A renewal was due, its grace is over, and nothing newer is known anywhere: what renews has stopped. A warning where the
 * store says so itself, and where it is known that the renewal is automatic and the end is told of much later only; else a
 * note, until the end itself is told of.
 */
export function renewalOverdue(subject: Subject): Assessment {
  const findings = new Map<string, Finding>();
  let next: number | undefined;
  for (const sighting of subject.location.sightings) {
    const { severity, due, nextAt } = judge(sighting, subject);
    if (nextAt !== undefined && (next === undefined || nextAt < next)) next = nextAt;
    const { id } = sighting.item;
    if (severity !== undefined && !findings.has(id)) findings.set(id, finding(subject, sighting, severity, due));
  }
  return assessment([...findings.values()], next);
}

interface Judged {
  readonly severity?: Severity;
  readonly due?: RenewalDue;
  readonly nextAt?: number;
}

function judge(sighting: Sighting, subject: Subject): Judged {
  const { now } = subject;
  const { item, renewal, supersededBy } = sighting;
  const kind = kindOf(sighting);
  const end = endsAt(item);
  if ((kind !== 'leaf' && kind !== 'credential') || supersededBy !== undefined) return {};
  // What has ended is told of as such.
  if (end !== undefined && now >= end) return {};
  const due = renewal?.stuck === undefined ? renewalDue(sighting, subject) : undefined;
  if (due === undefined && renewal?.stuck === undefined) return {};
  const overdueAt = due === undefined ? now : due.at + due.graceMs;
  if (now < overdueAt) return { nextAt: overdueAt };
  if (isRenewed(sighting, subject)) return {};
  const until = end === undefined ? {} : { nextAt: end };
  if (due === undefined) return { severity: 'warning', ...until };
  const warnedAt = warningAt(sighting, subject) ?? end;
  const isSilentForLong = warnedAt === undefined || warnedAt - overdueAt > LONG_SILENCE_MS;
  if (due.isCertain && isSilentForLong) return { severity: 'warning', due, ...until };
  if (warnedAt === undefined) return { severity: 'info', due };
  return now < warnedAt ? { severity: 'info', due, nextAt: warnedAt } : {};
}

/** Whether something newer for the same names is known, wherever it lies: bringing it here is another matter. */
function isRenewed(sighting: Sighting, { view }: Subject): boolean {
  return isCertificate(sighting) && view.successors(sighting.item).some(({ hasSameNames }) => hasSameNames);
}

/** When the end of the item becomes a warning here. */
function warningAt({ item }: Sighting, { deadlines }: Subject): number | undefined {
  return earliest(
    deadlines
      .filter((deadline) => deadline.item.id === item.id)
      .flatMap((deadline) => stepsOf(deadline).flatMap(({ at, severity }) => (severity === 'info' ? [] : [at]))),
  );
}

function finding(
  { location, now }: Subject,
  sighting: Sighting,
  severity: Severity,
  due: RenewalDue | undefined,
): Finding {
  const { item, renewal } = sighting;
  const end = endsAt(item);
  const why =
    due === undefined
      ? `its renewal is stuck (${renewal?.stuck ?? ''})`
      : `its renewal was due ${span(now - due.at)} ago, ${utc(due.at)} (${due.basis()})`;
  const until = end === undefined ? '' : `; it ${ending(end, now)}`;
  return {
    rule: 'renewal-overdue',
    family: 'renewal',
    severity,
    cause: item.id,
    title: titleOf(item),
    summary: `${fullNameOf(item)} has not been renewed: ${why}${until}, at ${placeName(location)}`,
    ...(end === undefined ? {} : { endsAt: end }),
    facts: [
      ...(due === undefined ? [] : [{ name: 'Renewal due', value: `${utc(due.at)}, ${due.basis()}` }]),
      ...itemFacts(item, sighting),
    ],
    actions: [
      ...seeIt(location),
      'Look at what renews it: its log, when it ran last, whether its account, its DNS records and its way to the CA still work',
      renewIt(item, sighting),
      ...compareKey(location, sighting),
      deployIt(location, sighting),
      proveIt(location),
    ],
  };
}
