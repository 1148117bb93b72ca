import type { Severity } from '../plugin/notification.ts';
import type { RuleId } from '../policy/finding.ts';
import type { AlertReader } from './port.ts';

/** How many places a rule affects now, at one severity, in one source. */
export interface FindingCount {
  readonly rule: RuleId;
  readonly severity: Severity;
  readonly source: string;
  readonly count: number;
}

/** Affected places by rule, severity and source. */
export async function countFindings(reader: AlertReader): Promise<readonly FindingCount[]> {
  const counts = new Map<string, FindingCount>();
  for (const alert of await reader.alerts({ state: 'open' })) {
    for (const place of alert.places) {
      if (place.state !== 'open' || place.goodLooks > 0) continue;
      for (const { rule, severity } of place.findings) {
        const key = `${rule} ${severity} ${place.source}`;
        counts.set(key, { rule, severity, source: place.source, count: (counts.get(key)?.count ?? 0) + 1 });
      }
    }
  }
  return [...counts.values()];
}
