import { gapActions, gapFacts, gapSeverity, gapsOf, gapText } from '../coverage.ts';
import type { Assessment } from '../finding.ts';
import { assessment, NOTHING, type Subject, targetCause } from '../subject.ts';
import { placeName, span, targetName, utc } from '../wording.ts';

/**
 * Nobody answered, or not in a way that shows what is there. What was last known goes on being judged by the other rules.
 * The addresses of one target are one cause.
 */
export function unreachable(subject: Subject): Assessment {
  const { location, now } = subject;
  const gaps = gapsOf(location, 'unreachable');
  if (gaps.length === 0) return NOTHING;
  const target = targetName(location);
  const since =
    location.lastSuccessAt === undefined
      ? 'never reached yet'
      : `last reached ${span(now - location.lastSuccessAt)} ago, ${utc(location.lastSuccessAt)}`;
  const finding = {
    rule: 'unreachable',
    family: 'coverage',
    severity: gapSeverity(subject, gaps),
    cause: targetCause(location),
    title: target,
    summary: `${target} cannot be looked at: ${gapText(subject, gaps)}, ${since}, at ${placeName(location)}`,
    facts: gapFacts(subject, gaps),
    actions: gapActions(subject, gaps),
  } as const;
  return assessment([finding], subject.nextStepAt);
}
