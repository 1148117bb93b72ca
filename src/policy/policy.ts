import { mergeLabels, type Labels } from '../label/labels.ts';
import { matches, type Matcher } from '../label/matcher.ts';
import type { Location, Sighting } from '../inventory/model.ts';
import { baseName } from '../plugin/source-name.ts';
import type { Pins } from '../plugin/demands.ts';
import { parseThreshold, thresholdMs, type Threshold } from './threshold.ts';

/**
 * What thresholds are set for. `leaf`: certificates that servers, clients and signers present. `short_lived`: any
 * certificate that lives for less than `shortLivedUnderMs`. `authority`: intermediates, issuers and trust anchors in use.
 */
export const THRESHOLD_CLASSES = ['leaf', 'short_lived', 'authority', 'crl', 'credential'] as const;
export type ThresholdClass = (typeof THRESHOLD_CLASSES)[number];

/** How long before its end an item gets each severity; one that is absent is never reached before the end. */
export interface Thresholds {
  readonly info?: Threshold;
  readonly warning?: Threshold;
  readonly critical?: Threshold;
}

/** Everything that can be set about judging one sighting. */
export interface Settings {
  readonly thresholds: Readonly<Record<ThresholdClass, Thresholds>>;
  readonly shortLivedUnderMs: number;
  /** Intervals of its source without a look after which a location is stale. */
  readonly staleAfterIntervals: number;
  /** Failed looks in a row from which a location that cannot be looked at is a warning. */
  readonly unreachableWarningAfter: number;
  /** How long a roll-out may take: until then old and new may be seen side by side. */
  readonly rolloutGraceMs: number;
  /** How bad it is that something has no owner. */
  readonly unowned: Optional;
  /** How bad it is that nobody looks at a name of a certificate. */
  readonly nameUnwatched: Optional;
  /** What endpoints may serve; absent where nothing is pinned. */
  readonly pins?: Pins;
}

/** Rules that not everybody wants. */
export const OPTIONAL_LEVELS = ['off', 'info', 'warning'] as const;
export type Optional = (typeof OPTIONAL_LEVELS)[number];

/** Thresholds to replace; `null` takes one away. */
export type ThresholdsPatch = { readonly [Level in keyof Thresholds]?: Threshold | null };

/** Settings to replace. */
export type SettingsPatch = Partial<Omit<Settings, 'thresholds'>> & {
  readonly thresholds?: { readonly [Class in ThresholdClass]?: ThresholdsPatch };
};

/** Settings for what all matchers match: labels of the location and the item, and `source`, `type`, `role`. */
export interface PolicyOverride {
  readonly match: readonly Matcher[];
  readonly settings: SettingsPatch;
}

/** What holds everywhere, then by source, then by matcher in the order written; what comes later wins. */
export interface Policy {
  readonly settings: Settings;
  readonly sources: ReadonlyMap<string, SettingsPatch>;
  readonly overrides: readonly PolicyOverride[];
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const LEAF: Thresholds = { warning: parseThreshold('25% max 30d'), critical: parseThreshold('10% max 7d') };

export const DEFAULT_POLICY: Policy = {
  settings: {
    thresholds: {
      leaf: LEAF,
      short_lived: { warning: parseThreshold('35%'), critical: parseThreshold('15%') },
      authority: {
        info: parseThreshold('365d'),
        warning: parseThreshold('25% max 180d'),
        critical: parseThreshold('30d'),
      },
      crl: { warning: parseThreshold('25%') },
      credential: LEAF,
    },
    shortLivedUnderMs: 10 * DAY_MS,
    staleAfterIntervals: 3,
    unreachableWarningAfter: 3,
    rolloutGraceMs: 6 * HOUR_MS,
    unowned: 'off',
    nameUnwatched: 'off',
  },
  sources: new Map(),
  overrides: [],
};

/** The settings in force for a sighting, or for the location as a whole. */
export function policyFor(
  policy: Policy,
  location: Pick<Location, 'source' | 'type' | 'labels'>,
  sighting?: Pick<Sighting, 'role' | 'labels'>,
): Settings {
  let settings = settingsOf(policy, location.source);
  if (policy.overrides.length === 0) return settings;
  for (const { settings: patch } of overridesFor(policy, location, sighting)) settings = patched(settings, patch);
  return settings;
}

/** Settings of sources, made once for each policy. */
const bySource = new WeakMap<Policy, Map<string, Settings>>();

/** What a source says for itself, from wherever it is looked at. */
export function patchOf(policy: Policy, source: string): SettingsPatch | undefined {
  return policy.sources.get(source) ?? policy.sources.get(baseName(source));
}

function settingsOf(policy: Policy, source: string): Settings {
  if (policy.sources.size === 0) return policy.settings;
  const patch = patchOf(policy, source);
  if (patch === undefined) return policy.settings;
  let known = bySource.get(policy);
  if (known === undefined) bySource.set(policy, (known = new Map()));
  let settings = known.get(source);
  if (settings === undefined) known.set(source, (settings = patched(policy.settings, patch)));
  return settings;
}

/** The overrides that match, in the order written, each with its number in the policy. */
export function overridesFor(
  policy: Policy,
  location: Pick<Location, 'source' | 'type' | 'labels'>,
  sighting?: Pick<Sighting, 'role' | 'labels'>,
): readonly (PolicyOverride & { readonly index: number })[] {
  if (policy.overrides.length === 0) return [];
  const labels: Labels = mergeLabels(location.labels, sighting?.labels, {
    source: location.source,
    type: location.type,
    ...(sighting === undefined ? {} : { role: sighting.role }),
  });
  return policy.overrides
    .map((override, index) => ({ ...override, index }))
    .filter(({ match }) => matches(match, labels));
}

function patched(settings: Settings, patch: SettingsPatch): Settings {
  const { thresholds: changes, ...rest } = patch;
  if (changes === undefined) return { ...settings, ...rest };
  const thresholds = { ...settings.thresholds };
  for (const name of THRESHOLD_CLASSES) {
    const change = changes[name];
    if (change !== undefined) thresholds[name] = patchedThresholds(thresholds[name], change);
  }
  return { ...settings, ...rest, thresholds };
}

function patchedThresholds(thresholds: Thresholds, patch: ThresholdsPatch): Thresholds {
  const result: { -readonly [Level in keyof Thresholds]: Thresholds[Level] } = { ...thresholds };
  for (const level of LEVELS) {
    const change = patch[level];
    if (change === null) delete result[level];
    else if (change !== undefined) result[level] = change;
  }
  return result;
}

/** From the first that is told to the last. */
export const LEVELS = ['info', 'warning', 'critical'] as const satisfies readonly (keyof Thresholds)[];

/** Lifetimes that are common for each class: thresholds must be in order for all of them. */
const TYPICAL_DAYS: Readonly<Record<ThresholdClass, readonly number[]>> = {
  leaf: [90, 398],
  short_lived: [1, 6],
  authority: [3 * 365, 10 * 365],
  crl: [7],
  credential: [90, 2 * 365],
};

/** A contradiction in a policy. `path` leads to the thresholds that hold it: `['thresholds', 'leaf']`, `['sources', 'disk', …]`, `['overrides', 0, …]`. */
export interface PolicyProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Finds thresholds that contradict each other: a critical that would come before its warning. Empty when all is well. */
export function checkPolicy(policy: Policy): readonly PolicyProblem[] {
  const problems = contradictions(policy.settings.thresholds, THRESHOLD_CLASSES, []);
  for (const [name, patch] of policy.sources) {
    problems.push(...contradictionsOf(policy.settings, patch, ['sources', name]));
  }
  for (const [index, override] of policy.overrides.entries()) {
    problems.push(...contradictionsOf(policy.settings, override.settings, ['overrides', index]));
  }
  return problems;
}

/** Only what the patch touches: what it inherits is told of where it is written. */
function contradictionsOf(
  settings: Settings,
  patch: SettingsPatch,
  path: PolicyProblem['path'],
): readonly PolicyProblem[] {
  const touched = THRESHOLD_CLASSES.filter((name) => patch.thresholds?.[name] !== undefined);
  return contradictions(patched(settings, patch).thresholds, touched, path);
}

function contradictions(
  thresholds: Settings['thresholds'],
  classes: readonly ThresholdClass[],
  path: PolicyProblem['path'],
): PolicyProblem[] {
  return classes.flatMap((name) => {
    const message = contradiction(name, thresholds[name]);
    return message === undefined ? [] : [{ path: [...path, 'thresholds', name], message }];
  });
}

function contradiction(name: ThresholdClass, thresholds: Thresholds): string | undefined {
  for (const days of TYPICAL_DAYS[name]) {
    let earlier: { level: string; threshold: Threshold; ms: number } | undefined;
    for (const level of LEVELS) {
      const threshold = thresholds[level];
      if (threshold === undefined) continue;
      const ms = thresholdMs(threshold, days * DAY_MS);
      if (earlier !== undefined && ms > earlier.ms) {
        return (
          `for a lifetime of ${days} days, ${level} ("${threshold.text}") would come before ` +
          `${earlier.level} ("${earlier.threshold.text}"); make ${level} the shorter of the two`
        );
      }
      earlier = { level, threshold, ms };
    }
  }
  return undefined;
}
