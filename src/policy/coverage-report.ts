import type { Location } from '../inventory/model.ts';
import { assess } from './assess.ts';
import type { Finding } from './finding.ts';
import { groupFindings, type FindingGroup } from './group.ts';
import type { Policy } from './policy.ts';
import { unwatchedNames } from './rules/name-unwatched.ts';
import { isCertificate } from './served.ts';
import type { InventoryView } from './view.ts';

/** How much is known of one source. */
export interface SourceCoverage {
  readonly name: string;
  /** Locations that are known. */
  readonly locations: number;
  /** Of them, those at which the last look failed. */
  readonly failed: number;
}

/** A name of certificates at which nobody looks. */
export interface UnwatchedName {
  readonly name: string;
  /** Where its certificates lie, each once, in the order of code units. */
  readonly locations: readonly string[];
}

/** What cannot be seen, as far as that can be known. */
export interface CoverageReport {
  /** The sources of the config, in its order; one without locations has shown nothing yet. */
  readonly sources: readonly SourceCoverage[];
  /**
   * Findings of the family `coverage`: what is not read or not reached, dead names, sources that look too seldom, and what
   * has no owner, also where the policy leaves that out.
   */
  readonly findings: readonly FindingGroup[];
  /** In the order of code units. */
  readonly unwatched: readonly UnwatchedName[];
}

/** Takes in locations one by one, so that a host may do something else between two of them. */
export interface CoverageReporting {
  note(location: Location): void;
  result(): CoverageReport;
}

/** What is known of the limits of what is known. Pure. `sources` are the names of those that the config has. */
export function startCoverageReport(
  sources: readonly string[],
  view: InventoryView,
  policy: Policy,
  now: number,
): CoverageReporting {
  const { settings } = policy;
  const asked: Policy = {
    ...policy,
    // Names are told one by one below.
    settings: { ...settings, nameUnwatched: 'off', unowned: settings.unowned === 'off' ? 'info' : settings.unowned },
  };
  const unwatched = new Map<string, Set<string>>();
  const counts = new Map(sources.map((name) => [name, { locations: 0, failed: 0 }]));
  const entries: { location: Pick<Location, 'location'>; findings: readonly Finding[] }[] = [];
  return {
    note(location) {
      for (const sighting of location.sightings.filter(isCertificate)) {
        for (const name of unwatchedNames(sighting, view, now)) {
          const known = unwatched.get(name.toLowerCase()) ?? new Set();
          unwatched.set(name.toLowerCase(), known.add(location.location));
        }
      }
      const count = counts.get(location.source);
      if (count !== undefined) count.locations += 1;
      if (count !== undefined && location.failure !== undefined) count.failed += 1;
      const { findings } = assess(location, view, asked, now);
      const own = findings.filter(({ family, rule }) => family === 'coverage' && rule !== 'name-unwatched');
      if (own.length > 0) entries.push({ location: { location: location.location }, findings: own });
    },
    result: () => ({
      sources: [...counts].map(([name, count]) => ({ name, ...count })),
      findings: groupFindings(entries),
      unwatched: [...unwatched]
        .map(([name, places]) => ({ name, locations: [...places].toSorted(compareText) }))
        .toSorted((a, b) => compareText(a.name, b.name)),
    }),
  };
}

/** The report of locations that are all at hand. */
export function coverageReport(
  sources: readonly string[],
  locations: readonly Location[],
  view: InventoryView,
  policy: Policy,
  now: number,
): CoverageReport {
  const reporting = startCoverageReport(sources, view, policy, now);
  for (const location of locations) reporting.note(location);
  return reporting.result();
}

/** By code unit: the same on every machine. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
