import type { Location } from '../inventory/model.ts';
import { assess } from './assess.ts';
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

/** What is known of the limits of what is known. Pure. `sources` are the names of those that the config has. */
export function coverageReport(
  sources: readonly string[],
  locations: readonly Location[],
  view: InventoryView,
  policy: Policy,
  now: number,
): CoverageReport {
  const { settings } = policy;
  const asked: Policy = {
    ...policy,
    // Names are told one by one below.
    settings: { ...settings, nameUnwatched: 'off', unowned: settings.unowned === 'off' ? 'info' : settings.unowned },
  };
  const unwatched = new Map<string, Set<string>>();
  const entries = locations.map((location) => {
    for (const sighting of location.sightings.filter(isCertificate)) {
      for (const name of unwatchedNames(sighting, view, now)) {
        const known = unwatched.get(name.toLowerCase()) ?? new Set();
        unwatched.set(name.toLowerCase(), known.add(location.location));
      }
    }
    const { findings } = assess(location, view, asked, now);
    return {
      location,
      findings: findings.filter(({ family, rule }) => family === 'coverage' && rule !== 'name-unwatched'),
    };
  });
  return {
    sources: sources.map((name) => {
      const own = locations.filter(({ source }) => source === name);
      return { name, locations: own.length, failed: own.filter(({ failure }) => failure !== undefined).length };
    }),
    findings: groupFindings(entries),
    unwatched: [...unwatched]
      .map(([name, places]) => ({ name, locations: [...places].toSorted(compareText) }))
      .toSorted((a, b) => compareText(a.name, b.name)),
  };
}

/** By code unit: the same on every machine. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
