import { proveIt, seeIt } from './advice.ts';
import { clientsShownTo, clientsText } from './client.ts';
import type { Deadline, EndRule } from './deadline.ts';
import { deadlineFacts, type Fact } from './facts.ts';
import type { Assessment, Finding } from './finding.ts';
import { compareSeverity } from '../plugin/notification.ts';
import { REASONS } from '../plugin/reason.ts';
import { assessment, type Subject } from './subject.ts';
import { counted, ending, fullNameOf, placeName, titleOf, utc } from './wording.ts';

/** What to do about one deadline, in order. */
export type Advice = (deadline: Deadline, subject: Subject) => readonly string[];

/**
 * The findings of one of the rules that tell of an end: one for each item, at its worst. An end for which a client is
 * rejected already is told by the rejection.
 */
export function endingFindings(subject: Subject, rule: EndRule, advice: Advice): Assessment {
  const due = subject.due.filter(({ stage }) => stage.rule === rule);
  if (due.length === 0) return assessment([], subject.nextStepAt);
  const findings = new Map<string, Finding>();
  const isTold = toldByRejection(subject);
  for (const { deadline, stage } of due) {
    if (isTold(deadline)) continue;
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
      facts: [...deadlineFacts(deadline, subject.now), ...lastSeenFacts(subject)],
      actions: (deadline.isExtra === true ? withoutIt : advice)(deadline, subject),
    });
  }
  return assessment([...findings.values()], subject.nextStepAt);
}

/** What is sent beside the path is not replaced when it ends, but left out. */
function withoutIt({ item }: Deadline, { location }: Subject): readonly string[] {
  return [
    ...seeIt(location),
    `Take ${titleOf(item)} out of what is sent there, unless some clients know no other way: at its end those fail, and nobody else`,
    proveIt(location),
  ];
}

/** Whether the end of a client, or of what is above it, is told by `client-rejected`, with the same cause. */
export function toldByRejection({ location, view }: Subject): (deadline: Deadline) => boolean {
  const ends = new Map(clientsShownTo(location, view).map(({ name, endedBy }) => [name, endedBy?.item.id]));
  return ({ client, item }) => client !== undefined && ends.get(client.name) === item.id;
}

/** Endpoints that are named in a sentence. */
const MAX_ENDPOINTS = 3;

/** What fails, where the place of the item says what it is used for. */
function usesText(deadline: Deadline): string {
  const use = deadline.sighting?.use;
  if (use === undefined) return loginsText(deadline);
  const [most] = use.by;
  const rest = use.by.length - 1;
  const what = most === undefined ? 'what it is used for' : most.reference.id;
  const more = rest > 0 ? ` and ${counted(rest, 'other')}` : '';
  return `, and with it the calls to ${what}${more} (${counted(use.count, 'time')} since ${utc(use.firstAt)}, last ${utc(use.lastAt)})`;
}

/** What is served or who logs in nowhere any more, where the place of the item says what it is used for. */
function loginsText({ item, sighting, client }: Deadline): string {
  if (client !== undefined) {
    return `; ${clientsText([client])} ${item.id === client.leaf.item.id ? 'logs in with it' : 'is let in by it'}`;
  }
  const used = (sighting?.usedBy ?? []).flatMap(({ type, id }) => (type === 'endpoint' ? [id] : []));
  if (sighting === undefined || used.length === 0) return '';
  const more = used.length - MAX_ENDPOINTS;
  const at = `${used.slice(0, MAX_ENDPOINTS).join(', ')}${more > 0 ? ` and ${counted(more, 'more endpoint')}` : ''}`;
  switch (sighting.role) {
    case 'client':
      return `, and with it the logins at ${at}`;
    case 'server':
      return `, and with it what is served at ${at}`;
    case 'intermediate':
    case 'trust-anchor':
    case 'issuer':
    case 'signer':
    case 'unknown':
      return `, and with it the logins of all clients that it vouches for at ${at}`;
  }
}

function summaryOf(deadline: Deadline, { location, now }: Subject): string {
  const tail =
    deadline.isExtra === true
      ? '; it is sent beside the path that clients take, and not needed there'
      : deadline.limits === undefined
        ? usesText(deadline)
        : `, and with it the chain of ${titleOf(deadline.limits)}`;
  const { failure, lastSuccessAt } = location;
  const seen = failure === undefined || lastSuccessAt === undefined ? '' : `, last seen there ${utc(lastSuccessAt)}`;
  return `${fullNameOf(deadline.item)} ${ending(deadline.endsAt, now)}${tail}, at ${placeName(location)}${seen}`;
}

/** What was last known goes on being judged; whoever is told must know that it may have been replaced since. */
function lastSeenFacts({ location: { failure, lastSuccessAt } }: Subject): readonly Fact[] {
  if (failure === undefined || lastSuccessAt === undefined) return [];
  return [{ name: 'Last seen', value: `${utc(lastSuccessAt)}; looks have failed since: ${REASONS[failure.reason]}` }];
}
