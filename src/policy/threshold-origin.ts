import type { Location, Sighting } from '../inventory/model.ts';
import { DEFAULT_POLICY, LEVELS, overridesFor, patchOf, type Policy, type ThresholdClass } from './policy.ts';
import type { Threshold } from './threshold.ts';

/** A threshold in force, and where it was set. */
export interface ThresholdOrigin {
  readonly level: (typeof LEVELS)[number];
  readonly threshold: Threshold;
  /** `default`, or the path in the config: `policy.leaf.warning`, `sources.disk.policy.leaf.warning`, `policy.overrides[0].leaf.warning`. */
  readonly from: string;
}

/** The thresholds of a class that are in force for a sighting, or for the location as a whole; from the first told to the last. */
export function thresholdOrigins(
  policy: Policy,
  location: Pick<Location, 'source' | 'type' | 'labels'>,
  sighting: Pick<Sighting, 'role' | 'labels'> | undefined,
  name: ThresholdClass,
): readonly ThresholdOrigin[] {
  const layers = [
    { at: `sources.${location.source}.policy`, thresholds: patchOf(policy, location.source)?.thresholds?.[name] },
    ...overridesFor(policy, location, sighting).map(({ index, settings }) => ({
      at: `policy.overrides[${index}]`,
      thresholds: settings.thresholds?.[name],
    })),
  ];
  return LEVELS.flatMap((level): readonly ThresholdOrigin[] => {
    const path = `${name}.${level}`;
    const own = policy.settings.thresholds[name][level];
    const isDefault = own?.text === DEFAULT_POLICY.settings.thresholds[name][level]?.text;
    let threshold: Threshold | null | undefined = own;
    let from = isDefault ? 'default' : `policy.${path}`;
    for (const { at, thresholds } of layers) {
      const changed = thresholds?.[level];
      if (changed === undefined) continue;
      threshold = changed;
      from = `${at}.${path}`;
    }
    return threshold === undefined || threshold === null ? [] : [{ level, threshold, from }];
  });
}
