import type { Inquiry, NameFact, RevocationFact } from '../../inventory/fact.ts';
import type { FactIndex } from '../../inventory/fact-index.ts';
import type { KnownItem } from '../../inventory/model.ts';
import { nameSubject } from '../../plugin/fact-subject.ts';
import { fullNameOf, utc } from '../../policy/wording.ts';
import { facts, moment, restLine } from './text.ts';

const MAX_NAMES = 10;

/** What enrichers learned of an item and its names, or why they could not; nothing when nobody was asked. */
export function askedLines(item: KnownItem, index: FactIndex, now: number): readonly string[] {
  if (item.kind !== 'certificate') return [];
  const own = index.of(item.id).map((inquiry) => [titleOf(inquiry), answerOf(inquiry, now)] as const);
  const names = item.names.flatMap((name) => index.of(nameSubject(name)).map((inquiry) => ({ name, inquiry })));
  return [
    ...facts([
      ...own,
      ...names.slice(0, MAX_NAMES).map(({ name, inquiry }) => [name, answerOf(inquiry, now)] as const),
    ]),
    ...restLine(names.length - MAX_NAMES, 'name'),
  ];
}

function titleOf({ enricher }: Inquiry): string {
  switch (enricher) {
    case 'crl':
      return 'Revocation list';
    case 'ocsp':
      return 'OCSP';
    case 'ari':
      return 'Renewal wanted';
    case 'aia':
      return 'Issuer';
    case 'names':
    case 'clock':
      return enricher;
  }
}

function answerOf(inquiry: Inquiry, now: number): string {
  const { fact, problem, askedAt } = inquiry;
  const failed = problem === undefined ? '' : `${moment(askedAt, now)}: ${problem}`;
  if (fact === undefined) return failed;
  const text = factText(fact);
  return failed === '' ? `${text}; asked ${moment(fact.at, now)}` : `${text}; last ${failed}`;
}

function factText(fact: NonNullable<Inquiry['fact']>): string {
  switch (fact.kind) {
    case 'revocation':
      return revocationText(fact);
    case 'renewal':
      return `from ${utc(fact.startAt)} to ${utc(fact.endAt)}${fact.explanationUrl === undefined ? '' : ` (${fact.explanationUrl})`}`;
    case 'issuer':
      return `${fullNameOf(fact.issuer)}, ${fact.issuer.id}, at ${fact.url}`;
    case 'name':
      return nameText(fact);
    case 'clock':
      return `${Math.round(fact.skewMs / 1000)} s`;
  }
}

function revocationText({ status, revokedAt, reason, problem, url }: RevocationFact): string {
  const when = revokedAt === undefined ? '' : ` on ${utc(revokedAt)}`;
  const why = reason === undefined ? '' : ` (${reason})`;
  return `${status}${when}${why}${problem === undefined ? '' : `, ${problem}`}, by ${url}`;
}

function nameText({ resolves, deadSinceAt, resolvedAt }: NameFact): string {
  if (resolves || deadSinceAt === undefined) return 'in DNS';
  return `not in DNS since ${utc(deadSinceAt)}${resolvedAt === undefined ? ', and never seen there' : ''}`;
}
