import { clientGapFindings } from '../client-gap.ts';
import { gapActions, gapFacts, gapSeverity, gapsOf, gapText } from '../coverage.ts';
import type { Assessment } from '../finding.ts';
import { assessment, locationCause, type Subject } from '../subject.ts';
import { placeName } from '../wording.ts';

/** notafter may not look, or not at everything: what is there may end unseen. */
export function notCovered(subject: Subject): Assessment {
  const gaps = gapsOf(subject.location, 'not-covered');
  const clients = clientGapFindings(subject, 'not-covered');
  if (gaps.length === 0) return { findings: clients };
  const place = placeName(subject.location);
  const finding = {
    rule: 'not-covered',
    family: 'coverage',
    severity: gapSeverity(subject, gaps),
    cause: locationCause(subject.location),
    title: place,
    summary: `What is there may end unseen: ${gapText(subject, gaps)}, at ${place}`,
    facts: gapFacts(subject, gaps),
    actions: gapActions(subject, gaps),
  } as const;
  return assessment([finding, ...clients], subject.nextStepAt);
}
