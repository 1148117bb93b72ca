import type { NameFact } from '../../inventory/fact.ts';
import { nameSubject } from '../../plugin/fact-subject.ts';
import { renewIt, seeIt } from '../advice.ts';
import { quote } from '../../text/shell.ts';
import { itemFacts } from '../facts.ts';
import type { Assessment, Finding } from '../finding.ts';
import { endsAt, kindOf } from '../kind.ts';
import type { CertificateSighting } from '../served.ts';
import { assessment, earliest, type Subject } from '../subject.ts';
import { counted, fullNameOf, placeName, titleOf, utc } from '../wording.ts';

/** A name may be away for a moment while it is moved. */
const GRACE_MS = 6 * 3_600_000;
const MAX_LISTED = 10;

interface DeadName {
  readonly name: string;
  readonly fact: NameFact & { readonly deadSinceAt: number };
}

/**
 * Names of a certificate that no longer exist in DNS: a CA cannot validate them, and one of them stops the renewal for
 * all. A warning for a name that was seen alive; a note for one that never was, which may exist for others only.
 */
export function nameDead(subject: Subject): Assessment {
  const { now } = subject;
  const findings = new Map<string, Finding>();
  const instants: (number | undefined)[] = [];
  for (const sighting of subject.certificates) {
    const end = endsAt(sighting.item);
    if (kindOf(sighting) !== 'leaf' || findings.has(sighting.item.id) || (end !== undefined && now >= end)) continue;
    const dead = deadNames(sighting.item, subject);
    if (dead.length === 0) continue;
    instants.push(end, ...dead.map(({ fact }) => fact.deadSinceAt + GRACE_MS).filter((at) => at > now));
    const told = dead.filter(({ fact }) => now >= fact.deadSinceAt + GRACE_MS);
    if (told.length > 0) findings.set(sighting.item.id, finding(subject, sighting, told));
  }
  return assessment([...findings.values()], earliest(instants));
}

const NONE: readonly DeadName[] = [];

function deadNames({ names }: CertificateSighting['item'], { view }: Subject): readonly DeadName[] {
  let dead: DeadName[] | undefined;
  for (const name of names) {
    for (const fact of view.facts(nameSubject(name))) {
      if (fact.kind !== 'name' || fact.deadSinceAt === undefined) continue;
      (dead ??= []).push({ name, fact: { ...fact, deadSinceAt: fact.deadSinceAt } });
    }
  }
  return dead ?? NONE;
}

function finding({ location }: Subject, sighting: CertificateSighting, dead: readonly DeadName[]): Finding {
  const { item } = sighting;
  const wereAlive = dead.filter(({ fact }) => fact.resolvedAt !== undefined);
  const [first] = wereAlive.length > 0 ? wereAlive : dead;
  const others = dead.length - 1;
  const which = `${first?.name ?? ''}${others > 0 ? ` and ${counted(others, 'other name')}` : ''}`;
  return {
    rule: 'name-dead',
    family: 'coverage',
    severity: wereAlive.length > 0 ? 'warning' : 'info',
    cause: item.id,
    title: titleOf(item),
    summary: `${fullNameOf(item)} is for ${which}, which ${others > 0 ? 'are' : 'is'} not in DNS${wereAlive.length > 0 ? ' any more' : ''}: the next renewal will fail for it, at ${placeName(location)}`,
    facts: [
      ...dead.slice(0, MAX_LISTED).map(({ name, fact }) => ({ name, value: historyOf(fact) })),
      ...(dead.length > MAX_LISTED
        ? [{ name: 'Not listed', value: counted(dead.length - MAX_LISTED, 'more name') }]
        : []),
      ...itemFacts(item, sighting),
    ],
    actions: [
      ...(first === undefined ? [] : [`See it: dig +short A ${quote(first.name)} AAAA ${quote(first.name)}`]),
      'If the name is gone for good, take it out of the order of the certificate (for certbot: -d with the names that remain), so that the next renewal does not fail for all of them',
      'If it should be there, bring its DNS record back: whoever may register a forgotten name also gets certificates for it',
      ...seeIt(location),
      renewIt(item, sighting),
    ],
  };
}

function historyOf({ deadSinceAt, resolvedAt }: DeadName['fact']): string {
  return resolvedAt === undefined
    ? `never seen in DNS; looked for since ${utc(deadSinceAt)}`
    : `gone since ${utc(deadSinceAt)}, last seen ${utc(resolvedAt)}`;
}
