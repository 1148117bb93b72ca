import type { RenewalFact } from '../../inventory/fact.ts';
import { CLOCK_SUBJECT } from '../../plugin/fact-subject.ts';
import { deployIt, proveIt, renewIt, seeIt } from '../advice.ts';
import { itemFacts } from '../facts.ts';
import type { Assessment, Finding } from '../finding.ts';
import { endsAt, kindOf } from '../kind.ts';
import { renewalWindow, wasMoved } from '../renewal-window.ts';
import type { CertificateSighting } from '../served.ts';
import { assessment, earliest, type Subject } from '../subject.ts';
import { fullNameOf, placeName, span, titleOf, utc } from '../wording.ts';

/**
 * The CA asks for the renewal of a certificate earlier than usual (RFC 9773): it has moved the window, as it does before it
 * revokes a batch. Info from the beginning of the window, a warning once it is over. That the usual window has passed is
 * the business of `renewal-overdue`.
 */
export function renewalRequested(subject: Subject): Assessment {
  const now = subject.now + skewOf(subject);
  const findings = new Map<string, Finding>();
  const instants: (number | undefined)[] = [];
  for (const sighting of subject.certificates) {
    if (kindOf(sighting) !== 'leaf') continue;
    const window = renewalWindow(subject, sighting.item);
    if (window === undefined || !wasMoved(window, sighting.item)) continue;
    const end = endsAt(sighting.item);
    if (end !== undefined && now >= end) continue;
    instants.push(...[window.startAt, window.endAt, end].filter((at) => at !== undefined && at > now));
    if (now >= window.startAt) findings.set(sighting.item.id, finding(subject, sighting, window, now));
  }
  const next = earliest(instants);
  return assessment([...findings.values()], next === undefined ? undefined : next - (now - subject.now));
}

/** What the windows are compared with is the time of the CA: a clock that is ahead would see them passed. */
function skewOf({ view }: Subject): number {
  return view.facts(CLOCK_SUBJECT).find((fact) => fact.kind === 'clock')?.skewMs ?? 0;
}

function finding({ location }: Subject, sighting: CertificateSighting, window: RenewalFact, now: number): Finding {
  const { item } = sighting;
  const isOver = now >= window.endAt;
  const until = isOver
    ? `its window ended ${span(now - window.endAt)} ago`
    : `its window ends in ${span(window.endAt - now)}`;
  return {
    rule: 'renewal-requested',
    family: 'renewal',
    severity: isOver ? 'warning' : 'info',
    cause: item.id,
    title: titleOf(item),
    summary: `The CA asks to renew ${fullNameOf(item)} ahead of time, ${until}, ${utc(window.endAt)}, at ${placeName(location)}`,
    facts: [
      { name: 'Window', value: `${utc(window.startAt)} to ${utc(window.endAt)}` },
      ...(window.explanationUrl === undefined ? [] : [{ name: 'Reason of the CA', value: window.explanationUrl }]),
      ...itemFacts(item, sighting),
    ],
    actions: [
      ...(window.explanationUrl === undefined ? [] : [`Read why: ${window.explanationUrl}`]),
      'Renew today: a CA that moves the window usually revokes what is left soon after. ACME clients that know ARI do it by themselves; see why this one has not',
      renewIt(item, sighting),
      ...seeIt(location),
      deployIt(location, sighting),
      proveIt(location),
    ],
  };
}
