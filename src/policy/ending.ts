import { clientsShownTo } from './client.ts';
import { stageAt, nextStepAt, type Deadline, type EndRule } from './deadline.ts';
import { deadlineFacts } from './facts.ts';
import type { Assessment, Finding } from './finding.ts';
import { compareSeverity } from '../plugin/notification.ts';
import { assessment, earliest, type Subject } from './subject.ts';
import { ending, fullNameOf, placeName, titleOf } from './wording.ts';

/** What to do about one deadline, in order. */
export type Advice = (deadline: Deadline, subject: Subject) => readonly string[];

/**
 * The findings of one of the rules that tell of an end: one for each item, at its worst. An end for which a client is
 * rejected already is told by the rejection.
 */
export function endingFindings(subject: Subject, rule: EndRule, advice: Advice): Assessment {
  const findings = new Map<string, Finding>();
  const isTold = toldByRejection(subject);
  for (const deadline of subject.deadlines) {
    const stage = stageAt(deadline, subject.now);
    if (stage?.rule !== rule || isTold(deadline)) continue;
    const known = findings.get(deadline.item.id);
    if (known !== undefined && compareSeverity(known.severity, stage.severity) >= 0) continue;
    findings.set(deadline.item.id, {
      rule,
      family: 'expiry',
      severity: stage.severity,
      cause: deadline.item.id,
      title: titleOf(deadline.item),
      summary: summaryOf(deadline, subject),
      endsAt: deadline.endsAt,
      facts: deadlineFacts(deadline, subject.now),
      actions: advice(deadline, subject),
    });
  }
  return assessment(
    [...findings.values()],
    earliest(subject.deadlines.map((deadline) => nextStepAt(deadline, subject.now))),
  );
}

/** Whether the end of a client, or of what is above it, is told by `client-rejected`, with the same cause. */
export function toldByRejection({ location }: Subject): (deadline: Deadline) => boolean {
  const ends = new Map(clientsShownTo(location).map(({ name, endedBy }) => [name, endedBy?.item.id]));
  return ({ client, item }) => client !== undefined && ends.get(client.name) === item.id;
}

function summaryOf(deadline: Deadline, { location, now }: Subject): string {
  const tail = deadline.limits === undefined ? '' : `, and with it the chain of ${titleOf(deadline.limits)}`;
  return `${fullNameOf(deadline.item)} ${ending(deadline.endsAt, now)}${tail}, at ${placeName(location)}`;
}
